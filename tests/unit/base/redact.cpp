#include "voicectl/base/redact.h"

#include <doctest/doctest.h>

#include <vector>

#include "voicectl/base/text.h"

namespace voicectl {
namespace {

// Made here, so that no token stands in the source.
std::string token(const std::string& header = R"({"alg":"HS256","typ":"JWT"})") {
    return base64url_encode(header) + "." + base64url_encode(R"({"sub":"ann","exp":1767323045})") + "." + base64url_encode("signature of bytes");
}

TEST_CASE("tokens vanish wherever they stand") {
    const auto jwt = token();
    const std::vector<std::string> around{
        "{}", "\"{}\"", "'{}'", "token={}", "wss://host/rtc?access_token={}&auto=1", "https://host/{}/x", "({})", "[{},1]",
        R"({{"token":"{}"}})", R"({{\"token\":\"{}\"}})", R"(line\n{}\tx)", R"(\u0022{}\u0022)", "a%3D{}", "%22{}%22", "Authorization: Bearer {}",
        "authorization: bearer {}", "<{}>", "a{}", "token_{}", "-{}", "1{}", "{}.", "{}\n{}", "x {} y {} z", "ey{}", "ey.{}", "\xff{}\xfe"};
    for (const auto& form : around) {
        std::string text = form;
        for (std::size_t at = 0; (at = text.find("{}")) != std::string::npos;) text.replace(at, 2, jwt);
        const auto clean = redact(text);
        CHECK_MESSAGE(clean.find("eyJ") == std::string::npos, form);
        CHECK_MESSAGE(clean.find(base64url_encode("signature of bytes")) == std::string::npos, form);
        CHECK_MESSAGE(clean.find("***") != std::string::npos, form);
    }
    CHECK(redact("x " + jwt + " y " + jwt + ". z") == "x *** y ***. z");
    CHECK(redact("invalid token: " + jwt + ", error: token signature is invalid: signature is invalid") ==
          "invalid token: ***, error: token signature is invalid: signature is invalid");
}

TEST_CASE("tokens with unusual headers, and tokens that were cut, vanish too") {
    for (const auto* header : {R"({ "alg" : "HS256" })", "{\n  \"alg\": \"HS256\"\n}", "{\"alg\":\"none\"}", "{\t\"alg\":\"HS256\"}"}) {
        const auto clean = redact("see " + token(header) + " here");
        CHECK_MESSAGE(clean == "see *** here", header);
    }
    const auto jwt = token();
    CHECK(redact(jwt.substr(0, jwt.size() - 10)) == "***");
    CHECK(redact("…" + jwt.substr(jwt.find('.') + 1)) == "…***");  // payload and signature
    CHECK(redact(jwt.substr(0, jwt.find('.') + 8)) == "***");
}

TEST_CASE("ordinary words stay") {
    for (const std::string text :
         {"eyes.and.more.words.than.usual", "the monkey.was.here.all.the.time.long", "reworked.modules.and.components", "version 1.2.3.4.5.6.7.8.9.10",
          "livekit.example.com:7880/rtc/v1", "they.eyed.eyelashes.eyewear.eyeglasses", "a..............................b", "",
          "Bearer token is missing", "no authorization header", "turn_password is missing", "the access_token parameter"})
        CHECK(redact(text) == text);
}

TEST_CASE("registered secrets vanish in every form, the longest first") {
    register_secret("s3cr3t/with+signs=");
    register_secret("line one\nline \"two\"");
    register_secret("prefix-of");
    register_secret("prefix-of-a-longer-secret");
    register_secret("short");
    register_secret("");
    CHECK(redact("key s3cr3t/with+signs= used twice: s3cr3t/with+signs=") == "key *** used twice: ***");
    CHECK(redact("?key=s3cr3t%2Fwith%2Bsigns%3D&x") == "?key=***&x");
    CHECK(redact(R"({"pem":"line one\nline \"two\""})") == R"({"pem":"***"})");
    CHECK(redact("prefix-of-a-longer-secret prefix-of") == "*** ***");
    CHECK(redact("short words stay") == "short words stay");
}

TEST_CASE("TURN passwords vanish from every notation, and what surrounds them stays") {
    const std::vector<std::pair<std::string, std::string>> table{
        {R"({"turn_password":"p4ss","x":1})", R"({"turn_password":"***","x":1})"},
        {R"({"turnPassword": "p4ss", "x": "y"})", R"({"turnPassword": "***", "x": "y"})"},
        {R"({"TurnPassword":"p4ss"})", R"({"TurnPassword":"***"})"},
        {R"({\"turn_password\":\"p4ss\",\"x\":\"y\"})", R"({\"turn_password\":\"***\",\"x\":\"y\"})"},
        {R"({\\\"turnPassword\\\":\\\"p4ss\\\"})", R"({\\\"turnPassword\\\":\\\"***\\\"})"},
        {R"({"turn_password":"p4\"ss\\","x":"y"})", R"({"turn_password":"***","x":"y"})"},
        {R"({\"turn_password\":\"p4\\\"ss\",\"x\":1})", R"({\"turn_password\":\"***\",\"x\":1})"},
        {"turn_password: p4ss\nurl: x", "turn_password: ***\nurl: x"},
        {"turn_password: 'p4 ss'\nurl: x", "turn_password: '***'\nurl: x"},
        {"turn_password:\"p4ss\" room:{}", "turn_password:\"***\" room:{}"},
        {"turnPassword=p4ss&x=1", "turnPassword=***&x=1"},
        {"turnPassword%3Dp4ss&x=1", "turnPassword%3D***&x=1"},
        {R"({"turn_password":"","x":"y"})", R"({"turn_password":"","x":"y"})"},
        {R"({"turn_password":"never closed)", R"({"turn_password":"***)"},
        {"turn_password=a turn_password=b", "turn_password=*** turn_password=***"},
        {"turn_password:", "turn_password:"},
        {"turn_password", "turn_password"}};
    for (const auto& [text, expected] : table) CHECK(redact(text) == expected);
}

TEST_CASE("credentials in headers and parameters vanish") {
    CHECK(redact("Authorization: Bearer sk-12345") == "Authorization: Bearer ***");
    CHECK(redact("authorization: bearer sk-12345, x") == "authorization: bearer ***, x");
    CHECK(redact(R"({"Authorization":"Bearer sk-12345"})") == R"({"Authorization":"Bearer ***"})");
    CHECK(redact("Authorization: Token abc123def") == "Authorization: Token ***");
    CHECK(redact("GET /rtc?access_token=opaque&x=1") == "GET /rtc?access_token=***&x=1");
    CHECK(redact(redact("access_token=opaque")) == "access_token=***");
}

TEST_CASE("speech is cut by characters, with an ellipsis") {
    CHECK(cut_speech("short") == "short");
    const std::string fifty(50, 'x');
    CHECK(cut_speech(fifty) == fifty);
    CHECK(cut_speech(fifty + "y") == fifty + "…");
    std::string umlauts;
    for (int i = 0; i < 60; ++i) umlauts += "ü";
    CHECK(cut_speech(umlauts) == umlauts.substr(0, 100) + "…");
    CHECK(cut_speech("abcdef", 3) == "abc…");
    CHECK(cut_speech("a\nb\x1b") == "a\\nb\\u001b");
    CHECK(cut_speech("\xff") == "\xEF\xBF\xBD");
    CHECK(cut_speech("x", 0) == "…");
}

}  // namespace
}  // namespace voicectl
