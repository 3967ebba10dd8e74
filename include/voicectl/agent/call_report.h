// The report of one call as JSON (docs/agent-money.md): every turn with its stages, latencies, usage and costs, and
// what else happened. Made out of what the store holds, so that a killed process loses the running turn at most. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "voicectl/store/store.h"

namespace voicectl::agent {

/// So many turns stand in a report; the rest is counted.
inline constexpr std::size_t kMostReportTurns = 2000;

/// `head`: Store::report(). Both it and the turns' details are read with mistrust: what has another form is left out.
nlohmann::json call_report(const store::Call& call, const std::string& head, const std::vector<store::Turn>& turns);
/// Of a call in the store.
Result<nlohmann::json> read_call_report(store::Store& store, const store::Call& call);

}  // namespace voicectl::agent
