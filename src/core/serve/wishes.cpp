#include "core/serve/wishes.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace voicectl::serve {

std::optional<std::string> not_a_users(const nlohmann::json& metadata) {
    static constexpr std::array<std::string_view, 5> kUsers{"variables", "language", "userId", "assignmentId", "scenarioId"};  // whose it is is looked at elsewhere
    for (const auto& [name, value] : metadata.items())
        if (std::find(kUsers.begin(), kUsers.end(), name) == kUsers.end()) return name;
    return std::nullopt;
}

}  // namespace voicectl::serve
