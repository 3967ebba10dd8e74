// --get PATH: JSON pointers (RFC 6901) in which `*` stands for every element. Any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace voicectl::commands {

/// What `path` names inside `value`, in its order. Nothing when the path leads nowhere; an empty list when
/// it ends at a `*` over nothing. The pointers are into `value`.
std::optional<std::vector<const nlohmann::ordered_json*>> find_all(const nlohmann::ordered_json& value,
                                                                   std::string_view path);

}  // namespace voicectl::commands
