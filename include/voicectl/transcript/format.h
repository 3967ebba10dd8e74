// The forms a transcript is given out in: docs/transcripts.md has what each does with text that would mean something
// else in it. A writer is fed calls and turns in order and appends to a buffer that its caller empties, so that length
// costs no memory. One owner, any one thread. To add a form: one file in src/core/transcript/formats, one row in
// format.cpp.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "voicectl/store/store.h"

namespace voicectl::transcript {

struct Style {
    std::map<std::string, std::string> speaker_names{};  // by identity, "user" or "agent"
    bool tools = false;    // what the agent called, where the form does not have it anyway
    bool several = false;  // more than one call follows
};

class Writer {
 public:
    virtual ~Writer() = default;
    virtual void begin(std::string& out) { (void)out; }
    virtual void begin_call(const store::Call& call, std::string& out) = 0;
    virtual void turn(const store::Turn& turn, const store::Call& call, std::string& out) = 0;
    virtual void end_call(std::string& out) { (void)out; }
    virtual void end(std::string& out) { (void)out; }
};

struct Form {
    std::string_view name;   // "json"
    std::string_view title;  // "JSON"
    bool several;            // can hold more than one call
    bool tools;              // can hold what the agent called
    std::unique_ptr<Writer> (*create)(const Style& style);
};

/// In the order of help.
std::span<const Form> forms();
/// nullptr: none of that name.
const Form* find_form(std::string_view name);

/// A time that nobody told is the epoch.
inline bool is_known(store::SystemTime time) { return time != store::SystemTime{}; }

/// Room, agent, caller, times and end, in a few lines; safe for a terminal.
std::string call_heading(const store::Call& call);
/// "0:07.3": minutes, seconds and tenths since the call began, negative before it; "-:--" when nobody knows.
std::string clock_text(const store::Turn& turn, const store::Call& call);

}  // namespace voicectl::transcript
