#include "core/speech/options.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace voicectl::speech {

using nlohmann::json;

OptionReader::OptionReader(const json& options, std::string prefix) : options_(options), prefix_(std::move(prefix)) {
    if (!options_.is_object() && !options_.is_null())
        fault_ = OptionFault{prefix_.substr(0, prefix_.find_last_not_of('.') + 1), "expected a mapping", {}};
}

const json* OptionReader::find(const std::string& key) {
    known_.push_back(key);
    if (!options_.is_object()) return nullptr;
    const auto at = options_.find(key);
    return at == options_.end() || at->is_null() ? nullptr : &*at;
}

const json* OptionReader::raw(const std::string& key) { return find(key); }

std::optional<std::string> OptionReader::text(const std::string& key) {
    const auto* value = find(key);
    if (!value) return std::nullopt;
    if (value->is_string()) return value->get<std::string>();
    fault(key, fmt::format("expected text, not {}", value->type_name()));
    return std::nullopt;
}

std::string OptionReader::text(const std::string& key, const std::string& fallback) {
    return text(key).value_or(fallback);
}

std::string OptionReader::choice(const std::string& key, const std::vector<std::string>& allowed) {
    const auto chosen = text(key, allowed.front());
    if (std::find(allowed.begin(), allowed.end(), chosen) != allowed.end()) return chosen;
    fault(key, fmt::format("unknown value '{}'", chosen), fmt::format("one of: {}", fmt::join(allowed, ", ")));
    return allowed.front();
}

std::optional<double> OptionReader::number(const std::string& key, double low, double high) {
    const auto* value = find(key);
    if (!value) return std::nullopt;
    if (!value->is_number()) {
        fault(key, fmt::format("expected a number, not {}", value->type_name()));
    } else if (const auto number = value->get<double>(); number >= low && number <= high) {
        return number;
    } else {
        fault(key, fmt::format("{} is out of range", number), fmt::format("between {} and {}", low, high));
    }
    return std::nullopt;
}

double OptionReader::number(const std::string& key, double fallback, double low, double high) {
    return number(key, low, high).value_or(fallback);
}

std::optional<int> OptionReader::integer(const std::string& key, int low, int high) {
    const auto value = number(key, low, high);
    if (!value) return std::nullopt;
    if (*value == std::floor(*value)) return static_cast<int>(*value);
    fault(key, fmt::format("expected a whole number, not {}", *value));
    return std::nullopt;
}

int OptionReader::integer(const std::string& key, int fallback, int low, int high) {
    return integer(key, low, high).value_or(fallback);
}

bool OptionReader::flag(const std::string& key, bool fallback) {
    const auto* value = find(key);
    if (!value) return fallback;
    if (value->is_boolean()) return value->get<bool>();
    fault(key, fmt::format("expected true or false, not {}", value->type_name()));
    return fallback;
}

std::vector<std::string> OptionReader::texts(const std::string& key) {
    const auto* value = find(key);
    std::vector<std::string> out;
    if (!value) return out;
    if (!value->is_array() || value->empty()) {
        fault(key, "expected a list of texts that is not empty");
        return out;
    }
    for (std::size_t i = 0; i < value->size(); ++i) {
        if ((*value)[i].is_string()) out.push_back((*value)[i].get<std::string>());
        else fault(fmt::format("{}[{}]", key, i), fmt::format("expected text, not {}", (*value)[i].type_name()));
    }
    return out;
}

void OptionReader::fault(const std::string& key, std::string message, std::string hint) {
    if (!fault_) fault_ = OptionFault{prefix_ + key, std::move(message), std::move(hint)};
}

std::optional<OptionFault> OptionReader::finish() {
    // An unknown key first: a misspelt one is often the cause of the other fault.
    if (options_.is_object()) {
        for (const auto& [key, value] : options_.items()) {
            if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
            return OptionFault{prefix_ + key, "unknown option", fmt::format("known here: {}", fmt::join(known_, ", "))};
        }
    }
    return fault_;
}

std::string resolve_path(const std::string& path, const ProviderContext& context) {
    return (std::filesystem::path(context.base_folder) / path).lexically_normal().string();
}

}  // namespace voicectl::speech
