// What a user may say about a call of his own. Agents, and what stands behind them, trust the rest of a call's metadata.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace voicectl::serve {

/// The first member of `metadata` that is not a user's to choose.
std::optional<std::string> not_a_users(const nlohmann::json& metadata);

}  // namespace voicectl::serve
