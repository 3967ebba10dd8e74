#include "commands/json_path.h"

#include <algorithm>
#include <string>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using Json = nlohmann::ordered_json;

struct Search {
    std::vector<std::string> path;
    std::vector<const Json*> found;
    bool empty_star = false;  // a `*` met an empty list: no match, and no mistake either
};

const Json* element(const Json& array, const std::string& step) {
    const bool digits = std::all_of(step.begin(), step.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || step.empty() || step.size() > 9) return nullptr;
    const auto index = std::stoul(step);
    return index < array.size() ? &array[index] : nullptr;
}

void collect(const Json& value, std::size_t at, Search& search) {
    if (at == search.path.size()) {
        search.found.push_back(&value);
        return;
    }
    const auto& step = search.path[at];
    if (step == "*" && value.is_structured()) {
        search.empty_star = search.empty_star || value.empty();
        for (const auto& child : value) collect(child, at + 1, search);
    } else if (value.is_object()) {
        if (const auto child = value.find(step); child != value.end()) collect(*child, at + 1, search);
    } else if (value.is_array()) {
        if (const auto* child = element(value, step)) collect(*child, at + 1, search);
    }
}

std::string unescaped(std::string_view step) {
    std::string out;
    for (std::size_t i = 0; i < step.size(); ++i) {
        const bool escape = step[i] == '~' && i + 1 < step.size() && (step[i + 1] == '0' || step[i + 1] == '1');
        out += !escape ? step[i] : step[++i] == '1' ? '/' : '~';
    }
    return out;
}

}  // namespace

std::optional<std::vector<const Json*>> find_all(const Json& value, std::string_view path) {
    if (path.starts_with('/')) path.remove_prefix(1);
    Search search;
    if (!path.empty())
        for (const auto& step : split(path, '/')) search.path.push_back(unescaped(step));
    collect(value, 0, search);
    if (search.found.empty() && !search.empty_star) return std::nullopt;
    return search.found;
}

}  // namespace voicectl::commands
