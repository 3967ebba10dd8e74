#include "voicectl/transcript/redact.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "samples.h"

namespace voicectl::transcript {
namespace {

using nlohmann::json;

std::string redacted(const std::vector<std::string>& expressions, const std::string& text) { return Redactor::create(expressions)->apply(text); }

TEST_CASE("what matches is replaced, overlapping and touching matches once") {
    CHECK(redacted({"\\d+"}, "call 4711 or 0815") == "call [redacted] or [redacted]");
    CHECK(redacted({"abc", "bcd"}, "xabcdx") == "x[redacted]x");
    CHECK(redacted({"ab", "cd"}, "abcd") == "[redacted]");
    CHECK(redacted({"red"}, "a red car") == "a [redacted] car");
    CHECK(redacted({"4711", "red"}, "4711") == "[redacted]");
    CHECK(redacted({"x*"}, "axxb") == "a[redacted]b");
    CHECK(redacted({"(?i)anna"}, "ANNA") == "[redacted]");
    CHECK(redacted({"ü+"}, "füür") == "f[redacted]r");
    CHECK(redacted({}, "any\xff") == "any\xff");
    CHECK(redacted({"z"}, "\xffz") == "\xEF\xBF\xBD[redacted]");
}

TEST_CASE("what is no regular expression is refused, with its reason") {
    const auto made = Redactor::create({"ok", "(a"});
    REQUIRE(!made);
    CHECK(made.error().code == Errc::Usage);
    CHECK(made.error().message.find("(a") != std::string::npos);
    CHECK_FALSE(Redactor::create({"(?=x)"}));
}

TEST_CASE("no match is left in details, however it is written there") {
    auto turn = test::said(0, store::Speaker::Agent, 0, "your card 4111111111111111");
    turn.identity = "sip_4111111111111111";
    turn.detail_json = R"({"answerLatencyMs":4111111111111111,"tools":[{"arguments":{"card":4111111111111111,"x":"\u0034111111111111111","4111111111111111":1}}]})";
    const auto redactor = *Redactor::create({"4\\d{15}"});
    redactor.apply(turn);
    CHECK(turn.text == "your card [redacted]");
    CHECK(turn.identity == "sip_[redacted]");
    const auto detail = json::parse(turn.detail_json);
    CHECK(detail["tools"][0]["arguments"] == json{{"card", "[redacted]"}, {"x", "[redacted]"}, {"[redacted]", 1}});
    CHECK(detail["answerLatencyMs"] == 4111111111111111);
    auto broken = turn;
    broken.detail_json = "{4111111111111111";
    redactor.apply(broken);
    CHECK(broken.detail_json == "{[redacted]");
}

TEST_CASE("no match is left in what is told of the call") {
    auto call = test::sample_call();
    call.room = "call-+491511234567";
    call.caller_identity = "sip_+491511234567";
    call.reason = "+491511234567 hung up";
    call.dispatch_metadata = R"({"from":"\u002b491511234567"})";
    (*Redactor::create({"\\+\\d+"})).apply(call);
    CHECK(call.room == "call-[redacted]");
    CHECK(call.caller_identity == "sip_[redacted]");
    CHECK(call.reason == "[redacted] hung up");
    CHECK(call.dispatch_metadata == R"({"from":"[redacted]"})");
    CHECK(call.job_id == "AJ_1");
}

}  // namespace
}  // namespace voicectl::transcript
