#include "voicectl/agent/metadata.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace voicectl::agent;

namespace {

constexpr const char* kUser = "0b1f6c2e-7a53-4c3e-9d1c-2f6d0c7f1a11";

std::string metadata_fault(const std::string& text) {
    const auto read = read_metadata(text);
    REQUIRE_MESSAGE(read.faults.size() == 1, text.substr(0, 200));
    return read.faults.front();
}

}  // namespace

TEST_CASE("a dispatch's metadata is read by its schema") {
    const auto read = read_metadata(fmt::format(
        R"({{"userId":"{}","scenarioId":"s-1","language":"pt-BR","voice":"rms","instructions":"Be\nkind.",)"
        R"("variables":{{"guest":"Ann","table":4,"vip":true}},"type":"ai_agent","cart":{{"x":1}}}})",
        kUser));
    CHECK(read.faults.empty());
    CHECK(read.value.user_id == kUser);
    CHECK(read.value.scenario_id == "s-1");
    CHECK(read.value.language == "pt-BR");
    CHECK(read.value.voice == "rms");
    CHECK(read.value.instructions == "Be\nkind.");
    CHECK(read.value.variables == std::map<std::string, std::string>{{"guest", "Ann"}, {"table", "4"}, {"vip", "true"}});
}

TEST_CASE("no metadata is good metadata") {
    for (const char* text : {"", "  \n", "{}"}) CHECK_MESSAGE(read_metadata(text).faults.empty(), text);
}

TEST_CASE("metadata that is no object at all is told, and nothing of it is used") {
    CHECK(metadata_fault("{") == "it is no JSON");
    CHECK(metadata_fault("{'userId': 1}") == "it is no JSON");
    CHECK(metadata_fault("{\"userId\":\"\xff\xfe\"}") == "it is no JSON");
    CHECK(metadata_fault("{\"variables\":{\"a\":\"\xed\xa0\x80\"}}") == "it is no JSON");  // a surrogate on its own
    CHECK(metadata_fault("[1]") == "it is JSON, but no object");
    CHECK(metadata_fault("\"text\"") == "it is JSON, but no object");
}

TEST_CASE("metadata of 10 MB is not read") {
    CHECK(metadata_fault("{\"variables\":{\"a\":\"" + std::string(10 << 20, 'x') + "\"}}") == "it is longer than 65536 bytes");
    CHECK(metadata_fault(std::string(10 << 20, ' ')) == "it is longer than 65536 bytes");
}

TEST_CASE("JSON as deep as its bytes allow does no harm") {
    CHECK(metadata_fault(std::string(60000, '[')) == "it is nested too deeply");
    CHECK(metadata_fault(std::string(30000, '[') + std::string(30000, ']')) == "it is nested too deeply");
    std::string deep;
    for (int i = 0; i < 10000; ++i) deep += "{\"a\":";
    CHECK(metadata_fault(deep) == "it is nested too deeply");
    CHECK(read_metadata(R"({"userId":"ann","cart":{"a":{"b":{"c":[1]}}}})").faults.empty());
}

TEST_CASE("a bad key is named and left out, the others are used, and no fault repeats a value") {
    const auto read = read_metadata(R"({"userId":7,"assignmentId":"a\tb","scenarioId":"..","language":"german!","voice":"a\nb","traceparent":"zz",)"
                                    R"("variables":{"good":"x","1st":"y","list":["secret"]}})");
    CHECK(read.faults == std::vector<std::string>{"userId is no text", "assignmentId is not printable",
                                                  "scenarioId is no id (letters, digits and - _ . : @ +)", "language is no language tag such as de or pt-BR",
                                                  "voice is not printable", "traceparent is no W3C traceparent",
                                                  "variables has a name of other characters than letters, digits and _",
                                                  "variables.list is neither text nor a number nor true or false"});
    CHECK(read.value.user_id.empty());
    CHECK(read.value.scenario_id.empty());
    CHECK(read.value.variables == std::map<std::string, std::string>{{"good", "x"}});
}

TEST_CASE("what is longer than it may be is left out") {
    CHECK(metadata_fault("{\"userId\":\"" + std::string(129, 'a') + "\"}") == "userId is longer than 128 characters");
    CHECK(metadata_fault("{\"variables\":{\"a\":\"" + std::string(501, 'a') + "\"}}") == "variables.a is longer than 500 characters");
    CHECK(metadata_fault("{\"instructions\":\"" + std::string(20001, 'a') + "\"}") == "instructions is longer than 20000 characters");
    std::string many;
    for (int i = 0; i < 65; ++i) many += fmt::format("{}\"v{}\":1", i > 0 ? "," : "", i);
    CHECK(metadata_fault("{\"variables\":{" + many + "}}") == "variables has more than 64 names");
}

TEST_CASE("a variable is text on one line that hides nothing") {
    const auto read = read_metadata(R"({"variables":{"a":"x\ny\r\nz\u0000w\u001b[2J","b":"\u202eevil\u200b","c":"\udb40\udc41tag","d":"Jürgen 😀","e":"{{c}}"}})");
    REQUIRE(read.faults.empty());
    CHECK(read.value.variables.at("a") == "x y z w [2J");
    CHECK(read.value.variables.at("b") == "evil");
    CHECK(read.value.variables.at("c") == "tag");
    CHECK(read.value.variables.at("d") == "Jürgen 😀");
    CHECK(read.value.variables.at("e") == "{{c}}");  // a value, whatever it looks like
}

TEST_CASE("strict metadata has a user, and UUIDs") {
    const auto fault = [](const std::string& text) { return strict_fault(read_metadata(text)); };
    CHECK(fault(fmt::format(R"({{"userId":"{}","more":1}})", kUser)).empty());
    CHECK(fault("") == "userId is missing");
    CHECK(fault(R"({"userId":"ann"})") == "userId is no UUID");
    CHECK(fault(fmt::format(R"({{"userId":"{}","scenarioId":"s-1"}})", kUser)) == "scenarioId is no UUID");
    CHECK(fault(fmt::format(R"({{"userId":"{}","language":1}})", kUser)) == "language is no text");
    CHECK(fault("{") == "it is no JSON");
}

TEST_CASE("a traceparent has the form that W3C gives it") {
    const auto good = [](const std::string& text) { return read_metadata("{\"traceparent\":\"" + text + "\"}").faults.empty(); };
    CHECK(good("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    CHECK_FALSE(good("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
    CHECK_FALSE(good("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
    CHECK_FALSE(good("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    CHECK_FALSE(good("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"));
}
