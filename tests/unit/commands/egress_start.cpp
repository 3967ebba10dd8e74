#include <CLI/CLI.hpp>
#include <doctest/doctest.h>

#include "bench.h"
#include "commands/egress/request.h"
#include "commands/egress/start.h"
#include "support/temp_folder.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {

using namespace livekit::proto;
using test::CommandBench;
using test::parsed;

namespace {

/// What `egress start arguments…` would send, with these variables set.
Result<StartRequest> request_for(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {}) {
    arguments.insert(arguments.begin(), "start");
    const auto options = parsed<EgressStartOptions>(add_egress_start, std::move(arguments));
    if (!options) return fail(Errc::Usage, "not parsed");
    CommandBench bench;
    bench.environment.insert(environment.begin(), environment.end());
    return start_request(*options, bench.env);
}

template<class Request>
Request sent(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {}) {
    const auto request = request_for(std::move(arguments), std::move(environment));
    REQUIRE_MESSAGE(request, (request ? "" : request.error().message));
    REQUIRE(std::holds_alternative<Request>(*request));
    return std::get<Request>(*request);
}

std::string refusal(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {}) {
    const auto request = request_for(std::move(arguments), std::move(environment));
    if (request) return "taken";
    CHECK(request.error().code == Errc::Usage);
    return request.error().message;
}

const std::map<std::string, std::string> kS3{{"RECORDING_S3_ACCESS_KEY", "AKtest1"}, {"RECORDING_S3_SECRET", "geheim-geheim"}, {"S3_BUCKET", "calls"},
                                             {"S3_REGION", "eu-central-1"},          {"RECORDING_S3_REGION", "us-east-2"}};

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a room's sound goes to a file, with storage from the environment, RECORDING_ before plain names") {
    const auto request = sent<RoomCompositeEgressRequest>({"--room", "demo", "--audio-only", "--channels", "agent-left", "--out", "s3:calls/{room_name}.ogg"}, kS3);
    CHECK(request.room_name() == "demo");
    CHECK(request.audio_only());
    CHECK(request.audio_mixing() == DUAL_CHANNEL_AGENT);
    REQUIRE(request.file_outputs_size() == 1);
    const auto& file = request.file_outputs(0);
    CHECK(file.file_type() == OGG);
    CHECK(file.filepath() == "calls/{room_name}.ogg");
    CHECK(file.s3().access_key() == "AKtest1");
    CHECK(file.s3().secret() == "geheim-geheim");
    CHECK(file.s3().bucket() == "calls");
    CHECK(file.s3().region() == "us-east-2");
    CHECK_FALSE(file.s3().force_path_style());
}

TEST_CASE("flags of the storage beat the environment, and an endpoint of one's own takes the bucket in the path") {
    const auto request = sent<RoomCompositeEgressRequest>({"--room", "demo", "--audio-only", "--out", "s3://other/a.mp3", "--region", "auto", "--endpoint",
                                                           "http://127.0.0.1:9000", "--object-metadata", "call=1", "--tagging", "a=1"}, kS3);
    const auto& file = request.file_outputs(0);
    CHECK(file.file_type() == MP3);
    CHECK(file.filepath() == "a.mp3");
    CHECK(file.s3().bucket() == "other");
    CHECK(file.s3().region() == "auto");
    CHECK(file.s3().force_path_style());
    CHECK(file.s3().metadata().at("call") == "1");
    CHECK(file.s3().tagging() == "a=1");
    CHECK_FALSE(sent<RoomCompositeEgressRequest>({"--room", "demo", "--out", "s3:a.mp4", "--endpoint", "http://x", "--no-force-path-style"}, kS3).file_outputs(0).s3().force_path_style());
}

TEST_CASE("Google, Azure and Alibaba take their own variables") {
    test::TempFolder folder;
    REQUIRE(write_file_atomically(folder.file("key.json"), R"({"private_key":"geheim"})"));
    const auto gcp = sent<RoomCompositeEgressRequest>({"--room", "r", "--out", "gs://bucket/a.mp4"}, {{"GOOGLE_APPLICATION_CREDENTIALS", folder.file("key.json")}});
    CHECK(gcp.file_outputs(0).gcp().credentials() == R"({"private_key":"geheim"})");
    CHECK(gcp.file_outputs(0).gcp().bucket() == "bucket");
    const auto azure = sent<RoomCompositeEgressRequest>({"--room", "r", "--out", "az:a.mp4"},
                                                        {{"AZURE_STORAGE_ACCOUNT", "acc"}, {"AZURE_STORAGE_KEY", "geheim1"}, {"AZURE_STORAGE_CONTAINER", "box"}});
    CHECK(azure.file_outputs(0).azure().account_name() == "acc");
    CHECK(azure.file_outputs(0).azure().account_key() == "geheim1");
    CHECK(azure.file_outputs(0).azure().container_name() == "box");
    const auto oss = sent<RoomCompositeEgressRequest>({"--room", "r", "--out", "oss:a.mp4", "--bucket", "b"}, {{"OSS_ACCESS_KEY", "key"}, {"OSS_SECRET_KEY", "geheim2"}});
    CHECK(oss.file_outputs(0).alioss().secret() == "geheim2");
    CHECK(has(refusal({"--room", "r", "--out", "gs:a.mp4"}), "no bucket"));
    CHECK(has(refusal({"--room", "r", "--out", "s3:a.mp4", "--bucket", "b"}, {{"S3_ACCESS_KEY", "only"}}), "secret key"));
}

TEST_CASE("participants, tracks and pages have requests of their own") {
    const auto person = sent<ParticipantEgressRequest>({"--room", "demo", "--participant", "ann", "--screen-share", "--out", "file:ann.mp4", "--preset", "H264-1080P-30"});
    CHECK(person.identity() == "ann");
    CHECK(person.screen_share());
    CHECK(person.preset() == H264_1080P_30);
    const auto track = sent<TrackEgressRequest>({"--room", "demo", "--track", "TR_AMx", "--out", "wss://example.com/sound"});
    CHECK(track.track_id() == "TR_AMx");
    CHECK(track.websocket_url() == "wss://example.com/sound");
    CHECK(sent<TrackEgressRequest>({"--room", "demo", "--track", "TR_AMx", "--out", "file:a.ogg", "--no-manifest"}).file().disable_manifest());
    const auto pair = sent<TrackCompositeEgressRequest>({"--room", "demo", "--track", "TR_VCx", "--track", "TR_AMx", "--out", "file:a.mp4"});
    CHECK(pair.audio_track_id() == "TR_AMx");
    CHECK(pair.video_track_id() == "TR_VCx");
    CHECK(sent<TrackCompositeEgressRequest>({"--room", "demo", "--audio-track", "TR_AMx", "--out", "file:a.mp3"}).audio_track_id() == "TR_AMx");
    const auto page = sent<WebEgressRequest>({"--page", "https://example.com", "--await-start-signal", "--out", "file:a.mp4", "--out", "rtmps://live.example.com/app/geheim-key"});
    CHECK(page.url() == "https://example.com");
    CHECK(page.await_start_signal());
    CHECK(page.stream_outputs(0).urls(0) == "rtmps://live.example.com/app/geheim-key");
    CHECK(page.stream_outputs(0).protocol() == RTMP);
}

TEST_CASE("every output and every detail of the encoding reaches the request") {
    const auto request = sent<RoomCompositeEgressRequest>(
        {"--room", "demo", "--layout", "speaker", "--custom-base-url", "https://l.example.com", "--out", "file:a.mp4", "--out", "srt://h:1?streamid=x", "--out", "srt://h:2",
         "--out", "hls:live/demo", "--live-playlist", "now.m3u8", "--segment-duration", "4s", "--segment-suffix", "timestamp", "--out", "images:shots/a",
         "--image-interval", "5s", "--image-size", "640x360", "--out", "images:shots/b", "--image-suffix", "overwrite", "--no-manifest",
         "--advanced", "width=1280,height=720,framerate=25,audio-bitrate=64,audio-codec=opus,video-codec=h264-main,key-frame-interval=2",
         "--webhook", "https://example.com/hook", "--webhook", "https://example.com/b=otherkey"});
    CHECK(request.layout() == "speaker");
    CHECK(request.custom_base_url() == "https://l.example.com");
    REQUIRE(request.stream_outputs_size() == 1);
    CHECK(request.stream_outputs(0).protocol() == SRT);
    CHECK(request.stream_outputs(0).urls_size() == 2);
    const auto& hls = request.segment_outputs(0);
    CHECK(hls.filename_prefix() == "live/demo");
    CHECK(hls.playlist_name() == "live/demo.m3u8");
    CHECK(hls.live_playlist_name() == "live/now.m3u8");
    CHECK(hls.segment_duration() == 4);
    CHECK(hls.filename_suffix() == TIMESTAMP);
    CHECK(hls.disable_manifest());
    REQUIRE(request.image_outputs_size() == 2);
    CHECK(request.image_outputs(0).capture_interval() == 5);
    CHECK(request.image_outputs(0).width() == 640);
    CHECK(request.image_outputs(1).filename_suffix() == IMAGE_SUFFIX_NONE_OVERWRITE);
    const auto& advanced = request.advanced();
    CHECK(advanced.width() == 1280);
    CHECK(advanced.height() == 720);
    CHECK(advanced.framerate() == 25);
    CHECK(advanced.audio_bitrate() == 64);
    CHECK(advanced.audio_codec() == OPUS);
    CHECK(advanced.video_codec() == H264_MAIN);
    CHECK(advanced.key_frame_interval() == doctest::Approx(2));
    REQUIRE(request.webhooks_size() == 2);
    CHECK(request.webhooks(0).signing_key() == "devkey");  // our own key, unless another is named
    CHECK(request.webhooks(1).url() == "https://example.com/b");
    CHECK(request.webhooks(1).signing_key() == "otherkey");
}

TEST_CASE("what only the unified call can say, or --unified, makes a StartEgress request") {
    const auto sides = sent<StartEgressRequest>({"--room", "demo", "--left", "agent", "--right", "caller", "--right", "TR_AMx", "--right", "bob", "--out", "s3:a.ogg"}, kS3);
    CHECK(sides.room_name() == "demo");
    const auto& routes = sides.media().audio().routes();
    REQUIRE(routes.size() == 5);
    CHECK(routes[0].participant_kind() == ParticipantInfo::AGENT);
    CHECK(routes[0].channel() == AUDIO_CHANNEL_LEFT);
    CHECK(routes[1].has_participant_kind());  // STANDARD is 0, and must be there all the same
    CHECK(routes[1].participant_kind() == ParticipantInfo::STANDARD);
    CHECK(routes[2].participant_kind() == ParticipantInfo::SIP);
    CHECK(routes[3].track_id() == "TR_AMx");
    CHECK(routes[4].participant_identity() == "bob");
    CHECK(routes[4].channel() == AUDIO_CHANNEL_RIGHT);
    REQUIRE(sides.outputs_size() == 1);
    CHECK(sides.outputs(0).file().file_type() == OGG);
    CHECK(sides.outputs(0).storage().s3().bucket() == "calls");

    CHECK(sent<StartEgressRequest>({"--room", "r", "--audio-only", "--unified", "--out", "file:a.ogg"}).template_().audio_only());
    CHECK(sent<StartEgressRequest>({"--page", "https://x", "--unified", "--out", "file:a.mp4"}).web().url() == "https://x");
    const auto person = sent<StartEgressRequest>({"--room", "r", "--participant", "ann", "--unified", "--out", "file:a.mp4"});
    CHECK(person.media().participant_video().identity() == "ann");
    CHECK(person.media().audio().routes(0).participant_identity() == "ann");
    CHECK(sent<StartEgressRequest>({"--room", "r", "--video-track", "TR_VCx", "--unified", "--out", "file:a.mp4"}).media().video_track_id() == "TR_VCx");
    const auto left = sent<StartEgressRequest>({"--room", "r", "--audio-only", "--channels", "agent-left", "--unified", "--out", "file:a.ogg"});
    CHECK(left.media().audio().routes(0).channel() == AUDIO_CHANNEL_LEFT);
    CHECK(left.media().audio().routes(1).channel() == AUDIO_CHANNEL_RIGHT);
}

TEST_CASE("what the server would refuse is told before anything is sent") {
    CHECK(has(refusal({"--out", "file:a.ogg"}), "what should be recorded"));
    CHECK(has(refusal({"--room", "r"}), "where should"));
    CHECK(has(refusal({"--room", "r", "--out", "file:a.ogg", "--out", "s3:b.ogg", "--bucket", "b"}), "at most one file"));
    CHECK(has(refusal({"--room", "r", "--out", "hls:a", "--out", "hls:b"}), "at most one hls"));
    CHECK(has(refusal({"--room", "r", "--out", "rtmp://h/a/k", "--out", "srt://h:1"}), "at most one kind of stream"));
    CHECK(has(refusal({"--room", "r", "--out", "rtmp://h/app"}), "rtmp://host/app/key"));
    CHECK(has(refusal({"--room", "r", "--out", "wss://h/a"}), "single --track"));
    CHECK(has(refusal({"--room", "r", "--out", "file:a.wav"}), ".wav"));
    CHECK(has(refusal({"--room", "r", "--out", "recordings/a.ogg"}), "cannot tell"));
    CHECK(has(refusal({"--room", "r", "--audio-only", "--out", "images:a"}), "no images"));
    CHECK(has(refusal({"--room", "r", "--track", "TR_AMx", "--out", "hls:a"}), "one file"));
    CHECK(has(refusal({"--room", "r", "--track", "TR_AMx", "--track", "TR_AMy", "--out", "file:a.ogg"}), "one is audio"));
    CHECK(has(refusal({"--room", "r", "--participant", "a", "--page", "https://x", "--out", "file:a.mp4"}), "one recording"));
    CHECK(has(refusal({"--room", "r", "--participant", "a", "--audio-only", "--out", "file:a.mp4"}), "does not fit"));
    CHECK(has(refusal({"--room", "r", "--audio-only", "--video-only", "--out", "file:a.mp4"}), "leave nothing"));
    CHECK(has(refusal({"--room", "r", "--channels", "alternate", "--out", "file:a.mp4"}), "sound alone"));
    CHECK(has(refusal({"--room", "r", "--audio-only", "--channels", "alternate", "--unified", "--out", "file:a.ogg"}), "no --channels alternate"));
    CHECK(has(refusal({"--room", "r", "--out", "file:a.mp4", "--preset", "best"}), "unknown preset"));
    CHECK(has(refusal({"--room", "r", "--out", "file:a.mp4", "--advanced", "colour=1"}), "unknown --advanced"));
    CHECK(has(refusal({"--room", "r", "--out", "file:a.mp4", "--advanced", "width=big"}), "whole number"));
    CHECK(has(refusal({"--room", "r", "--out", "file:a.mp4", "--webhook", "example.com"}), "no http"));
    CHECK(has(refusal({"--room", "r", "--out", "hls:a", "--live-playlist", "a.m3u8"}), "name of its own"));
}

TEST_CASE("paths with templates that this kind of egress does not know are warned of, known ones are not") {
    const auto of = [](std::vector<std::string> arguments) {
        const auto request = request_for(std::move(arguments));
        REQUIRE(request);
        return doubts(*request);
    };
    CHECK(of({"--room", "r", "--audio-only", "--out", "file:{room_name}/{room_id}-{time}-{utc}.ogg"}).empty());
    const auto unknown = of({"--room", "r", "--audio-only", "--out", "file:{job_id}-{track_id}.mp3"});
    REQUIRE(unknown.size() == 2);
    CHECK(has(unknown[0], "{job_id}"));
    CHECK(has(unknown[1], "{track_id}"));
    CHECK(of({"--room", "r", "--track", "TR_AMx", "--out", "file:{publisher_identity}-{track_id}"}).empty());
    CHECK(of({"--room", "r", "--audio-track", "TR_AMx", "--out", "file:{publisher_identity}.mp3"}).empty());
    CHECK(has(of({"--room", "r", "--out", "file:a.ogg"}).at(0), "no video"));
}

TEST_CASE("a request as JSON may be any of the six, and an unknown field is named") {
    const auto type = [](const std::string& json, const std::string& given = "") {
        const auto request = request_from_json(json, given);
        return request ? std::string(type_of(*request)) : request.error().message;
    };
    CHECK(type(R"({"room_name":"r","audioOnly":true,"fileOutputs":[{"filepath":"a.ogg","fileType":"OGG"}]})") == "room-composite");
    CHECK(type(R"({"url":"https://x"})") == "web");
    CHECK(type(R"({"roomName":"r","identity":"a"})") == "participant");
    CHECK(type(R"({"roomName":"r","track_id":"a"})") == "track");
    CHECK(type(R"({"roomName":"r","audioTrackId":"a"})") == "track-composite");
    CHECK(type(R"({"roomName":"r","media":{"audio":{"captureAll":true}}})") == "unified");
    CHECK(type(R"({"roomName":"r"})", "track") == "track");
    CHECK(has(type(R"({"roomName":"r","audioOnyl":true})"), "audioOnyl"));
    const auto broken = type("{\n  \"secret\": \"geheim");
    CHECK(has(broken, "line 2"));
    CHECK_FALSE(has(broken, "geheim"));
    CHECK(has(type("[]"), "no JSON object"));
}

TEST_CASE("a missing request file is said to be missing") {
    for (const char* given : {"@missing.json", "missing.json"}) {
        CommandBench bench;
        CHECK(bench.run({"egress", "start", "--request", given}) == 2);
        CHECK(has(bench.talk.str(), "cannot read missing.json: No such file"));
    }
}

TEST_CASE("a dry run prints the request, its secrets masked, and needs no server") {
    CommandBench bench;
    bench.environment.insert(kS3.begin(), kS3.end());
    CHECK(bench.run({"egress", "start", "--room", "demo", "--audio-only", "--out", "s3:a.ogg", "--dry-run", "--json"}) == 0);
    const auto json = bench.json();
    CHECK(json["fileOutputs"][0]["s3"]["secret"] == "***");
    CHECK(json["fileOutputs"][0]["s3"]["accessKey"] == "***");
    CHECK(json["fileOutputs"][0]["filepath"] == "a.ogg");
    CommandBench human;
    human.environment.insert(kS3.begin(), kS3.end());
    CHECK(human.run({"egress", "start", "--page", "https://x", "--out", "rtmp://h/app/streamkey", "--out", "s3:a.mp4", "--dry-run"}) == 0);
    CHECK(has(human.results.str(), "would start this web egress"));
    for (const char* hidden : {"geheim", "AKtest1", "streamkey"}) CHECK_FALSE(has(human.results.str() + human.talk.str(), hidden));
}

TEST_CASE("every example of the egress commands parses") {
    std::ostringstream results, talk;
    Env env(Output(results, talk, false, false));
    const auto app = make_app(env);
    int seen = 0;
    for (auto* command : app->get_subcommand("egress")->get_subcommands({})) {
        for (const auto& line : split(command->get_footer(), '\n')) {
            if (!std::string_view(line).starts_with("  voicectl ")) continue;
            auto text = std::string(trim(line)).substr(9);
            if (const auto pipe = text.find(" | voicectl "); pipe != std::string::npos) text = text.substr(pipe + 12);
            auto words = split(text, ' ');
            std::reverse(words.begin(), words.end());
            INFO(text);
            CHECK_NOTHROW(make_app(env)->parse(words));
            ++seen;
        }
    }
    CHECK(seen >= 20);
}

TEST_CASE("--url after the command is the server, a page is --page and stands alone") {
    CommandBench bench;
    CHECK(bench.run({"egress", "start", "--room", "r1", "--audio-only", "--out", "file:a.ogg", "--url", "wss://server", "--dry-run", "--json"}) == 0);
    CHECK(bench.json()["roomName"] == "r1");
    CHECK(bench.env.global.url == "wss://server");
    for (const auto& other : std::vector<std::vector<std::string>>{{"--room", "r"}, {"--participant", "a"}, {"--track", "TR_AMx"}}) {
        std::vector<std::string> line{"--page", "https://x", "--out", "file:a.mp4"};
        line.insert(line.end(), other.begin(), other.end());
        CHECK_MESSAGE(refusal(line) != "taken", other.front());
    }
    for (const char* page : {"wss://x", "x.example.com", "file:///etc/passwd", "https://", "https:///a", "http://a b"})
        CHECK_MESSAGE(has(refusal({"--page", page, "--out", "file:a.mp4"}), "no http or https URL"), page);
    CHECK(sent<WebEgressRequest>({"--page", "HTTPS://x.example.com/a?b=c", "--out", "file:a.mp4"}).url() == "HTTPS://x.example.com/a?b=c");
}

TEST_CASE("no login and no token of a URL is printed, in results or in errors") {
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"--room", "r", "--track", "TR_AMx", "--out", "wss://user:geheim1@h/x?token=geheim2"},
             {"--room", "r", "--out", "rtmp://user:geheim1@h/app/geheim2?a=/geheim3", "--webhook", "https://user:geheim1@h/hook?t=geheim2"},
             {"--page", "https://user:geheim1@h/scene?token=geheim2", "--out", "file:a.mp4"},
             {"--room", "r", "--custom-base-url", "https://user:geheim1@h/?t=geheim2", "--out", "file:a.mp4"},
             {"--page", "ftp://user:geheim1@h/scene?token=geheim2", "--out", "file:a.mp4"},
             {"--room", "r", "--out", "file:a.mp4", "--webhook", "ftp://user:geheim1@h/?geheim2"},
             {"--room", "r", "--out", "ftp://user:geheim1@h/?geheim2"}}) {
        CommandBench bench;
        std::vector<std::string> line{"egress", "start", "--dry-run"};
        line.insert(line.end(), words.begin(), words.end());
        CHECK(bench.run(line) != 1);
        CHECK_MESSAGE(!has(bench.results.str() + bench.talk.str(), "geheim"), bench.results.str() << bench.talk.str());
        CHECK(has(bench.results.str() + bench.talk.str(), "***"));
    }
    CommandBench bench;
    CHECK(bench.run({"egress", "list", "--url", "ftp://user:geheim1@h"}) == 2);
    CHECK(has(bench.talk.str(), "is not a server URL"));
    CHECK_FALSE(has(bench.talk.str(), "geheim"));
}

TEST_CASE("flags that would do nothing, or against each other, are refused") {
    CHECK(has(refusal({"--room", "r", "--out", "file:a.mp4", "--segment-duration", "4s"}), "--segment-duration"));
    CHECK(has(refusal({"--room", "r", "--out", "file:a.mp4", "--live-playlist", "l.m3u8"}), "--live-playlist"));
    CHECK(has(refusal({"--room", "r", "--out", "hls:a", "--image-size", "640x360"}), "--image-size"));
    CHECK(has(refusal({"--room", "r", "--out", "file:a.mp4", "--bucket", "b"}), "--bucket"));
    CHECK(has(refusal({"--room", "r", "--out", "file:a.mp4", "--region", "eu"}), "--region"));
    CHECK(has(refusal({"--room", "r", "--out", "rtmp://h/a/k", "--storage", "s3"}), "--storage"));
    CHECK(has(refusal({"--room", "r", "--out", "s3://a/a.mp4", "--bucket", "b"}, kS3), "--bucket"));
    CHECK(has(refusal({"--room", "r", "--left", "agent", "--right", "agent", "--out", "file:a.ogg"}), "the same one"));
    CHECK(has(refusal({"--room", "r", "--left", "caller", "--right", "sip", "--out", "file:a.ogg"}), "the same one"));
    CHECK(has(refusal({"--room", "r", "--left", "agent", "--channels", "mono", "--out", "file:a.ogg"}), "--channels"));
    CHECK(has(refusal({"--room", "r", "--left", "agent", "--layout", "grid", "--out", "file:a.ogg"}), "layout"));
    CHECK(has(refusal({"--room", "r", "--out", "s3:a.mp4", "--object-metadata", "foo"}, kS3), "--object-metadata 'foo'"));
}

TEST_CASE("a key file of Google that holds no JSON is refused, and not shown") {
    test::TempFolder folder;
    REQUIRE(write_file_atomically(folder.file("bad.json"), "geheim geheim"));
    const auto why = refusal({"--room", "r", "--out", "gs://b/a.mp4", "--credentials", folder.file("bad.json")});
    CHECK(has(why, "no key file of Google"));
    CHECK_FALSE(has(why, "geheim"));
}

TEST_CASE("a request as JSON without a room, a source or an output is not sent") {
    const auto outcome = [](const std::string& request, std::vector<std::string> more = {}) {
        CommandBench bench;
        bench.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
        more.insert(more.begin(), {"egress", "start", "--request", request});
        const int code = bench.run(more);
        return fmt::format("{} {}", code, bench.talk.str());
    };
    CHECK(outcome("{}").starts_with("2 error: the room-composite request has no room_name"));
    CHECK(has(outcome("{}", {"--room", "r"}), "no output"));
    CHECK(has(outcome(R"({"url":"https://x"})"), "no output"));
    CHECK(has(outcome(R"({"outputs":[{"file":{"filepath":"a.ogg"}}]})"), "no room_name"));
    CHECK(has(outcome(R"({"roomName":"r","trackId":"TR_x"})"), "no output"));
    CHECK(has(outcome("[]"), "no JSON object"));
    CHECK(outcome(R"({"roomName":"r","file":{"filepath":"a.ogg"}})").starts_with("7"));
    CHECK(outcome(R"({"roomName":"r","trackId":"TR_x","websocketUrl":"wss://h/x"})").starts_with("7"));
}

TEST_CASE("--timeout is known to have been given, and a dry run says that it is one") {
    CHECK_FALSE(parsed<EgressStartOptions>(add_egress_start, {"start", "--room", "r", "--out", "file:a.mp4"})->timeout_given);
    CommandBench bench;
    CHECK(bench.run({"egress", "start", "--room", "r", "--out", "file:a.mp4", "--dry-run", "--json"}) == 0);
    CHECK(bench.json()["dryRun"] == true);
    CommandBench human;
    CHECK(human.run({"egress", "start", "--room", "r", "--out", "file:a.mp4", "--dry-run"}) == 0);
    CHECK_FALSE(has(human.results.str(), "dryRun"));  // what is shown is the request
    CommandBench update;
    CHECK(update.run({"egress", "update", "EG_x", "--layout", "grid", "--dry-run", "--json"}) == 0);
    CHECK(update.json()["dryRun"] == true);
}

}  // namespace voicectl::commands
