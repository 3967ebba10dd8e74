#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "bench.h"
#include "commands/room/conditions.h"
#include "commands/room/dtmf_keys.h"
#include "commands/room/event_stream.h"
#include "commands/room/join_entry.h"
#include "commands/room/metadata.h"
#include "commands/room/participant/update.h"
#include "commands/room/send.h"
#include "commands/room/timeline.h"
#include "commands/room/track_recorder.h"
#include "commands/room/watch.h"
#include "support/temp_folder.h"

namespace voicectl::commands {

using namespace std::chrono_literals;
using test::CommandBench;
using test::parsed;

namespace {

std::optional<RoomJoinOptions> join_options(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "join");
    return parsed<RoomJoinOptions>(add_room_join, std::move(arguments));
}

/// What a timeline makes of frames of 10 ms, as "silence+samples" in milliseconds.
struct Track {
    static constexpr int kRate = 16000;
    TimePoint begin{};
    std::vector<std::int16_t> out;
    Timeline line{begin, kRate, [this](std::uint64_t silence, audio::SampleView samples) {
                      out.insert(out.end(), silence, 0);
                      out.insert(out.end(), samples.begin(), samples.end());
                  }};
    void frame(std::chrono::milliseconds at) { line.push(audio::Samples(kRate / 100, 1000), begin + at); }
    /// Where sound begins and ends, in milliseconds.
    std::vector<long> edges() const {
        std::vector<long> found;
        bool loud = false;
        for (std::size_t i = 0; i < out.size(); ++i)
            if (std::exchange(loud, out[i] != 0) != (out[i] != 0)) found.push_back(static_cast<long>(i * 1000 / kRate));
        if (loud) found.push_back(static_cast<long>(out.size() * 1000 / kRate));
        return found;
    }
};

}  // namespace

TEST_CASE("a recording keeps the time of the room: late joins and gaps are silence of their length") {
    Track track;
    for (auto at = 1010ms; at <= 2000ms; at += 10ms) track.frame(at);
    for (auto at = 5010ms; at <= 6000ms; at += 10ms) track.frame(at);
    track.line.finish(track.begin + 7s);
    CHECK(track.edges() == std::vector<long>{1000, 2000, 5000, 6000});
    CHECK(track.line.samples() == 7 * Track::kRate);
}

TEST_CASE("frames that come late in a bunch are no gap") {
    Track track;
    for (auto at = 10ms; at <= 3000ms; at += 10ms) {
        const bool held_up = at > 1000ms && at < 1150ms;
        track.frame(held_up ? 1150ms : at);
    }
    track.line.finish(track.begin + 3s);
    CHECK(track.edges() == std::vector<long>{0, 3000});
}

TEST_CASE("a track that says nothing for long is silence on the disk before it speaks again") {
    Track track;
    for (auto at = 10ms; at <= 500ms; at += 10ms) track.frame(at);
    for (auto at = 1s; at <= 10s; at += 1s) track.line.advance(track.begin + at);
    CHECK(track.line.samples() == Track::kRate * 95 / 10);
    for (auto at = 12010ms; at <= 12500ms; at += 10ms) track.frame(at);
    track.line.finish(track.begin + 12500ms);
    CHECK(track.edges() == std::vector<long>{0, 500, 12000, 12500});
}

TEST_CASE("an identity becomes the name of a file, whatever it holds") {
    CHECK(safe_file_name("ann") == "ann");
    CHECK(safe_file_name("../../etc/passwd") == "_._.._etc_passwd");
    CHECK(safe_file_name("..") == "_.");
    CHECK(safe_file_name("-rf") == "_rf");
    CHECK(safe_file_name("a b\n\x1b[31m") == "a_b___31m");
    CHECK(safe_file_name("Jürgen@host") == "Jürgen@host");
    CHECK(safe_file_name("") == "unnamed");
    CHECK(safe_file_name(std::string("a\0b", 3)) == "a_b");
    const auto cut = safe_file_name(std::string(79, 'x') + "ü");
    CHECK(cut == std::string(79, 'x'));
}

TEST_CASE("a recording takes no name that is taken") {
    const test::TempFolder folder;
    const auto first = claim_wav(folder.path(), "ann-mic"), second = claim_wav(folder.path(), "ann-mic");
    REQUIRE(first);
    REQUIRE(second);
    CHECK(std::filesystem::path(*first).filename() == "ann-mic.wav");
    CHECK(std::filesystem::path(*second).filename() == "ann-mic-2.wav");
    CHECK(claim_wav("/nowhere/at/all", "x").error().code == Errc::Io);
}

TEST_CASE("keys of a telephone") {
    CHECK(*parse_keys("12 3-4,a*#") == "1234,A*#");
    CHECK(parse_keys("12x").error().code == Errc::Usage);
    CHECK(parse_keys("")->empty());
}

TEST_CASE("a token for room join allows what is asked and no more") {
    const auto claims = [](std::vector<std::string> more) {
        more.insert(more.begin(), "demo");
        const auto options = join_options(more);
        REQUIRE(options);
        REQUIRE(check_join(*options));
        return *join_claims(*options);
    };
    const auto bare = claims({});
    CHECK(bare.video.room == "demo");
    CHECK(bare.video.room_join);
    CHECK(bare.video.can_publish == false);
    CHECK(bare.video.can_subscribe == false);
    CHECK(bare.video.can_publish_data == false);
    CHECK_FALSE(bare.video.hidden);
    CHECK(bare.identity.starts_with("voicectl-"));
    CHECK(claims({"--publish", "x.wav"}).video.can_publish == true);
    CHECK(claims({"--publish", "x.wav"}).video.can_publish_sources == std::vector<std::string>{"microphone"});
    CHECK(claims({"--record", "d"}).video.can_subscribe == true);
    CHECK(claims({"--dtmf", "1"}).video.can_publish_data == true);
    CHECK(claims({"--identity", "ann", "--attribute", "a=b"}).attributes.at("a") == "b");
    const auto watcher = observer_claims("demo");
    CHECK(watcher.video.hidden);
    CHECK(watcher.video.can_publish == false);
    CHECK(watcher.video.can_publish_data == false);
}

TEST_CASE("room join refuses flags that contradict each other") {
    const auto refused = [](std::vector<std::string> arguments) {
        const auto options = join_options(std::move(arguments));
        return !options || !check_join(*options);
    };
    CHECK_FALSE(refused({"demo"}));
    CHECK(refused({}));
    CHECK_FALSE(refused({"--token", "x"}));
    CHECK(refused({"demo", "--token", "x", "--identity", "ann"}));
    CHECK(refused({"demo", "--loop"}));
    CHECK(refused({"demo", "--publish", "-", "--loop"}));
    CHECK(refused({"demo", "--publish", "x.wav", "--loop", "--exit-after-publish"}));
    CHECK(refused({"demo", "--publish", "-", "--data", "-"}));
    CHECK(refused({"demo", "--record", "d", "--subscribe", "none"}));
    CHECK(refused({"demo", "--subscribe", "some"}));
    CHECK(refused({"demo", "--rate", "1"}));
    CHECK(refused({"demo", "--rate", "16000"}));
    CHECK(refused({"demo", "--publish", "x.wav", "--channels", "2"}));
    CHECK_FALSE(refused({"demo", "--publish", "-", "--rate", "16000"}));
    CHECK(refused({"demo", "--topic", "t"}));
    CHECK_FALSE(refused({"demo", "--topic", "t", "--data", "x"}));
    CHECK(refused({"demo", "--track-name", "t"}));
}

TEST_CASE("events are shown by name, and one may be waited for by what it holds") {
    CommandBench bench;
    bench.env.out.format = Format::Jsonl;
    const auto stream = [&](std::vector<std::string> shown, std::string until) {
        return EventStream::create({std::move(shown), std::move(until), {}}, bench.env);
    };
    CHECK(stream({"nonsense"}, {}).error().code == Errc::Usage);
    CHECK(stream({}, "nonsense").error().code == Errc::Usage);
    CHECK(stream({}, "text=(").error().code == Errc::Usage);
    CHECK(stream({}, "=x").error().code == Errc::Usage);

    auto some = stream({"left"}, "joined=^ann$");
    REQUIRE(some);
    CHECK(some->wants("joined"));
    CHECK_FALSE(some->wants("speakers"));
    REQUIRE(some->emit(joined_json({"anna", "PA_1", "", "", rtc::ParticipantKind::Standard, {}}, false)));
    CHECK_FALSE(some->met());
    REQUIRE(some->emit(left_json({"anna", "PA_1", "", "", rtc::ParticipantKind::Standard, {}, "client_initiated"})));
    REQUIRE(some->emit(joined_json({"ann", "PA_2", "", "", rtc::ParticipantKind::Agent, {{"k", "v"}}}, true)));
    CHECK(some->met());
    const auto line = Json::parse(bench.results.str());  // one only
    CHECK(line["event"] == "left");
    CHECK(line["identity"] == "anna");
    CHECK(line["reason"] == "client_initiated");
}

TEST_CASE("an expression finds its way through any text in time and memory that are bounded") {
    CommandBench bench;
    bench.env.out.format = Format::Jsonl;
    const auto meets = [&](const char* until, std::string text) {
        auto stream = EventStream::create({{}, until, {}}, bench.env);
        REQUIRE(stream);
        REQUIRE(stream->emit(text_json({std::move(text), "t", "ann", {}})));
        return stream->met();
    };
    CHECK(meets("text=.*bye", std::string(300'000, 'x') + "bye"));
    CHECK_FALSE(meets("text=(a+)+b", std::string(60'000, 'a')));
    CHECK_FALSE(meets("text=^x", std::string("\xff\xfe", 2)));
    CHECK(EventStream::create({{}, "text=(?=x)", {}}, bench.env).error().hint.find("look-ahead") != std::string::npos);
    CHECK(EventStream::create({{}, "text=((a{100}){100}){100}", {}}, bench.env).error().code == Errc::Usage);
}

TEST_CASE("fields that no event has, and events that never come, are refused") {
    CommandBench bench;
    const auto made = [&](EventOptions options) { return EventStream::create(options, bench.env); };
    CHECK(made({{}, "heard", {}}));
    CHECK(made({{}, "heard", {}, true}).error().code == Errc::Usage);
    CHECK(made({{"stats"}, {}, {}, true}).error().code == Errc::Usage);
    bench.env.out.fields = {"event", "nope"};
    CHECK(made({}).error().message.find("nope") != std::string::npos);
    bench.env.out.fields.clear();
    bench.env.out.format = Format::Tsv;
    CHECK(made({}).error().code == Errc::Usage);
    bench.env.out.fields = {"event", "identity", "digit"};
    auto stream = made({});
    REQUIRE(stream);
    REQUIRE(stream->emit(dtmf_json({5, "5", "an\tn"})));
    REQUIRE(stream->emit(speakers_json({"ann"})));
    CHECK(bench.results.str() == "dtmf\tan n\t5\nspeakers\t\t\n");
}

TEST_CASE("a token must allow what is asked of a join") {
    const auto lacks = [](std::vector<std::string> arguments, const livekit::VideoGrant& grant) {
        livekit::Claims claims;
        claims.video = grant;
        claims.video.room_join = true;
        const auto options = join_options(std::move(arguments));
        REQUIRE(options);
        return fmt::format("{}", fmt::join(forbidden(*options, claims), "; "));
    };
    const std::vector<std::string> plays{"--publish", "x.wav"}, keys{"--dtmf", "1"}, data{"--data", "x"}, records{"--record", "d"};
    CHECK(lacks(plays, {}).empty());
    CHECK(lacks(plays, {.can_publish = false}) == "--publish (no canPublish grant)");
    CHECK(lacks(plays, {.can_publish_sources = {"camera"}}) == "--publish (canPublishSources leaves out microphone)");
    CHECK(lacks(plays, {.can_publish_sources = {"camera", "microphone"}}).empty());
    CHECK(lacks(keys, {.can_publish_data = false}) == "--dtmf (no canPublishData grant)");
    CHECK(lacks(data, {.can_publish = false}) == "--data (no canPublishData grant)");
    CHECK(lacks(data, {.can_publish = false, .can_publish_data = true}).empty());
    CHECK(lacks(records, {.can_subscribe = false}) == "--record (no canSubscribe grant)");

    livekit::Claims claims;
    claims.identity = "ann";
    claims.video.room = "demo";
    claims.video.room_join = true;
    claims.video.can_publish_data = false;
    const auto token = livekit::mint({"devkey", "a_secret_of_at_least_thirty_two_chars"}, claims, 300s);
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
    CHECK(bench.run({"room", "join", "--token", token, "--data", "x"}) == 4);
    CHECK(bench.talk.str().find("canPublishData") != std::string::npos);
}

TEST_CASE("an empty token is a mistake, not leave to make one") {
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
    CHECK(bench.run({"room", "join", "demo", "--token", ""}) == 2);
    RoomJoinOptions options;
    options.name = "demo";
    options.token = "";
    CHECK(check_join(options).error().code == Errc::Usage);
    test::TempFolder folder;
    std::ofstream(folder.path() + "/empty") << "\n";
    CommandBench file;
    file.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
    CHECK(file.run({"room", "join", "demo", "--token", "@" + folder.path() + "/empty"}) == 2);
}

TEST_CASE("what changed about a participant is told apart") {
    rtc::Participant before{"ann", "PA_1", "Ann", "m", rtc::ParticipantKind::Standard, {{"a", "1"}, {"b", "2"}}};
    auto after = before;
    CHECK(changes_json(before, after).empty());
    after.attributes = {{"a", "1"}, {"c", "3"}};
    after.name = "Ann B";
    const auto changes = changes_json(before, after);
    REQUIRE(changes.size() == 2);
    CHECK(changes[0]["changed"].dump() == R"({"c":"3","b":null})");
    CHECK(changes[0]["attributes"].dump() == R"({"a":"1","c":"3"})");
    CHECK(changes[1]["event"] == "name");
}

TEST_CASE("payloads are text when they are, else base64; transcriptions are told apart from text") {
    CHECK(data_json({"grüße", "t", "ann"})["payload"] == "grüße");
    const auto raw = data_json({"\xff", "t", ""});
    CHECK(raw["payload"].is_null());
    CHECK(raw["payloadBase64"] == "/w==");
    CHECK(data_json({std::string("a\0b", 3), "t", ""})["payload"].is_null());
    CHECK(text_json({"hi", "lk.chat", "ann", {}})["event"] == "text");
    const auto said = text_json({"hi", "lk.transcription", "ann", {{"lk.segment_id", "S"}, {"lk.transcription_final", "false"}}});
    CHECK(said["event"] == "transcription");
    CHECK(said["segment"] == "S");
    CHECK(said["final"] == false);
}

TEST_CASE("a line for people cannot steer the terminal") {
    auto event = data_json({"\x1b[2J", "t", "ann\r"});
    const auto line = event_line(event);
    CHECK(line.find('\x1b') == std::string::npos);
    CHECK(line.find('\r') == std::string::npos);
    CHECK(line.find("data") != std::string::npos);
}

TEST_CASE("conditions of room wait") {
    for (const char* wrong : {"", "exist", "exists=1", "participants", "participants=0", "participants=x", "egress=ended"})
        CHECK(parse_condition(wrong).error().code == Errc::Usage);
    for (const char* wrong : {"agent=", "audio=", "egress=", "participants", "participants="})
        CHECK_MESSAGE(parse_condition(wrong).error().message.find("a value is missing") != std::string::npos, wrong);
    for (const char* wrong : {"participants=99999999999", "participants=99999999999999999999999"})
        CHECK_MESSAGE(parse_condition(wrong).error().message.find("no room has so many") != std::string::npos, wrong);
    const auto together = [](std::initializer_list<const char*> texts) {
        std::vector<Condition> all;
        for (const char* text : texts) all.push_back(*parse_condition(text));
        return check_together(all).has_value();
    };
    CHECK_FALSE(together({"empty", "participants=1"}));
    CHECK_FALSE(together({"agent", "empty"}));
    CHECK_FALSE(together({"empty", "audio=ann"}));
    CHECK_FALSE(together({"gone", "exists"}));
    CHECK(together({"exists", "empty", "metadata=x"}));
    const auto met = [](const char* condition, const RoomLook& look) { return holds(*parse_condition(condition), look); };
    RoomLook look;
    CHECK(met("gone", look));
    CHECK_FALSE(met("exists", look));
    CHECK_FALSE(met("empty", look));
    look.room.emplace();
    look.room->set_metadata("step 2");
    CHECK(met("exists", look));
    CHECK(met("empty", look));
    CHECK(met("metadata=step", look));
    CHECK_FALSE(met("metadata=step 3", look));
    livekit::proto::ParticipantInfo fred, bot, recorder, hidden;
    fred.set_identity("agent-fred");
    bot.set_identity("bot");
    bot.set_kind(livekit::proto::ParticipantInfo::AGENT);
    bot.set_state(livekit::proto::ParticipantInfo::ACTIVE);
    (*bot.mutable_attributes())["lk.agent.name"] = "helper";
    recorder.set_kind(livekit::proto::ParticipantInfo::EGRESS);
    hidden.mutable_permission()->set_hidden(true);
    look.people = who_counts({fred, recorder, hidden});
    CHECK(met("participants=1", look));
    CHECK_FALSE(met("participants=2", look));
    CHECK_FALSE(met("agent", look));  // a name makes no agent
    look.people = who_counts({fred, bot});
    CHECK(met("agent=helper", look));
    CHECK(met("agent", look));
    CHECK_FALSE(met("agent=other", look));
    CHECK_FALSE(met("audio", look));
    look.heard = {"bot"};
    CHECK(met("audio", look));
    CHECK_FALSE(met("audio=agent-fred", look));
    CHECK_FALSE(met("egress=active", look));
    look.egress.emplace_back().set_status(livekit::proto::EGRESS_ACTIVE);
    CHECK(met("egress=active", look));
}

TEST_CASE("metadata is merged as RFC 7396 says, into objects only") {
    CHECK(*merge_metadata(R"({"a":1,"b":{"c":2}})", R"({"b":{"c":null},"d":[3]})") == R"({"a":1,"b":{},"d":[3]})");
    CHECK(*merge_metadata("", R"({"a":1})") == R"({"a":1})");
    CHECK(merge_metadata("words", R"({"a":1})").error().code == Errc::Conflict);
    CHECK(merge_metadata("{}", "words").error().code == Errc::Usage);
    CHECK(merge_metadata("{}", "[1]").error().code == Errc::Usage);
}

TEST_CASE("permissions that are not named stay as they are") {
    livekit::proto::ParticipantInfo now;
    now.mutable_permission()->set_can_publish(true);
    now.mutable_permission()->set_can_subscribe(true);
    now.mutable_permission()->add_can_publish_sources(livekit::proto::CAMERA);
    ParticipantUpdateOptions options;
    options.room = "demo";
    options.identity = "ann";
    options.name = "Ann";
    CHECK_FALSE(update_request(options, now)->has_permission());
    options.deny = {"subscribe"};
    options.allow = {"data"};
    const auto request = update_request(options, now);
    REQUIRE(request);
    CHECK(request->permission().can_publish());
    CHECK_FALSE(request->permission().can_subscribe());
    CHECK(request->permission().can_publish_data());
    CHECK(request->permission().can_publish_sources_size() == 1);
    options.sources = {"microphone", "screen_share"};
    CHECK(update_request(options, now)->permission().can_publish_sources(0) == livekit::proto::MICROPHONE);
    options.sources = {"any"};
    CHECK(update_request(options, now)->permission().can_publish_sources_size() == 0);
    options.sources = {"nose"};
    CHECK(update_request(options, now).error().code == Errc::Usage);
    options = {.room = "demo", .identity = "ann", .name = {}, .metadata = "", .attributes = {}, .allow = {}, .deny = {}, .sources = {}};
    CHECK(update_request(options, now).error().code == Errc::Usage);
}

TEST_CASE("what cannot be sent is refused before anyone is asked") {
    CHECK(send_payload({}).error().code == Errc::Usage);
    RoomSendOptions data;
    data.data = std::string(15000, 'x');
    CHECK(send_payload(data)->size() == 15000);
    *data.data += 'x';
    CHECK(send_payload(data).error().code == Errc::Usage);
    RoomSendOptions text;
    text.text = "\xff";
    CHECK(send_payload(text).error().code == Errc::Usage);
    text.text = "x";
    text.lossy = true;
    CHECK(send_payload(text).error().code == Errc::Usage);
}

TEST_CASE("--timeout of a wait is its own, and a zero is refused") {
    const auto watch = parsed<RoomWatchOptions>(add_room_watch, {"watch", "demo", "--until", "left=ann", "--timeout", "5s", "--events", "joined,left"});
    REQUIRE(watch);
    CHECK(watch->limit == "5s");
    CHECK(watch->events.events == std::vector<std::string>{"joined", "left"});
    CHECK(CommandBench().run({"room", "watch", "demo", "--for", "0s"}) == 2);
    CHECK(CommandBench().run({"room", "watch", "demo", "--timeout", "5s"}) == 2);
    CHECK(CommandBench().run({"room", "wait", "demo", "--for", "gone", "--for", "empty"}) == 2);
    CHECK(CommandBench().run({"room", "wait", "demo"}) == 2);
    CHECK(CommandBench().run({"room", "rpc", "demo", "--to", "a", "--method", "m", "--timeout", "0s"}) == 2);
}

TEST_CASE("a dry run tells what would be done and asks nobody") {
    CommandBench bench;
    bench.env.global.dry_run = true;
    CHECK(bench.run({"room", "send", "demo", "--data", "x", "--json"}) == 0);
    CHECK(bench.json()["size"] == 1);
    CHECK(bench.json()["dryRun"] == true);
    CHECK(bench.json()["payload"] == "x");
}

}  // namespace voicectl::commands
