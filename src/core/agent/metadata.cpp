#include "voicectl/agent/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

using Json = nlohmann::json;

constexpr int kDeepestMetadata = 8;
constexpr std::size_t kLongestId = 128, kLongestVariable = 64, kLongestValue = 500, kLongestInstructions = 20'000;
constexpr std::size_t kMostVariables = 64;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_printable(const std::string& text) { return plain_text(text, text.size()) == text; }

/// Of what goes into addresses.
bool is_id(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c) || std::string_view("-_.:@+").find(c) != std::string_view::npos; }) &&
           text.find_first_not_of('.') != std::string::npos;
}

bool is_traceparent(const std::string& text) {
    constexpr std::string_view kForm = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    if (text.size() != kForm.size() || text.starts_with("ff")) return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (kForm[i] == '-' ? text[i] != '-' : std::string_view("0123456789abcdef").find(text[i]) == std::string_view::npos) return false;
    const auto zero = [&](std::size_t from, std::size_t count) { return text.substr(from, count).find_first_not_of('0') == std::string::npos; };
    return !zero(3, 32) && !zero(36, 16);
}

/// Reads known keys, and notes what is wrong with them.
class MetadataReader {
 public:
    MetadataReader(const Json& object, std::vector<std::string>& faults) : object_(object), faults_(faults) {}

    template<class Check>
    void text(const char* key, std::string& out, std::size_t limit, Check good, const char* form) {
        const auto found = object_.find(key);
        if (found == object_.end() || found->is_null()) return;
        if (!found->is_string()) return fault(key, "is no text");
        const auto& given = found->get_ref<const std::string&>();
        if (utf8_length(given) > limit) return fault(key, fmt::format("is longer than {} characters", limit));
        if (given.empty()) return;
        if (!good(given)) return fault(key, form);
        out = given;
    }
    void id(const char* key, std::string& out) { text(key, out, kLongestId, is_id, "is no id (letters, digits and - _ . : @ +)"); }
    void variables(std::map<std::string, std::string>& out) {
        const auto found = object_.find("variables");
        if (found == object_.end() || found->is_null()) return;
        if (!found->is_object()) return fault("variables", "is no object");
        if (found->size() > kMostVariables) return fault("variables", fmt::format("has more than {} names", kMostVariables));
        for (const auto& [name, value] : found->items()) variable(name, value, out);
    }
    void fault(std::string_view key, std::string_view what) { faults_.push_back(fmt::format("{} {}", key, what)); }

 private:
    void variable(const std::string& name, const Json& value, std::map<std::string, std::string>& out) {
        if (!is_variable_name(name)) return fault("variables", "has a name of other characters than letters, digits and _");
        const auto key = "variables." + name;
        if (value.is_structured() || value.is_null()) return fault(key, "is neither text nor a number nor true or false");
        const auto given = bare_text(value);
        if (utf8_length(given) > kLongestValue) return fault(key, fmt::format("is longer than {} characters", kLongestValue));
        out[name] = plain_text(given, kLongestValue);
    }
    const Json& object_;
    std::vector<std::string>& faults_;
};

}  // namespace

bool is_variable_name(std::string_view name) {
    if (name.empty() || name.size() > kLongestVariable || is_digit(name.front())) return false;
    return std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

bool is_language(std::string_view tag) {
    if (tag.size() > 35) return false;
    const auto parts = split(tag, '-');
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto& part = parts[i];
        const bool fits = i == 0 ? part.size() == 2 || part.size() == 3 : !part.empty() && part.size() <= 8;
        if (!fits || !std::all_of(part.begin(), part.end(), [i](char c) { return is_letter(c) || (i > 0 && is_digit(c)); })) return false;
    }
    return true;
}

ReadMetadata read_metadata(std::string_view text) {
    ReadMetadata out;
    if (text.size() <= kMostMetadata && trim(text).empty()) return out;
    if (text.size() > kMostMetadata) {
        out.faults.push_back(fmt::format("it is longer than {} bytes", kMostMetadata));
        return out;
    }
    const auto document = parse_object(text, kDeepestMetadata);
    if (!document) {
        out.faults.push_back("it " + document.error());
        return out;
    }
    MetadataReader reader(*document, out.faults);
    auto& value = out.value;
    reader.text("userId", value.user_id, kLongestId, is_printable, "is not printable");
    reader.text("assignmentId", value.assignment_id, kLongestId, is_printable, "is not printable");
    reader.id("scenarioId", value.scenario_id);
    reader.text("language", value.language, kLongestVariable, is_language, "is no language tag such as de or pt-BR");
    reader.text("voice", value.voice, kLongestVariable, is_printable, "is not printable");
    reader.text("instructions", value.instructions, kLongestInstructions, [](const std::string&) { return true; }, "");
    value.instructions = plain_text(value.instructions, kLongestInstructions, /*lines=*/true);
    reader.text("traceparent", value.traceparent, kLongestId, is_traceparent, "is no W3C traceparent");
    reader.variables(value.variables);
    return out;
}

std::string strict_fault(const ReadMetadata& metadata) {
    if (!metadata.faults.empty()) return metadata.faults.front();
    const auto& value = metadata.value;
    if (value.user_id.empty()) return "userId is missing";
    const auto wrong = [](const std::string& id) { return !id.empty() && !is_uuid(id); };
    if (wrong(value.user_id)) return "userId is no UUID";
    if (wrong(value.assignment_id)) return "assignmentId is no UUID";
    if (wrong(value.scenario_id)) return "scenarioId is no UUID";
    return {};
}

}  // namespace voicectl::agent
