#include "commands/room/metadata.h"

#include <nlohmann/json.hpp>

namespace voicectl::commands {

Result<std::string> merge_metadata(const std::string& current, const std::string& patch) {
    using Json = nlohmann::ordered_json;
    const auto change = Json::parse(patch, nullptr, false);
    if (!change.is_object()) return fail_with_hint(Errc::Usage, "--merge needs a JSON object as metadata", "for example --metadata '{\"step\":2}'; a null removes a key");
    auto whole = current.empty() ? Json::object() : Json::parse(current, nullptr, false);
    if (!whole.is_object()) return fail_with_hint(Errc::Conflict, "the metadata that is there is no JSON object, so nothing can be merged into it", "without --merge it is replaced");
    whole.merge_patch(change);
    return whole.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace voicectl::commands
