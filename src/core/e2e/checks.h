// The list of planned checks, run one by one. Judging thread.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "voicectl/e2e/call_test.h"

namespace voicectl::e2e {

/// What a check saw, when it held.
struct Seen {
    std::string detail;
    nlohmann::ordered_json evidence = nlohmann::ordered_json::object();
    /// Absent: the time that the check took. Present: the time that it measured.
    std::optional<std::chrono::milliseconds> measured;
};

class Checks {
 public:
    Checks(Report& report, const CallTestEvents& events) : report_(report), events_(events) {}

    void plan(std::string id, std::string title);
    /// Takes a planned check back that turned out not to apply.
    void drop(const std::string& id);
    /// Runs a planned check. False when it did not hold; its error is kept in last_error().
    bool run(const std::string& id, const std::function<Result<Seen>()>& check);
    /// As run(); a failure on the way to the call is the way's, not the call's: it keeps its own exit code.
    bool on_the_way(const std::string& id, const std::function<Result<Seen>()>& check);
    /// As run(); only Ctrl-C stops a call that is under way with a code of its own.
    bool in_the_call(const std::string& id, const std::function<Result<Seen>()>& check);
    const Error& last_error() const { return last_; }

 private:
    Report& report_;
    const CallTestEvents& events_;
    Error last_;
};

}  // namespace voicectl::e2e
