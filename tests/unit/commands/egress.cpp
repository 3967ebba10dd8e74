#include <doctest/doctest.h>

#include <filesystem>
#include <future>

#include "bench.h"
#include "scripted_api.h"
#include "commands/egress/check.h"
#include "commands/egress/list.h"
#include "commands/egress/s3_probe.h"
#include "commands/egress/view.h"
#include "support/temp_folder.h"
#include "voicectl/livekit/s3.h"

namespace voicectl::commands {

using namespace std::chrono_literals;
using livekit::proto::EgressInfo;
using livekit::proto::EgressStatus;
using test::CommandBench;

namespace {

const auto kNow = std::chrono::system_clock::time_point(1'800'000'000s);

std::int64_t nanos_before(std::chrono::seconds age) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>((kNow - age).time_since_epoch()).count();
}

EgressInfo egress(const std::string& id, EgressStatus status, std::chrono::seconds age) {
    EgressInfo out;
    out.set_egress_id(id);
    out.set_status(status);
    out.set_started_at(nanos_before(age));
    return out;
}

std::string fitting(const EgressListOptions& options) {
    const auto items = filter_egress({egress("EG_b", livekit::proto::EGRESS_ACTIVE, 1h), egress("EG_a", livekit::proto::EGRESS_FAILED, 1h),
                                      egress("EG_new", livekit::proto::EGRESS_COMPLETE, 1min), egress("", livekit::proto::EGRESS_STARTING, 1h)},
                                     options, kNow);
    REQUIRE(items);
    std::string out;
    for (const auto& one : *items) out += one.egress_id() + " ";
    return out;
}

livekit::proto::S3Upload s3(const std::string& endpoint, bool path_style, const std::string& region = "") {
    livekit::proto::S3Upload out;
    out.set_bucket("calls");
    out.set_endpoint(endpoint);
    out.set_force_path_style(path_style);
    out.set_region(region);
    return out;
}

Error explained(int status, const std::string& body, net::Headers headers = {}) {
    return livekit::explain_s3({status, std::move(headers), body, 0ms}, s3("", false, "eu-central-1"), kNow);
}

std::string xml(const std::string& code, const std::string& more = "") { return "<?xml?><Error><Code>" + code + "</Code><Message>words</Message>" + more + "</Error>"; }

audio::Inspection stereo(double correlation, double left_active, double right_active) {
    audio::Inspection out;
    out.file.channels = 2;
    out.duration = 10s;
    out.longest_silence = 3s;
    out.peak_dbfs = -0.5;
    out.voice = 4s;
    out.channels.resize(2);
    out.channels[0].active_share = left_active;
    out.channels[1].active_share = right_active;
    out.correlation = correlation;
    return out;
}

std::string failed(const audio::Inspection& recording, const EgressCheckOptions& options) {
    const auto demands = judge(recording, options);
    REQUIRE(demands);
    std::string out;
    for (const auto& one : *demands)
        if (one["ok"] != true) out += one["demand"].get<std::string>() + ": " + one["message"].get<std::string>() + "\n";
    return out;
}

}  // namespace

TEST_CASE("recordings are chosen by status and age, newest first") {
    CHECK(fitting({}) == "EG_new EG_a EG_b ");
    CHECK(fitting({.room = {}, .since = "5m"}) == "EG_new ");
    CHECK(fitting({.room = {}, .since = {}, .watch = {}, .statuses = {"active", "failed"}}) == "EG_a EG_b ");
    CHECK(fitting({.room = {}, .since = {}, .watch = {}, .statuses = {"EGRESS_ACTIVE", "FAILED"}}) == "EG_a EG_b ");
    CHECK(filter_egress({}, {.room = {}, .since = "yesterday"}, kNow).error().code == Errc::Usage);
    CHECK(filter_egress({}, {.room = {}, .since = {}, .watch = {}, .statuses = {"done"}}, kNow).error().code == Errc::Usage);
}

TEST_CASE("a recording is shown whole: times in words, what came out, no keys") {
    auto info = egress("EG_x", livekit::proto::EGRESS_COMPLETE, 1h);
    auto& request = *info.mutable_room_composite();
    request.set_audio_only(true);
    request.add_file_outputs()->mutable_s3()->set_secret("geheim");
    request.mutable_file_outputs(0)->mutable_s3()->set_access_key("{access_key}");
    auto& file = *info.add_file_results();
    file.set_location("https://s3/calls/a.ogg");
    file.set_size(1'500'000);
    file.set_duration(90'000'000'000);
    info.add_stream_results()->set_url("rtmp://h/app/streamkey");
    const auto json = egress_json(info, kNow);
    CHECK(json["source"] == "room (audio)");
    CHECK(json["startedTime"] == "2027-01-15T07:00:00.000Z");
    CHECK(json["endedTime"].is_null());
    CHECK(json["durationMs"] == 90000);
    CHECK(json["sizeBytes"] == 1'500'000);
    CHECK(json["places"].dump() == R"(["https://s3/calls/a.ogg","rtmp://h/app/***"])");
    CHECK(json["roomComposite"]["fileOutputs"][0]["s3"]["secret"] == "***");
    CHECK(json["roomComposite"]["fileOutputs"][0]["s3"]["accessKey"] == "{access_key}");
    CHECK(egress_text(json).find("1.5 MB") != std::string::npos);
    CHECK(egress_json(egress("EG_y", livekit::proto::EGRESS_ACTIVE, 60s), kNow)["durationMs"] == 60000);
}

TEST_CASE("--wait has a kind and a time") {
    CHECK(parse_egress_wait("active")->limit == 60s);
    CHECK(parse_egress_wait("complete=2m")->limit == 120s);
    CHECK(parse_egress_wait("complete")->until == EgressWait::For::Complete);
    for (const char* wrong : {"", "done", "active=0", "active=soon"}) CHECK(parse_egress_wait(wrong).error().code == Errc::Usage);
}

TEST_CASE("stop wants to know what, and --all-active wants consent") {
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
    CHECK(bench.run({"egress", "stop"}) == 2);
    CHECK(bench.run({"egress", "stop", "--all-active"}) == 2);
    CHECK(bench.talk.str().find("--yes") != std::string::npos);
    CHECK(bench.run({"egress", "stop", "--all-active", "--yes"}) == 7);
}

TEST_CASE("every egress command that talks to a server is exit 7 when there is none, with nothing on stdout") {
    for (const auto& arguments : std::vector<std::vector<std::string>>{{"list"},
                                                                       {"get", "EG_x"},
                                                                       {"wait", "EG_x"},
                                                                       {"stop", "EG_x"},
                                                                       {"update", "EG_x", "--layout", "grid"},
                                                                       {"start", "--room", "demo", "--out", "file:a.mp4"}}) {
        CommandBench bench;
        bench.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
        auto all = arguments;
        all.insert(all.begin(), "egress");
        CHECK(bench.run(all) == 7);
        CHECK(bench.results.str().empty());
    }
}

TEST_CASE("a bucket is in the host name, or in the path") {
    CHECK(*livekit::bucket_url(s3("", false, "eu-west-1")) == "https://calls.s3.eu-west-1.amazonaws.com:443");
    CHECK(*livekit::bucket_url(s3("http://127.0.0.1:9000/", true)) == "http://127.0.0.1:9000/calls");
    CHECK(*livekit::bucket_url(s3("minio.example.com", true)) == "https://minio.example.com:443/calls");
    CHECK(livekit::bucket_url(s3("ftp://x", true)).error().code == Errc::Usage);
}

TEST_CASE("each refusal of S3 has its cause, its exit code and what to do") {
    const auto code = [](int status, const std::string& body) { return explained(status, body).code; };
    CHECK(code(403, xml("SignatureDoesNotMatch")) == Errc::Auth);
    CHECK(explained(403, xml("SignatureDoesNotMatch")).message.find("secret key is not the one") != std::string::npos);
    CHECK(explained(403, xml("InvalidAccessKeyId")).message.find("does not know this access key") != std::string::npos);
    CHECK(code(403, xml("AccessDenied")) == Errc::Auth);
    CHECK(code(404, xml("NoSuchBucket")) == Errc::NotFound);
    const auto malformed = explained(400, xml("AuthorizationHeaderMalformed", "<Region>us-west-2</Region>"));
    CHECK(malformed.code == Errc::CheckFailed);
    CHECK(malformed.message == "the bucket is in region us-west-2, not eu-central-1");
    CHECK(malformed.hint.find("--region us-west-2") != std::string::npos);
    CHECK(explained(301, "", {{"x-amz-bucket-region", "ap-south-1"}}).hint.find("ap-south-1") != std::string::npos);
    const auto skewed = explained(403, xml("RequestTimeTooSkewed"), {{"date", "Fri, 15 Jan 2027 07:40:00 GMT"}});
    CHECK(skewed.message == "the clock of this machine is 20m 0s ahead of the storage's");
    CHECK(code(503, xml("SlowDown")) == Errc::Unreachable);
    CHECK(code(500, "") == Errc::Unreachable);
    CHECK(code(404, "<html>") == Errc::NotFound);
}

TEST_CASE("storage that cannot be checked is said to be so, and keys are asked for by name") {
    for (const char* kind : {"gcp", "azure", "alioss"}) {
        CommandBench bench;
        CHECK(bench.run({"egress", "check-storage", "--storage", kind}) == 2);
        CHECK(bench.talk.str().find("cannot check") != std::string::npos);
    }
    CommandBench bench;
    CHECK(bench.run({"egress", "check-storage", "--bucket", "b"}) == 2);
    CHECK(bench.talk.str().find("RECORDING_S3_ACCESS_KEY") != std::string::npos);
}

TEST_CASE("a local folder is proved by writing to it") {
    test::TempFolder folder;
    CommandBench bench;
    CHECK(bench.run({"egress", "check-storage", "--storage", "local", "--path", folder.path(), "--json"}) == 0);
    CHECK(bench.json()["steps"].size() == 3);
    CHECK(bench.json()["leftBehind"] == false);
    CHECK(std::filesystem::is_empty(folder.path()));
    CommandBench absent;
    CHECK(absent.run({"egress", "check-storage", "--storage", "local", "--path", folder.file("absent")}) == 5);
}

TEST_CASE("each demand on a recording holds or is named") {
    const auto good = stereo(0.1, 0.5, 0.4);
    CHECK(failed(good, {.files = {}, .min_duration = "10s", .max_silence = "3s", .channels = 2, .peak = -0.5, .min_voice = 0.4, .channels_differ = true}).empty());
    CHECK(failed(good, {.files = {}, .min_duration = "11s"}) == "minDuration: lasts 10.0 s, less than 11.0 s\n");
    CHECK(failed(good, {.files = {}, .min_duration = {}, .max_silence = "2s"}).starts_with("maxSilence: longest silence 3.0 s"));
    CHECK(failed(good, {.files = {}, .min_duration = {}, .max_silence = {}, .channels = 1}).starts_with("channels: 2 channels, not 1"));
    CHECK(failed(good, {.files = {}, .min_duration = {}, .max_silence = {}, .channels = {}, .peak = -1}).starts_with("peak: peak -0.5 dBFS, above -1.0 dBFS"));
    CHECK(failed(good, {.files = {}, .min_duration = {}, .max_silence = {}, .channels = {}, .peak = {}, .min_voice = 0.5}).starts_with("minVoice: speech 40 %, less than 50 %"));
    const EgressCheckOptions differ{.files = {}, .min_duration = {}, .max_silence = {}, .channels = {}, .peak = {}, .min_voice = {}, .silence_level = -50, .channels_differ = true};
    CHECK(failed(stereo(0.99, 0.5, 0.5), differ).find("same sound") != std::string::npos);
    CHECK(failed(stereo(0, 0.5, 0), differ).find("right channel is silent") != std::string::npos);
    CHECK(failed(stereo(0, 0, 0.5), differ).find("left channel is silent") != std::string::npos);
    auto cut = good;
    cut.incomplete = "its last page is missing";
    CHECK(failed(cut, {}).find("cut off") != std::string::npos);
}

TEST_CASE("levels over time are drawn from silence to full scale") {
    CHECK(level_picture({-120, -60, -30, 0}) == "  ▄█");
}

TEST_CASE("tables are for people, tsv has milliseconds and bytes") {
    auto info = egress("EG_x", livekit::proto::EGRESS_COMPLETE, 1h);
    info.add_file_results()->set_size(12'345);
    info.mutable_file_results(0)->set_duration(129'000'000);
    const auto json = egress_json(info, kNow);
    const auto row = [&json](Format format) {
        std::string out;
        for (const auto& one : egress_columns(format)) out += one.text(json) + "|";
        return out;
    };
    CHECK(row(Format::Table).find("|129 ms|12 kB|") != std::string::npos);
    CHECK(row(Format::Tsv).find("|129|12345|") != std::string::npos);
}

TEST_CASE("several recordings are waited for together: the first that fails ends it") {
    test::ScriptedApi api;
    api.on("ListEgress", [](const std::string& body) {
        livekit::proto::ListEgressRequest request;
        request.ParseFromString(body);
        livekit::proto::ListEgressResponse reply;
        auto& one = *reply.add_items();
        one.set_egress_id(request.egress_id());
        one.set_status(request.egress_id() == "EG_bad" ? livekit::proto::EGRESS_FAILED : livekit::proto::EGRESS_ACTIVE);
        one.set_error("disk full");
        return test::ScriptedApi::message(reply);
    });
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = api.url();
    const auto begun = Clock::now();
    CHECK(bench.run({"egress", "wait", "EG_good", "EG_bad", "--timeout", "20s"}) == 3);
    CHECK(bench.talk.str().find("EG_bad failed: disk full") != std::string::npos);
    CHECK(Clock::now() - begun < 10s);
    CommandBench late;
    late.environment["LIVEKIT_URL"] = api.url();
    CHECK(late.run({"egress", "wait", "EG_good", "EG_other", "--timeout", "1s"}) == 8);
    CommandBench active;
    active.environment["LIVEKIT_URL"] = api.url();
    CHECK(active.run({"egress", "wait", "EG_good", "EG_other", "--for", "active", "-o", "name"}) == 0);
    CHECK(active.results.str() == "EG_good\nEG_other\n");
}

TEST_CASE("egress start gives up after --timeout, and says what may still happen") {
    std::promise<void> given_up;
    test::ScriptedApi api;
    api.on("ListEgress", [](const std::string&) { return test::ScriptedApi::message(livekit::proto::ListEgressResponse()); });
    api.on("ListRooms", [](const std::string&) {
        livekit::proto::ListRoomsResponse reply;
        reply.add_rooms()->set_name("r");
        return test::ScriptedApi::message(reply);
    });
    api.on("StartRoomCompositeEgress", [over = given_up.get_future().share()](const std::string&) {
        over.wait_for(10s);  // a worker is looked for until the client has gone
        return test::ScriptedApi::refusal("503 Service Unavailable", "unavailable", "no response from servers");
    });
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = api.url();
    const auto begun = Clock::now();
    CHECK(bench.run({"egress", "start", "--room", "r", "--audio-only", "--out", "file:a.ogg", "--timeout", "1s"}) == 8);
    CHECK(Clock::now() - begun < 2500ms);
    given_up.set_value();
    CHECK(bench.talk.str().find("a worker may still take the recording") != std::string::npos);
}

TEST_CASE("levels that are no numbers, and standard input, are refused; a file with NaN does not pass") {
    for (const auto& words : std::vector<std::vector<std::string>>{{"--peak", "nan"}, {"--min-voice", "nan"}, {"--silence-level", "nan"}, {"--peak", "-inf"}, {"-"}}) {
        CommandBench bench;
        std::vector<std::string> line{"egress", "check", "a.wav"};
        line.insert(line.end(), words.begin(), words.end());
        CHECK_MESSAGE(bench.run(line) == 2, words.front() << bench.talk.str());
    }
    auto broken = stereo(0.1, 1, 1);
    broken.not_finite_samples = 7;
    CHECK(failed(broken, {}) == "finite: 7 of its samples are no finite numbers (NaN or infinite)\n");
}

TEST_CASE("check-storage: what it cannot try is refused or named") {
    test::TempFolder folder;
    CommandBench bench;
    CHECK(bench.run({"egress", "check-storage", "--storage", "local", "--path", folder.file(""), "--assume-role", "arn:x", "--json"}) == 0);
    CHECK(bench.json()["notTried"].dump() == R"(["--assume-role"])");
    for (const auto& words : std::vector<std::vector<std::string>>{{"--bucket", "b", "--path", "/tmp"}, {"--bucket", "b", "--prefix", "../x"}, {"--storage", "local", "--prefix", "x"}}) {
        CommandBench refused;
        refused.environment.insert({{"S3_ACCESS_KEY", "key"}, {"S3_SECRET_KEY", "s3-secret-key"}});
        std::vector<std::string> line{"egress", "check-storage", "--dry-run"};
        line.insert(line.end(), words.begin(), words.end());
        CHECK_MESSAGE(refused.run(line) == 2, words.back());
    }
}

}  // namespace voicectl::commands
