// What the call processes of a host have told of their providers' circuit breakers: for /status and /metrics. One owner,
// on the loop.
#pragma once

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "voicectl/agent/metrics.h"

namespace voicectl::agent {

class ProviderStates {
 public:
    /// A report of kind "breaker"; others are left alone.
    void take(const nlohmann::json& report);
    /// What processes knew that are no more counts no longer.
    void keep_only(const std::set<int>& pids);
    void show(Metrics& metrics) const;
    /// Those that are held back somewhere: [{"stage", "provider", "open", "halfOpen", "processes"}], the numbers in processes.
    nlohmann::json unwell() const;

 private:
    using Name = std::pair<std::string, std::string>;  // stage, provider
    enum State { Closed, HalfOpen, Open };
    std::map<Name, std::array<int, 3>> counted() const;
    std::map<Name, std::map<int, State>> known_;  // by pid; a name stays, or its gauges would stand still
};

}  // namespace voicectl::agent
