#include "voicectl/base/json_schema.h"

#include <doctest/doctest.h>

using namespace voicectl;
using nlohmann::json;

namespace {

std::string schema_fault(const json& schema, const json& arguments) {
    const auto made = JsonSchema::create(schema);
    REQUIRE_MESSAGE(made, (made ? "" : made.error()));
    return (*made)->fault_in(arguments);
}

}  // namespace

TEST_CASE("arguments are checked against the schema, and the fault says where") {
    const json schema{{"type", "object"},
                      {"properties", {{"city", {{"type", "string"}, {"minLength", 2}}}, {"days", {{"type", "array"}, {"items", {{"type", "integer"}, {"maximum", 7}}}}}, {"unit", {{"enum", {"c", "f"}}}}}},
                      {"required", {"city"}},
                      {"additionalProperties", false}};
    CHECK(schema_fault(schema, {{"city", "Bonn"}}).empty());
    CHECK(schema_fault(schema, {{"city", "Bonn"}, {"days", {1, 7}}, {"unit", "c"}}).empty());
    CHECK(schema_fault(schema, json::object()).find("city") != std::string::npos);
    CHECK(!schema_fault(schema, {{"city", 7}}).empty());
    CHECK(!schema_fault(schema, {{"city", "B"}}).empty());
    CHECK(schema_fault(schema, {{"city", "Bonn"}, {"days", {1, 8}}}).find("days") != std::string::npos);
    CHECK(!schema_fault(schema, {{"city", "Bonn"}, {"unit", "k"}}).empty());
    CHECK(schema_fault(schema, {{"city", "Bonn"}, {"other", 1}}) == "there is no 'other'");
    CHECK(schema_fault(schema, json::object()) == "'city' is missing");
}

TEST_CASE("schemas of others: references are followed to a depth, circles and regular expressions do no harm") {
    const json referring{{"type", "object"}, {"$defs", {{"Day", {{"type", "integer"}}}}}, {"properties", {{"day", {{"$ref", "#/$defs/Day"}}}}}};
    CHECK(schema_fault(referring, {{"day", 1}}).empty());
    CHECK(!schema_fault(referring, {{"day", "one"}}).empty());
    const json circle{{"type", "object"}, {"properties", {{"child", {{"$ref", "#"}}}}}};
    CHECK(schema_fault(circle, {{"child", {{"child", json::object()}}}}).empty());
    CHECK(!schema_fault(circle, {{"child", 7}}).empty());
    CHECK(schema_fault({{"type", "object"}, {"$defs", {{"A", {{"$ref", "#/$defs/A"}}}}}, {"properties", {{"a", {{"$ref", "#/$defs/A"}}}}}}, {{"a", 1}}).empty());
    const json slow{{"type", "object"}, {"properties", {{"text", {{"type", "string"}, {"pattern", "(a+)+$"}}}, {"pattern", {{"type", "integer"}}}}}};
    CHECK(schema_fault(slow, {{"text", std::string(100'000, 'a') + "!"}}).empty());
    CHECK(!schema_fault(slow, {{"pattern", "x"}}).empty());  // a property of that name
    CHECK(!JsonSchema::create(json::array()));
    CHECK(!JsonSchema::create({{"type", "string"}}));
    CHECK(!JsonSchema::create({{"type", "object"}, {"required", 7}}));
    CHECK(!JsonSchema::create({{"type", "object"}, {"properties", {{"a", {{"type", "no such"}}}}}}));
}
