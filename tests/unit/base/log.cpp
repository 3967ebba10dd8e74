#include "voicectl/base/log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "voicectl/base/log_context.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl {
namespace {

// What `work` writes to standard error.
template<class Work>
std::string on_stderr(Work work) {
    FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    std::fflush(stderr);
    const int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    work();
    std::fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    std::string text(static_cast<std::size_t>(std::ftell(file) >= 0 ? lseek(fileno(file), 0, SEEK_END) : 0), '\0');
    const auto got = pread(fileno(file), text.data(), text.size(), 0);
    std::fclose(file);
    CHECK(got == static_cast<ssize_t>(text.size()));
    return text;
}

std::string pretty(log::Fields fields) {
    log::configure(log::Level::Info, log::Format::Pretty);
    auto text = on_stderr([&] { log::info("agent", "call accepted", fields); });
    return text.substr(text.find(' ') + 1);  // without the time
}

TEST_CASE("a line for people: time, level, area, message, fields quoted when they must be") {
    CHECK(pretty({}) == "INFO  agent: call accepted\n");
    CHECK(pretty({{"room", "demo"}, {"calls", 3}, {"once", true}, {"load", 0.5}}) ==
          "INFO  agent: call accepted room=demo calls=3 once=true load=0.5\n");
    CHECK(pretty({{"a", "two words"}, {"b", ""}, {"c", "x=y"}, {"d", "say \"hi\""}}) ==
          "INFO  agent: call accepted a=\"two words\" b=\"\" c=\"x=y\" d=\"say \\\"hi\\\"\"\n");
    CHECK(pretty({{"evil", "a\x1b[2J\nb"}}) == "INFO  agent: call accepted evil=a\\u001b[2J\\nb\n");
    CHECK(pretty({{"evil", "two words\nline \x1b"}}).find('\n') == pretty({{"evil", "two words\nline \x1b"}}).size() - 1);
}

TEST_CASE("all lines of a call carry what the call is") {
    const log::Context call("agent", {{"room", "demo"}, {"job", "AJ_1"}});
    log::configure(log::Level::Info, log::Format::Pretty);
    const auto text = on_stderr([&] {
        call.info("call accepted", {{"load", 1}});
        call.debug("not shown");
        call.warn("odd");
    });
    CHECK(text.find("agent: call accepted room=demo job=AJ_1 load=1\n") != std::string::npos);
    CHECK(text.find("WARN  agent: odd room=demo job=AJ_1\n") != std::string::npos);
    CHECK(text.find("not shown") == std::string::npos);
    log::configure(log::Level::Info, log::Format::Json);
    CHECK(nlohmann::json::parse(on_stderr([&] { call.error("gone", {{"room", "another"}}); }))["room"] == "demo");
}

TEST_CASE("a line for machines is one JSON object, whatever is in it") {
    log::configure(log::Level::Info, log::Format::Json);
    const auto text = on_stderr([] {
        log::warn("store", "slow write", {{"ms", 1200}, {"note", "line\nbreak \"x\""}, {"bytes", "\xff\xfe"}, {"message", "mine"}});
    });
    CHECK(text.find('\n') == text.size() - 1);
    const auto json = nlohmann::json::parse(text);
    CHECK(json["level"] == "WARN");
    CHECK(json["area"] == "store");
    CHECK(json["message"] == "slow write");
    CHECK(json["message_"] == "mine");
    CHECK(json["ms"] == "1200");
    CHECK(json["note"] == "line\nbreak \"x\"");
    CHECK(parse_time(json["time"].get<std::string>()));
}

TEST_CASE("what is below the level is not written") {
    log::configure(log::Level::Warn, log::Format::Pretty);
    CHECK(on_stderr([] {
              log::debug("a", "b");
              log::info("a", "b");
          }).empty());
    CHECK(split(on_stderr([] {
              log::warn("a", "b");
              log::error("a", "b");
          }), '\n').size() == 3);
    log::configure(log::Level::Off, log::Format::Pretty);
    CHECK(on_stderr([] { log::error("a", "b"); }).empty());
    log::configure(log::Level::Warn, log::Format::Pretty);
}

TEST_CASE("secrets never reach a log line, in either format") {
    register_secret("log-secret-\"42\"");
    const auto jwt = base64url_encode(R"({"alg":"HS256"})") + "." + base64url_encode(R"({"sub":"ann"})") + ".c2lnbmF0dXJl";
    for (const auto format : {log::Format::Pretty, log::Format::Json}) {
        log::configure(log::Level::Info, format);
        const auto text = on_stderr([&] {
            log::info("net", "refused", {{"body", "invalid token: " + jwt + ", x"}, {"key", "log-secret-\"42\""},
                                         {"config", "{\"turn_password\":\"p4ss\"}"}});
        });
        CHECK(text.find("eyJ") == std::string::npos);
        CHECK(text.find("log-secret") == std::string::npos);
        CHECK(text.find("p4ss") == std::string::npos);
        if (format == log::Format::Json) CHECK(nlohmann::json::parse(text)["key"] == "***");
    }
    log::configure(log::Level::Warn, log::Format::Pretty);
}

TEST_CASE("lines of many threads do not mix") {
    log::configure(log::Level::Info, log::Format::Json);
    const auto text = on_stderr([] {
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([] {
                for (int i = 0; i < 100; ++i) log::info("area", "message", {{"filling", std::string(300, 'x')}});
            });
        for (auto& thread : threads) thread.join();
    });
    const auto lines = split(trim(text), '\n');
    CHECK(lines.size() == 400);
    bool whole = true;
    for (const auto& line : lines) whole = whole && nlohmann::json::accept(line);
    CHECK(whole);
    log::configure(log::Level::Warn, log::Format::Pretty);
}

}  // namespace
}  // namespace voicectl
