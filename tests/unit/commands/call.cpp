#include <doctest/doctest.h>

#include "bench.h"
#include "commands/call/metadata.h"
#include "commands/room/metadata.h"
#include "commands/call/people.h"
#include "commands/call/recording.h"
#include "commands/call/room_name.h"
#include "commands/call/start.h"
#include "commands/call/status.h"
#include "commands/call/undo.h"

namespace voicectl::commands {

using livekit::proto::EgressInfo;
using livekit::proto::ParticipantInfo;
using test::CommandBench;
using test::parsed;

namespace {

constexpr const char* kUser = "0b1f6c2e-7a53-4c3e-9d1c-2f6d0c7f1a11";
const auto kTime = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'800'000'000'123));

std::string named(const std::string& user, const std::string& agent) {
    const auto name = fill_room_template(kRoomTemplate, {user, agent, kTime});
    REQUIRE(name);
    return *name;
}

ParticipantInfo person(const std::string& identity, ParticipantInfo::Kind kind = ParticipantInfo::STANDARD) {
    ParticipantInfo out;
    out.set_identity(identity);
    out.set_kind(kind);
    out.set_state(ParticipantInfo::ACTIVE);
    return out;
}

std::string usage_of(const CallFields& fields) {
    const auto made = call_metadata(fields);
    if (made) return "none";
    CHECK(made.error().code == Errc::Usage);
    return made.error().message;
}

Env::Getenv environment(std::map<std::string, std::string> values) {
    return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
        const auto found = values.find(name);
        if (found == values.end()) return std::nullopt;
        return found->second;
    };
}

const livekit::Server kServer{"ws://127.0.0.1:1", {"devkey", "a_secret_of_at_least_thirty_two_chars"}};

CallStartOptions start_options(const std::vector<std::string>& arguments) {
    auto words = arguments;
    words.insert(words.begin(), "start");
    const auto options = parsed<CallStartOptions>(add_call_start, words);
    REQUIRE(options);
    return *options;
}

Result<CallPlan> plan(const std::vector<std::string>& arguments, std::map<std::string, std::string> variables = {}) {
    return plan_call(start_options(arguments), kServer, environment(std::move(variables)), kTime);
}

}  // namespace

TEST_CASE("the default room name puts the user first, and gives it back") {
    CHECK(named("ann", "receptionist") == "ann_receptionist-call_20270115T080000123Z");
    for (const char* user : {"ann", "john_doe", "_x_", "100%", "%5F", "a-call_b", "ünï", "a b", kUser})
        for (const char* agent : {"receptionist", "my_agent", "_odd", "x-call_y", "a-call_20270115T080000Z"})
            CHECK_MESSAGE(room_user(named(user, agent)) == user, user << " with " << agent);
}

TEST_CASE("names that the template did not make have no user") {
    for (const char* name : {"", "demo", "demo_room", "_agent-call_20270115T080000Z", "ann_agent-call_", "ann_agent-call_20270115T080000",
                             "ann_agent-call_2027011XT080000Z", "a%zz_agent-call_20270115T080000Z", "-call_20270115T080000Z"})
        CHECK_MESSAGE(!room_user(name), name);
    CHECK(room_user("ann_agent-call_20270115T080000Z") == "ann");
}

TEST_CASE("a template with what is not known, not given or too long is refused by name") {
    const auto error = [](const char* text, const RoomNameParts& parts) {
        const auto made = fill_room_template(text, parts);
        REQUIRE_FALSE(made);
        CHECK(made.error().code == Errc::Usage);
        return made.error().message;
    };
    CHECK(error("{colour}", {}).find("{colour}") != std::string::npos);
    CHECK(error("{user}-x", {}).find("--user") != std::string::npos);
    CHECK(error("{user}_{agent}", {"ann", "", kTime}).find("--agent") != std::string::npos);
    CHECK(error("{user", {"ann", "", kTime}).find('}') != std::string::npos);
    CHECK(error("{user}", {std::string(257, 'x'), "", kTime}).find("257") != std::string::npos);
    error("", {});
    CHECK(fill_room_template("room-{id}", {})->size() == 13);
    CHECK(*fill_room_template("room-{id}", {}) != *fill_room_template("room-{id}", {}));
}

TEST_CASE("metadata follows the schema, and the field that does not is named") {
    const auto good = call_metadata({kUser, kUser, kUser, R"({"language":"de","nested":{"a":[1]}})"});
    REQUIRE(good);
    CHECK(good->dump() == fmt::format(R"({{"userId":"{0}","assignmentId":"{0}","scenarioId":"{0}","language":"de","nested":{{"a":[1]}}}})", kUser));
    CHECK(usage_of({}).find("userId is missing") != std::string::npos);
    CHECK(usage_of({"fred", "", "", ""}).find("userId is no UUID") != std::string::npos);
    CHECK(usage_of({kUser, "7", "", ""}).find("assignmentId is no UUID") != std::string::npos);
    CHECK(usage_of({kUser, "", "x", ""}).find("scenarioId is no UUID") != std::string::npos);
    CHECK(usage_of({kUser, "", "", R"({"userId":7})"}).find("userId is no UUID: 7") != std::string::npos);
    CHECK(usage_of({kUser, "", "", R"({"userId":null})"}).find("userId is missing") != std::string::npos);
    CHECK(usage_of({kUser, "", "", "[1]"}).find("no object") != std::string::npos);
    CHECK(usage_of({kUser, "", "", "call.json"}).find("no JSON") != std::string::npos);
    CHECK(call_metadata({"", "", "", fmt::format(R"({{"userId":"{}"}})", kUser)}));
    CHECK((*call_metadata({"fred", "", "", "", false}))["userId"] == "fred");
    CHECK(call_metadata({"", "", "", "", false})->empty());
}

TEST_CASE("metadata of a room is merged and never replaced") {
    CHECK(merged_metadata(R"({"a":1,"b":{"c":2}})", {{"egressId", "EG_1"}, {"b", {{"d", 3}}}})->dump() == R"({"a":1,"b":{"c":2,"d":3},"egressId":"EG_1"})");
    CHECK(merged_metadata("", {{"a", 1}})->dump() == R"({"a":1})");
    CHECK(merged_metadata("free text", {{"a", 1}}).error().code == Errc::Conflict);
    CHECK(merged_metadata("[1]", {{"a", 1}}).error().code == Errc::Conflict);
}

TEST_CASE("what was done is undone in reverse, to the end, and told") {
    UndoLog log;
    std::string order;
    log.did("room demo deleted", [&]() -> Result<void> { order += "room "; return {}; });
    log.did("dispatch AD_1 deleted", [&]() -> Result<void> { order += "dispatch "; return fail(Errc::Timeout, "no answer"); });
    log.did("recording EG_1 stopped", [&]() -> Result<void> { order += "recording "; return {}; });
    CHECK(in_words(log.undo()) == "undone: recording EG_1 stopped, room demo deleted; NOT undone: dispatch AD_1 deleted (no answer)");
    CHECK(order == "recording dispatch room ");
    CHECK(in_words(log.undo()) == "nothing had to be undone");
}

TEST_CASE("a plan names room, caller and the least that the caller may") {
    const auto made = plan({"--user", kUser, "--agent", "desk", "--agent", "second", "--assignment", kUser, "--token-valid-for", "10m", "--wait=5s"});
    REQUIRE(made);
    CHECK(made->room == fmt::format("{}_desk-call_20270115T080000123Z", kUser));
    CHECK(made->identity == kUser);
    CHECK(made->agents == std::vector<std::string>{"desk", "second"});
    CHECK(made->wait == std::chrono::seconds(5));
    CHECK_FALSE(made->recording);
    const auto verdict = livekit::verify(kServer.key, made->token, kTime);
    CHECK(verdict.fault == livekit::TokenFault::None);
    CHECK(verdict.claims.expires == std::chrono::floor<std::chrono::seconds>(kTime) + std::chrono::minutes(10));
    const auto& may = verdict.claims.video;
    CHECK(may.room_join);
    CHECK(may.room == made->room);
    CHECK(may.can_publish_sources == std::vector<std::string>{"microphone"});
    CHECK_FALSE((may.room_admin || may.room_create || may.room_list || may.room_record || may.agent || may.hidden));
    CHECK(plan({"--room", "demo", "--no-schema", "--no-wait"})->wait.count() == 0);
    CHECK(plan({"--room", "demo", "--no-schema"})->identity.starts_with("caller-"));
    CHECK(plan({"--room", "demo", "--no-schema", "--user", "fred"})->identity == "fred");
}

TEST_CASE("a plan that makes no sense is refused before anything is asked of a server") {
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"--agent", "desk"},
             {"--user", "fred", "--agent", "desk"},
             {"--user", kUser},
             {"--room", "demo", "--user", kUser, "--agent", "desk", "--agent", "desk"},
             {"--room", "demo", "--no-schema", "--wait=0"},
             {"--room", "demo", "--no-schema", "--token-valid-for", "0s"},
             {"--room", "demo", "--no-schema", "--empty-timeout", "10ms"},
             {"--room", "demo", "--no-schema", "--metadata", "@/nowhere.json"},
             {"--room", "demo", "--no-schema", "--record=somewhere"},
             {"--room", "demo", "--no-schema", "--record=file:"},
             {"--room", "demo", "--no-schema", "--token-valid-for", "5000w"},
             {"--room", "demo", "--no-schema", "--record=file:call.txt"},
             {"--room", "demo", "--no-schema", "--record=s3:call.ogg"}}) {
        const auto made = plan(words);
        CHECK_FALSE_MESSAGE(made, fmt::format("{}", fmt::join(words, " ")));
        if (!made) CHECK(exit_code(made.error().code) == 2);
    }
    CHECK_FALSE(parsed<CallStartOptions>(add_call_start, {"start", "--room", "a", "--room-template", "b"}));
    CHECK_FALSE(parsed<CallStartOptions>(add_call_start, {"start", "--room", "a", "--agent", ""}));
}

TEST_CASE("a recording goes to a file, or to S3 when there is a bucket") {
    const auto file = recording_request("auto", "demo", environment({}));
    REQUIRE(file);
    CHECK(file->audio_only());
    CHECK(file->room_name() == "demo");
    CHECK(recording_place(*file) == "file:recordings/{room_name}.ogg");
    const auto variables = environment({{"S3_BUCKET", "plain"}, {"RECORDING_S3_BUCKET", "calls"}, {"S3_ACCESS_KEY", "key"}, {"S3_SECRET", "hush-hush"}, {"S3_ENDPOINT", "http://minio:9000"}});
    const auto s3 = recording_request("auto", "demo", variables);
    REQUIRE(s3);
    CHECK(recording_place(*s3) == "s3:calls/recordings/{room_name}.ogg");
    const auto& storage = s3->file_outputs(0).s3();
    CHECK(storage.access_key() == "key");
    CHECK(storage.secret() == "hush-hush");
    CHECK(storage.force_path_style());
    CHECK(livekit::to_json(*s3).dump().find("hush-hush") == std::string::npos);
    CHECK(recording_place(*recording_request("file:x.mp3", "demo", variables)) == "file:x.mp3");
    CHECK(recording_request("s3:x.mp4", "demo", variables)->file_outputs(0).file_type() == livekit::proto::EncodedFileType::MP4);
    CHECK(recording_request("s3:x.ogg", "demo", environment({{"S3_BUCKET", "b"}, {"S3_ACCESS_KEY", "k"}})).error().message.find("secret") != std::string::npos);
    CHECK(recording_request("s3:x.ogg", "demo", environment({{"S3_BUCKET", "b"}})));  // the egress service has keys of its own
}

TEST_CASE("an agent is known by kind or by what its metadata says, never by its name") {
    CHECK(role_of(person("ann")) == Role::Caller);
    CHECK(role_of(person("fred")) == Role::Caller);
    CHECK(role_of(person("agent-AJ_x")) == Role::Caller);
    CHECK(role_of(person("x", ParticipantInfo::AGENT)) == Role::Agent);
    CHECK(role_of(person("x", ParticipantInfo::SIP)) == Role::Caller);
    CHECK(role_of(person("x", ParticipantInfo::EGRESS)) == Role::Recorder);
    auto one = person("ann");
    one.set_metadata(R"({"type":"ai_agent"})");
    CHECK(role_of(one) == Role::Agent);
    one.set_metadata("ai_agent");
    CHECK(role_of(one) == Role::Caller);
    one.mutable_permission()->set_hidden(true);
    CHECK(role_of(one) == Role::Observer);
}

TEST_CASE("a call's status has its people, its user and the recording that matters") {
    livekit::proto::Room room;
    room.set_name("john%5Fdoe_desk-call_20270115T080000123Z");
    room.set_creation_time_ms(1'800'000'000'000);
    EgressInfo old, running;
    old.set_egress_id("EG_old");
    old.set_status(livekit::proto::EGRESS_FAILED);
    old.set_error("no space");
    old.set_started_at(9);
    running.set_egress_id("EG_new");
    running.set_status(livekit::proto::EGRESS_ACTIVE);
    running.set_started_at(5);
    const std::vector people{person("agent-1", ParticipantInfo::AGENT), person("ann"), person("rec", ParticipantInfo::EGRESS)};
    auto call = call_json(room, people, std::vector{running, old}, kTime);
    CHECK(call["user"] == "john_doe");
    CHECK(call["ageMs"] == 123);
    CHECK(call["callers"].size() == 1);
    CHECK(call["agents"][0]["identity"] == "agent-1");
    CHECK(call["recording"].dump() == R"({"state":"active","egressId":"EG_new","error":null})");
    CHECK(call_json(room, {}, std::vector{old}, kTime)["recording"].dump() == R"({"state":"failed","egressId":"EG_old","error":"no space"})");
    CHECK(call_json(room, {}, std::vector<EgressInfo>{}, kTime)["recording"]["state"] == "none");
    CHECK(call_json(room, {}, std::nullopt, kTime)["recording"]["state"] == "unknown");
    room.set_metadata(R"({"userId":"fred"})");
    CHECK(call_json(room, {}, std::nullopt, kTime)["user"] == "fred");
    room.set_name("demo");
    room.set_metadata("free text");
    CHECK(call_json(room, {}, std::nullopt, kTime)["user"].is_null());
}

TEST_CASE("values for a shell cannot leave their quotes") {
    CHECK(shell_variables({{"A", "ws://host:1"}, {"B", "it's; rm -rf $HOME"}, {"C", ""}}) == "A=ws://host:1\nB='it'\\''s; rm -rf $HOME'\nC=");
}

TEST_CASE("call end and call status want to know which call") {
    CHECK(CommandBench().run({"call", "end"}) == 2);
    CHECK(CommandBench().run({"call", "end", ""}) == 2);
    CHECK(CommandBench().run({"call", "status"}) == 2);
    CHECK(CommandBench().run({"call", "status", "demo", "--require", "coffee"}) == 2);
}

}  // namespace voicectl::commands
