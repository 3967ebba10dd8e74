#include "voicectl/agent/provider_states.h"

namespace voicectl::agent {

void ProviderStates::take(const nlohmann::json& report) {
    if (report.value("kind", std::string()) != "breaker") return;
    const auto state = report.value("state", std::string());
    known_[{report.value("stage", std::string()), report.value("provider", std::string())}][report.value("pid", 0)] =
        state == "open" ? Open : state == "half_open" ? HalfOpen : Closed;
}

void ProviderStates::keep_only(const std::set<int>& pids) {
    for (auto& [name, states] : known_) std::erase_if(states, [&](const auto& one) { return !pids.contains(one.first); });
}

std::map<ProviderStates::Name, std::array<int, 3>> ProviderStates::counted() const {
    std::map<Name, std::array<int, 3>> out;
    for (const auto& [name, states] : known_) {
        auto& counts = out[name];
        for (const auto& [pid, state] : states) ++counts[static_cast<std::size_t>(state)];
    }
    return out;
}

void ProviderStates::show(Metrics& metrics) const {
    for (const auto& [name, counts] : counted()) {
        const auto set = [&](const char* state, int count) {
            metrics.set("voicectl_provider_breakers", count, {{"stage", name.first}, {"provider", name.second}, {"state", state}});
        };
        set("closed", counts[Closed]);
        set("half_open", counts[HalfOpen]);
        set("open", counts[Open]);
    }
}

nlohmann::json ProviderStates::unwell() const {
    auto out = nlohmann::json::array();
    for (const auto& [name, counts] : counted()) {
        if (counts[Open] + counts[HalfOpen] == 0) continue;
        out.push_back({{"stage", name.first},
                       {"provider", name.second},
                       {"open", counts[Open]},
                       {"halfOpen", counts[HalfOpen]},
                       {"processes", counts[Closed] + counts[HalfOpen] + counts[Open]}});
    }
    return out;
}

}  // namespace voicectl::agent
