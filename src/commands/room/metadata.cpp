#include "commands/room/metadata.h"

#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {

Result<Json> merged_metadata(const std::string& current, const Json& patch) {
    auto whole = trim(current).empty() ? Json::object() : Json::parse(current, nullptr, false);
    if (!whole.is_object()) {
        return fail_with_hint(Errc::Conflict, "the metadata that is there is no JSON object, so nothing can be merged into it",
                              "voicectl room update ROOM --metadata '{}' replaces it");
    }
    whole.merge_patch(patch);
    return whole;
}

Result<std::string> merge_metadata(const std::string& current, const std::string& patch) {
    const auto change = Json::parse(patch, nullptr, false);
    if (!change.is_object()) return fail_with_hint(Errc::Usage, "--merge needs a JSON object as metadata", "for example --metadata '{\"step\":2}'; a null removes a key");
    VC_TRY_ASSIGN(const auto whole, merged_metadata(current, change));
    return json_text(whole);
}

}  // namespace voicectl::commands
