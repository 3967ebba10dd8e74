#include <algorithm>
#include <filesystem>

#include "handlers.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::serve {
namespace {

constexpr std::size_t kLargestScenario = 256 * 1024;
constexpr int kDeepestScenario = 8;

// No dots and no slashes: an id is no way through folders.
bool may_name_a_file(const std::string& id) {
    return id.size() <= 128 && std::all_of(id.begin(), id.end(), [](unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; });
}

Outcome from_json(const std::string& id, const std::string& text) {
    const auto json = parse_object(text, kDeepestScenario);
    if (!json || text_at(*json, "prompt").empty())
        return std::unexpected(Fault(500, Error{Errc::Config, fmt::format("scenario {}: the file {}", id, json ? "has no \"prompt\"" : json.error()), ""}));
    Answer out;
    out.data["prompt"] = text_at(*json, "prompt");
    if (const auto greeting = text_at(*json, "greeting"); !greeting.empty()) out.data["greeting"] = greeting;
    return out;
}

}  // namespace

Outcome show_scenario(const std::string& folder, const Question& question) {
    const auto& id = question.path.at("id");
    if (folder.empty()) return std::unexpected(Fault(501, Error{Errc::Config, "this server has no scenarios", "start it with --scenarios FOLDER"}));
    for (const char* ending : {".json", ".md", ".txt"}) {
        const auto path = std::filesystem::path(folder) / (id + ending);
        std::error_code error;
        if (!may_name_a_file(id) || !std::filesystem::is_regular_file(path, error)) continue;
        VC_TRY_ASSIGN(const auto text, read_file(path.string(), kLargestScenario));
        if (std::string_view(ending) == ".json") return from_json(id, text);
        return Answer{.data = {{"prompt", std::string(trim(valid_utf8(text)))}}};
    }
    return std::unexpected(Fault(404, Error{Errc::NotFound, fmt::format("there is no scenario '{}'", plain_text(id, 60)), ""}));
}

}  // namespace voicectl::serve
