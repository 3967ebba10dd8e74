// What an agent host tells Prometheus (docs/agent-metrics.md lists the names). One owner, on the loop.
#pragma once

#include <nlohmann/json.hpp>

#include "voicectl/base/metrics.h"

namespace voicectl::agent {

class AgentMetrics : public Metrics {
 public:
    /// All of an agent host, in the order in which they are written.
    static const std::vector<Definition>& definitions();

    AgentMetrics() : Metrics(definitions()) {}

    /// What a session reported (HostParts::on_report).
    void take(const nlohmann::json& report);
};

}  // namespace voicectl::agent
