#include "voicectl/base/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <string_view>

#define VALIJSON_USE_EXCEPTIONS 1  // it would abort otherwise

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "voicectl/base/text.h"

namespace voicectl {
namespace {

using nlohmann::json;
using valijson::adapters::NlohmannJsonAdapter;

constexpr int kDeepestRule = 24, kMostRules = 2000;
constexpr std::size_t kMostFaults = 5, kLongestFault = 200;

/// A copy without references, which could lead in circles, and without regular expressions.
class SchemaCleaner {
 public:
    explicit SchemaCleaner(const json& root) : root_(root) {}
    json clean(const json& rule, int depth = 0) {
        if (rule.is_array()) {
            json out = json::array();
            for (const auto& one : rule) out.push_back(clean(one, depth + 1));
            return out;
        }
        if (!rule.is_object()) return rule;
        if (depth > kDeepestRule || ++rules_ > kMostRules) return json::object();  // anything goes
        if (const auto ref = rule.find("$ref"); ref != rule.end()) return clean(target_of(*ref), depth + 1);
        json out = json::object();
        for (const auto& [key, value] : rule.items()) take(key, value, depth, out);
        if (rule.contains("patternProperties")) out.erase("additionalProperties");
        return out;
    }

 private:
    void take(const std::string& key, const json& value, int depth, json& out) {
        static constexpr std::array<std::string_view, 8> kLeftOut{"pattern", "patternProperties", "format", "definitions", "$defs", "$id", "id", "$schema"};
        static constexpr std::array<std::string_view, 3> kAsTheyAre{"enum", "const", "default"};
        if (std::find(kLeftOut.begin(), kLeftOut.end(), key) != kLeftOut.end()) return;
        if (std::find(kAsTheyAre.begin(), kAsTheyAre.end(), key) != kAsTheyAre.end()) out[key] = value;
        else if ((key == "properties" || key == "dependencies") && value.is_object())  // its keys are names
            for (const auto& [name, rule] : value.items()) out[key][name] = clean(rule, depth + 1);
        else out[key] = clean(value, depth + 1);
    }

    const json& target_of(const json& ref) const {
        static const json anything = json::object();
        if (!ref.is_string() || !ref.get_ref<const std::string&>().starts_with("#")) return anything;
        try {
            const json::json_pointer pointer(ref.get_ref<const std::string&>().substr(1));
            return root_.contains(pointer) ? root_.at(pointer) : anything;
        } catch (const json::exception&) {
            return anything;
        }
    }

    const json& root_;
    int rules_ = 0;
};

/// "<root>", "[city]", "[0]" as people write it: "city[0]".
std::string place(const std::vector<std::string>& context) {
    std::string out;
    for (const auto& part : context) {
        if (part == "<root>") continue;
        const auto inner = part.size() > 2 && part.front() == '[' ? part.substr(1, part.size() - 2) : part;
        const bool number = inner.find_first_not_of("0123456789") == std::string::npos;
        out += number ? fmt::format("[{}]", inner) : (out.empty() ? "" : ".") + inner;
    }
    return out;
}

/// What valijson says in a long sentence about its own rules.
std::string in_short(const std::string& description) {
    constexpr std::string_view kUnknown = "Object contains a property that could not be validated using 'properties' or 'additionalProperties' constraints: ";
    constexpr std::string_view kMissing = "Missing required property ";
    std::string_view text = description;
    const auto bare = [](std::string_view name) { return std::string(name.substr(0, name.find_last_not_of('.') + 1)); };
    if (text.starts_with(kUnknown)) return "there is no " + bare(text.substr(kUnknown.size()));
    if (text.starts_with(kMissing)) return bare(text.substr(kMissing.size())) + " is missing";
    return description;
}

}  // namespace

struct JsonSchema::Parsed {
    valijson::Schema schema;
};

JsonSchema::JsonSchema(std::unique_ptr<Parsed> parsed) : parsed_(std::move(parsed)) {}
JsonSchema::~JsonSchema() = default;

std::expected<std::unique_ptr<JsonSchema>, std::string> JsonSchema::create(const json& schema) {
    if (!schema.is_object()) return std::unexpected("must be a mapping, a JSON schema");
    const auto type = schema.find("type");
    if (type == schema.end() || *type != "object") return std::unexpected("must be the schema of an object: type: object");
    try {
        const auto cleaned = SchemaCleaner(schema).clean(schema);
        auto parsed = std::make_unique<Parsed>();
        valijson::SchemaParser().populateSchema(NlohmannJsonAdapter(cleaned), parsed->schema);
        return std::unique_ptr<JsonSchema>(new JsonSchema(std::move(parsed)));
    } catch (const std::exception& error) {
        return std::unexpected(fmt::format("is no JSON schema: {}", plain_text(error.what(), kLongestFault)));
    }
}

std::string JsonSchema::fault_in(const json& arguments) const {
    try {
        valijson::Validator validator;
        valijson::ValidationResults results;
        if (validator.validate(parsed_->schema, NlohmannJsonAdapter(arguments), &results)) return {};
        std::string out;
        valijson::ValidationResults::Error error;
        for (std::size_t i = 0; i < kMostFaults && results.popError(error); ++i) {
            const auto at = place(error.context);
            out += fmt::format("{}{}{}{}", out.empty() ? "" : "; ", at, at.empty() ? "" : ": ", plain_text(in_short(error.description), kLongestFault));
        }
        return out.empty() ? "they do not fit the schema" : out;
    } catch (const std::exception& error) {
        return plain_text(error.what(), kLongestFault);
    }
}

}  // namespace voicectl
