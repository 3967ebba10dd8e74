#include <doctest/doctest.h>

#include "bench.h"
#include "commands/webhook/capture.h"
#include "commands/webhook/progress.h"
#include "commands/webhook/replay.h"
#include "commands/webhook/replay_report.h"
#include "support/temp_folder.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {

using namespace std::chrono_literals;

namespace {

std::optional<WebhookReplayOptions> replay_options(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"replay", "file"});
    return test::parsed<WebhookReplayOptions>(add_webhook_replay, std::move(arguments));
}

}  // namespace

TEST_CASE("what a capture holds is what was received, to the byte") {
    const livekit::SystemTime at{1'795'243'093s};
    for (const std::string body : {R"({"event":"room_started",  "room":{"name":"r"},"id":"EV_1"})", "", "no json", "\xff\x00\x01", "ü\n\r\t\"\\"}) {
        const auto line = capture_line(at, {{"Authorization", "t"}, {"x-a", "1"}, {"x-a", "2"}}, body, nullptr);
        CHECK(line.find('\n') == line.size() - 1);
        const auto read = parse_capture(line, 3);
        REQUIRE(read);
        CHECK(read->body == body);
        CHECK(read->authorization == "t");
        CHECK(read->received_at == at);
        CHECK(read->line == 3);
    }
    const auto json = Json::parse(capture_line(at, {{"x-a", "1"}, {"x-a", "2"}}, "{}", nullptr));
    CHECK(json["headers"]["x-a"] == "1, 2");
    CHECK(Json::parse(capture_line(at, {}, "\xff", nullptr)).contains("bodyBase64"));
}

TEST_CASE("deliveries keep their order by egress, else ingress, else room") {
    const auto key_of = [](const char* body) { return parse_capture(body, 1)->order_key; };
    CHECK(key_of(R"({"event":"e","egressInfo":{"egressId":"EG_1","roomName":"r"}})") == "EG_1");
    CHECK(key_of(R"({"event":"e","ingressInfo":{"ingressId":"IN_1","roomName":"r"},"room":{"name":"r"}})") == "IN_1");
    CHECK(key_of(R"({"event":"e","room":{"name":"r"}})") == "r");
    CHECK(key_of(R"({"event":"e","job":{"room":{"name":"r"}}})") == "r");
    CHECK(key_of(R"({"event":"e"})").empty());
    CHECK(parse_capture(R"({"event":"e","egressInfo":{"egressId":"EG_1","roomName":"r"}})", 1)->room == "r");
    // A line's own names count, but for an egress, whose id stands in the body alone.
    CHECK(key_of(R"({"id":"i","event":"room_started","room":"r","body":"{}"})") == "r");
    CHECK(key_of(R"({"id":"i","event":"egress_ended","room":"r","body":"{\"egressInfo\":{\"egressId\":\"EG_1\"}}"})") == "EG_1");
}

TEST_CASE("a line that is no delivery is refused and named") {
    for (const char* line : {"", "[]", "{}", "x", R"({"body":7})", R"({"bodyBase64":"*"})", R"({"body":"x","receivedAt":"yesterday"})"}) {
        const auto read = parse_capture(line, 17);
        CAPTURE(line);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == Errc::Usage);
        CHECK(read.error().message.starts_with("line 17 "));
    }
    CHECK_FALSE(parse_capture(std::string(5'000, '[') + std::string(5'000, ']'), 1));
}

TEST_CASE("percentiles are right to two per cent") {
    Latencies times;
    CHECK_FALSE(times.percentile(0.5));
    for (int i = 1; i <= 1000; ++i) times.add(std::chrono::milliseconds(i));
    CHECK(*times.percentile(0.5) == doctest::Approx(500).epsilon(0.03));
    CHECK(*times.percentile(0.95) == doctest::Approx(950).epsilon(0.03));
    CHECK(*times.percentile(1) == doctest::Approx(1000).epsilon(0.03));
    times.add(std::chrono::hours(100));
    CHECK(times.percentile(1));
}

TEST_CASE("progress outlives who kept it") {
    const test::TempFolder folder;
    const auto path = folder.path() + "/state";
    using Begin = ReplayProgress::Begin;
    {
        const auto progress = ReplayProgress::open(path, {"http://a", "http://b"}, Begin::Fresh);
        REQUIRE(progress);
        CHECK((*progress)->check_source("first"));
        for (const std::size_t line : {1, 2, 3}) REQUIRE((*progress)->record_begin(0, line));
        (*progress)->record_end(0, 1, true);
        (*progress)->record_end(0, 2, false);
        REQUIRE((*progress)->flush());
        CHECK(ReplayProgress::open(path, {"http://a", "http://b"}, Begin::Resume).error().code == Errc::Conflict);
    }
    CHECK(ReplayProgress::open(path, {"http://a", "http://b"}, Begin::Fresh).error().code == Errc::Conflict);
    CHECK(ReplayProgress::open(path, {"http://b", "http://a"}, Begin::Resume).error().code == Errc::Usage);
    const auto again = ReplayProgress::open(path, {"http://a", "http://b"}, Begin::Resume);
    REQUIRE(again);
    const auto& progress = **again;
    CHECK(progress.delivered(0, 1));
    CHECK_FALSE(progress.delivered(1, 1));
    CHECK_FALSE(progress.delivered(0, 2));
    CHECK_FALSE(progress.in_doubt(0, 2));
    CHECK(progress.in_doubt(0, 3));
    CHECK(progress.count_in_doubt() == 1);
    CHECK_FALSE(progress.delivered(0, 4'000'000));
    CHECK((*again)->check_source("second").error().code == Errc::Usage);
}

TEST_CASE("a progress file that was cut or damaged is read as far as it goes") {
    const test::TempFolder folder;
    const auto path = folder.path() + "/state";
    using Begin = ReplayProgress::Begin;
    const auto header = [&] {
        REQUIRE(ReplayProgress::open(path, {"http://a"}, Begin::Anew));
        return *read_file(path);
    }();
    const auto reading = [&](const std::string& text) {
        REQUIRE(write_file_atomically(path, text));
        return ReplayProgress::open(path, {"http://a"}, Begin::Resume);
    };
    CHECK((*reading(header + "b 1 0\nd 1 0\nb 2 0\nd 2"))->in_doubt(0, 2));
    CHECK((*reading(header + "d 99999999999999999999 0\nd 5 9\nx\nd 1 0\n"))->count_delivered() == 1);
    CHECK((*reading(header.substr(0, 5)))->count_delivered() == 0);
    CHECK(reading("{}\n").error().code == Errc::Usage);
    CHECK(reading("something else\n").error().code == Errc::Usage);
}

TEST_CASE("replay takes its flags") {
    const auto plain = replay_options({"--to", "http://a"});
    REQUIRE(plain);
    CHECK(plain->resume.empty());
    CHECK(plain->concurrency == 16);
    CHECK(replay_options({"--to", "http://a", "--resume"})->resume == "default");
    CHECK(replay_options({"--to", "http://a", "--resume=s"})->resume == "s");
    CHECK(replay_options({"--to", "http://a", "--to", "http://b", "--id", "x,y"})->to.size() == 2);
    CHECK_FALSE(replay_options({"--concurrency", "0"}));
    CHECK_FALSE(replay_options({"--rate", "-1"}));
}

}  // namespace voicectl::commands
