#include "core/agent/text_template.h"

#include <doctest/doctest.h>

#include <map>

using namespace voicectl::agent;

namespace {

std::string expanded(std::string_view text, std::map<std::string, std::string, std::less<>> values, std::vector<std::string>* missing = nullptr) {
    return expand(
        text,
        [&](std::string_view name) -> std::optional<std::string> {
            const auto found = values.find(name);
            if (found == values.end()) return std::nullopt;
            return found->second;
        },
        missing);
}

}  // namespace

TEST_CASE("variables take their values, and defaults where there are none") {
    CHECK(expanded("Hello {{guest}}!", {{"guest", "Ann"}}) == "Hello Ann!");
    CHECK(expanded("Hello {{ guest | there }}!", {}) == "Hello there!");
    CHECK(expanded("Hello {{guest|there}}!", {{"guest", ""}}) == "Hello there!");
    CHECK(expanded("{{a}}{{b}}{{a}}", {{"a", "1"}, {"b", "2"}}) == "121");
    CHECK(expanded("", {}) == "");
}

TEST_CASE("a value is never read as a template") {
    CHECK(expanded("Hello {{guest}}.", {{"guest", "{{secret}}"}, {"secret", "x"}}) == "Hello {{secret}}.");
    CHECK(expanded("{{a}}{{b}}", {{"a", "{{"}, {"b", "c}}"}, {"c", "x"}}) == "{{c}}");
}

TEST_CASE("what has no value and no default is left out and told") {
    std::vector<std::string> missing;
    CHECK(expanded("Hello {{guest}}, {{table|}}.", {}, &missing) == "Hello , .");
    CHECK(missing == std::vector<std::string>{"guest"});
}

TEST_CASE("braces that hold no name stay as they are") {
    for (const char* text : {"{{", "}}", "{{}}", "{{a b}}", "{ {a} }", "{{1st}}", "{{a", "{{{", "x {{a.b}} y"}) CHECK_MESSAGE(expanded(text, {{"a", "1"}}) == text, text);
    const auto far = "{{a " + std::string(2000, 'x') + " {{a}}";
    CHECK(expanded(far, {{"a", "1"}}) == "{{a " + std::string(2000, 'x') + " 1");
}

TEST_CASE("a caller's attributes are found by their own keys, dots and all") {
    CHECK(expanded("{{caller.attributes.sip.phoneNumber|unknown}}", {{"caller.attributes.sip.phoneNumber", "+49"}}) == "+49");
    CHECK(is_built_in("caller.attributes.sip.phoneNumber"));
    CHECK_FALSE(is_built_in("caller.attributes."));
    CHECK_FALSE(is_built_in("caller.age"));
}

TEST_CASE("the slots of a text are known with their lines") {
    const auto slots = slots_of("a {{x}}\n{{y|\n}} {{not one}}\n{{z}}");
    REQUIRE(slots.size() == 4);
    CHECK(slots[0].name == "x");
    CHECK(slots[0].line == 1);
    CHECK_FALSE(slots[0].has_default);
    CHECK(slots[1].name == "y");
    CHECK(slots[1].has_default);
    CHECK(slots[2].name.empty());
    CHECK(slots[2].written == "{{not one}}");
    CHECK(slots[2].line == 3);
    CHECK(slots[3].line == 4);
}
