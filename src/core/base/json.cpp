#include "voicectl/base/json.h"

#include <set>
#include <vector>

namespace voicectl {
namespace {

// What is deeper than `deepest` is not built; `seen` is asked about every event before it counts.
template<class Seen>
std::expected<nlohmann::json, std::string> parse_watched(std::string_view text, int deepest, Seen seen) {
    using nlohmann::json;
    bool too_deep = false;
    auto out = json::parse(
        text,
        [&](int depth, json::parse_event_t event, json& value) {
            too_deep = too_deep || depth > deepest;
            if (!too_deep) seen(depth, event, value);
            return !too_deep;
        },
        /*allow_exceptions=*/false);
    if (too_deep) return std::unexpected("is nested too deeply");
    if (out.is_discarded()) return std::unexpected("is no JSON");
    if (!out.is_object()) return std::unexpected("is JSON, but no object");
    return out;
}

}  // namespace

std::expected<nlohmann::json, std::string> parse_object(std::string_view text, int deepest) {
    return parse_watched(text, deepest, [](auto&&...) {});
}

std::expected<nlohmann::json, std::string> parse_unambiguous_object(std::string_view text, int deepest) {
    using Event = nlohmann::json::parse_event_t;
    if (text.find('\0') != std::string_view::npos) return std::unexpected("is no JSON");  // the parser takes it for the end
    bool twice = false;
    std::vector<std::set<std::string>> names(static_cast<std::size_t>(deepest) + 2);  // of the object that is open at each depth
    auto out = parse_watched(text, deepest, [&](int depth, Event event, const nlohmann::json& value) {
        const auto at = static_cast<std::size_t>(depth);
        if (event == Event::object_start) names[at + 1].clear();
        if (event == Event::key) twice = twice || !names[at].insert(value.get<std::string>()).second;
    });
    if (out && twice) return std::unexpected("says something twice");
    return out;
}

}  // namespace voicectl
