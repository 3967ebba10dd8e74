// The forms a transcript is exported in. A writer is fed calls and turns in order and appends text to a
// buffer that its caller empties, so that length costs no memory. One owner, any one thread.
#pragma once

#include <memory>
#include <string>

#include "voicectl/store/store.h"

namespace voicectl::commands {

class TranscriptWriter {
 public:
    virtual ~TranscriptWriter() = default;
    virtual void begin(std::string& out) { (void)out; }
    virtual void begin_call(const store::Call& call, std::string& out) = 0;
    virtual void turn(const store::Turn& turn, const store::Call& call, std::string& out) = 0;
    virtual void end_call(std::string& out) { (void)out; }
    virtual void end(std::string& out) { (void)out; }
};

/// json: one object, or {"transcripts": […]} when there are `several`. jsonl: one turn a line. txt: for
/// people. Nothing for any other name.
std::unique_ptr<TranscriptWriter> make_writer(const std::string& format, bool several);

}  // namespace voicectl::commands
