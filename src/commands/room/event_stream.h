// Events on their way to stdout: JSONL for programs, lines for people; which are shown, and which one is
// waited for. Main thread.
#pragma once

#include <optional>
#include <set>

#include "commands/command.h"
#include "commands/room/event_json.h"
#include "commands/room/pattern.h"

namespace voicectl::commands {

/// `--events` and `--until`, shared by room watch and room join.
struct EventOptions {
    std::vector<std::string> events;     // empty: all
    std::string until;                   // EVENT or EVENT=REGEX
    std::function<bool()> format_given;  // was -o on the line? Without it a pipe gets JSONL
    bool only_watches = false;           // of what a participant does itself there is no event
};

void add_event_flags(Command command, EventOptions& options);

class EventStream {
 public:
    /// Usage for names and fields that no event has, and for -o tsv without --fields: events differ in what they have.
    static Result<EventStream> create(const EventOptions& options, Env& env);

    Result<void> emit(const Json& event);
    bool waits() const { return !until_kind_.empty(); }
    /// The event that --until names came by.
    bool met() const { return met_; }
    /// Is this kind looked at by anybody?
    bool wants(const std::string& kind) const;

 private:
    explicit EventStream(Env& env) : env_(&env) {}
    bool fits(const Json& event) const;
    Result<void> print(const Json& event);
    Env* env_;
    std::set<std::string> shown_;
    std::string until_kind_;
    std::optional<Pattern> until_match_;
    bool for_people_ = false, met_ = false;
};

}  // namespace voicectl::commands
