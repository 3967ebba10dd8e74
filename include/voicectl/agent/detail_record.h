// A call detail record: one flat line about one call, for billing and for reports on quality. docs/sessions.md says what
// each field means. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/store/store.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::agent {

/// The fields in their order, the same for every call; what is not known is null. `report`: call_report(). Of the
/// recordings the first is shown.
nlohmann::ordered_json detail_record(const store::Call& call, const nlohmann::json& report, const std::optional<store::Session>& session,
                                     const std::vector<store::Recording>& recordings);
/// Of a call in the store, with the session that was opened for it first and its longest recording.
Result<nlohmann::ordered_json> read_detail_record(store::Store& store, const store::Call& call);

}  // namespace voicectl::agent
