#include "voicectl/base/json.h"

#include <doctest/doctest.h>

namespace voicectl {
namespace {

TEST_CASE("an object that is not trusted is read up to a depth, and else told why not") {
    const auto why = [](std::string_view text, int deepest = 2) {
        const auto read = parse_object(text, deepest);
        return read ? std::string() : read.error();
    };
    CHECK(parse_object(R"({"a":{"b":1}})", 2)->at("a").at("b") == 1);
    CHECK(why(R"({"a":[]})") == "");
    CHECK(why(R"({"a":{"b":{"c":[1]}}})") == "is nested too deeply");
    CHECK(why(std::string(100'000, '[')) == "is nested too deeply");
    CHECK(why("") == "is no JSON");
    CHECK(why("{\"a\":\"\xff\"}") == "is no JSON");
    CHECK(why("[1]") == "is JSON, but no object");
    CHECK(why("null") == "is JSON, but no object");
}

TEST_CASE("an object that two programs could read differently is refused") {
    const auto why = [](std::string_view text) {
        const auto read = parse_unambiguous_object(text, 3);
        return read ? std::string() : read.error();
    };
    CHECK(why(R"({"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]})") == "");
    CHECK(why(R"({"a":1,"a":1})") == "says something twice");
    CHECK(why(R"({"a":1,"\u0061":2})") == "says something twice");
    CHECK(why(R"({"b":[{"a":1,"c":2,"a":1}]})") == "says something twice");
    CHECK(why(R"({"b":{"c":{}},"b":1})") == "says something twice");
    CHECK(why(std::string_view("{}\0", 3)) == "is no JSON");
    CHECK(why("{} x") == "is no JSON");
    CHECK(why("[]") == "is JSON, but no object");
    CHECK(why(R"({"a":{"b":{"c":{"d":1}}}})") == "is nested too deeply");
}

TEST_CASE("JSON of others becomes text whatever it holds") {
    CHECK(json_text({{"a", "\xff"}}) == "{\"a\":\"\xEF\xBF\xBD\"}");
    CHECK(json_text(nlohmann::json{{"a", 1}}, 1) == "{\n \"a\": 1\n}");
    CHECK(bare_text(nlohmann::json("x")) == "x");
    CHECK(bare_text(nlohmann::json{1, "x"}) == "[1,\"x\"]");
    CHECK(text_at(nlohmann::json{{"a", "x"}, {"b", 1}}, "a") == "x");
    CHECK(text_at(nlohmann::json{{"a", "x"}, {"b", 1}}, "b") == "");
    CHECK(text_at(nlohmann::json{{"a", "x"}, {"b", 1}}, "c") == "");
}

}  // namespace
}  // namespace voicectl
