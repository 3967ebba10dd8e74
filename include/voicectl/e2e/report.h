// The verdict of a test call: every check that was planned, in order, with its evidence. Values.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::e2e {

struct Check {
    enum class State { NotRun, Held, Failed } state = State::NotRun;
    std::string id;      // stable, for scripts: "agent_joined", "answer_2"
    std::string title;   // for people
    std::string detail;  // what was seen
    std::chrono::milliseconds elapsed{0};
    nlohmann::ordered_json evidence = nlohmann::ordered_json::object();
};

struct Report {
    std::string room, agent;
    std::vector<Check> checks;
    std::chrono::milliseconds elapsed{0};
    /// An error that is about the way there and not about the call: wrong key, server not reachable.
    std::optional<Error> stopped;

    /// Every planned check ran and held.
    bool passed() const;
    int held() const;
    /// "7 of 12 checks held; answer_1 did not: …; not run: …"
    std::string summary() const;
    nlohmann::ordered_json to_json() const;  // schemaVersion 1, documented in docs/e2e-call.md
    /// Nothing when passed(); else CheckFailed naming the first failure, or what stopped it.
    Result<void> verdict() const;
};

}  // namespace voicectl::e2e
