#include "text_template.h"

#include <algorithm>

#include "voicectl/agent/metadata.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

constexpr std::string_view kAttributes = "caller.attributes.";
constexpr std::size_t kLongestSlot = 500;  // what is longer between braces is text

/// Keys of attributes as LiveKit and SIP have them: "sip.phoneNumber", "lk.agent-name".
bool is_attribute_key(std::string_view key) {
    return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    });
}

struct Piece {
    std::string_view before;           // text up to the braces
    std::string_view inside, written;  // "name|default", and the same with its braces
    bool last = false;                 // there were no more braces
};

Piece next_piece(std::string_view text) {
    const auto open = text.find("{{");
    const auto close = open == std::string_view::npos ? open : text.find("}}", open + 2);
    if (close == std::string_view::npos || close - open > kLongestSlot) {
        if (close == std::string_view::npos) return {text, {}, {}, true};
        return {text.substr(0, open + 1), {}, {}, false};
    }
    return {text.substr(0, open), text.substr(open + 2, close - open - 2), text.substr(open, close - open + 2), false};
}

struct Named {
    std::string_view name;
    std::optional<std::string_view> fallback;
};

Named named(std::string_view inside) {
    const auto bar = inside.find('|');
    const auto name = trim(inside.substr(0, bar));
    Named out{is_variable_name(name) || is_built_in(name) ? name : std::string_view(), {}};
    if (bar != std::string_view::npos) out.fallback = trim(inside.substr(bar + 1));
    return out;
}

}  // namespace

const std::vector<std::string>& built_in_names() {
    static const std::vector<std::string> names{"agent", "date", "time", "weekday", "language", "caller.name", "caller.identity", "caller.attributes.KEY"};
    return names;
}

bool is_built_in(std::string_view name) {
    if (name.starts_with(kAttributes)) return is_attribute_key(name.substr(kAttributes.size()));
    const auto& names = built_in_names();
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::string expand(std::string_view text, const Variables& variables, std::vector<std::string>* missing) {
    std::string out;
    while (true) {
        const auto piece = next_piece(text);
        out += piece.before;
        if (piece.last) return out;
        text.remove_prefix(piece.before.size() + piece.written.size());
        if (piece.written.empty()) continue;
        const auto [name, fallback] = named(piece.inside);
        if (name.empty()) {
            out += piece.written;
            continue;
        }
        const auto value = variables(name);
        if (value && !value->empty()) out += *value;
        else if (fallback) out += *fallback;
        else if (missing != nullptr) missing->emplace_back(name);
    }
}

std::vector<TemplateSlot> slots_of(std::string_view text) {
    std::vector<TemplateSlot> out;
    int line = 1;
    while (true) {
        const auto piece = next_piece(text);
        line += static_cast<int>(std::count(piece.before.begin(), piece.before.end(), '\n'));
        if (piece.last) return out;
        text.remove_prefix(piece.before.size() + piece.written.size());
        if (piece.written.empty()) continue;
        const auto [name, fallback] = named(piece.inside);
        out.push_back({std::string(name), std::string(piece.written), fallback.has_value(), line});
        line += static_cast<int>(std::count(piece.written.begin(), piece.written.end(), '\n'));
    }
}

}  // namespace voicectl::agent
