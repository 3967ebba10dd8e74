#include "voicectl/base/json.h"

namespace voicectl {

std::expected<nlohmann::json, std::string> parse_object(std::string_view text, int deepest) {
    using nlohmann::json;
    bool too_deep = false;
    auto out = json::parse(
        text,
        [&](int depth, json::parse_event_t, json&) {
            too_deep = too_deep || depth > deepest;
            return !too_deep;
        },
        /*allow_exceptions=*/false);
    if (too_deep) return std::unexpected("is nested too deeply");
    if (out.is_discarded()) return std::unexpected("is no JSON");
    if (!out.is_object()) return std::unexpected("is JSON, but no object");
    return out;
}

}  // namespace voicectl
