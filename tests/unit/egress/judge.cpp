#include <doctest/doctest.h>

#include <functional>

#include "requests.h"

namespace voicectl::egress {
namespace {

using namespace livekit::proto;
using test::asked;
using test::media;
using test::room_composite;

template<class Request>
std::string verdict(Request request, const Policy& policy = {}, std::optional<bool> is_audio = {}) {
    const auto out = judge(asked(std::move(request)), policy, is_audio);
    if (std::holds_alternative<Take>(out)) return "take";
    if (std::holds_alternative<Leave>(out)) return "leave";
    if (const auto* ask = std::get_if<AskTrack>(&out)) return "ask " + ask->track_id;
    return std::get<Refuse>(out).fault.code;
}

template<class Request>
Plan plan_of(Request request, const Policy& policy = {}, std::optional<bool> is_audio = {}) {
    auto out = judge(asked(std::move(request)), policy, is_audio);
    REQUIRE(std::holds_alternative<Take>(out));
    return std::get<Take>(out).plan;
}

template<class Request>
std::string words(Request request) {
    const auto out = judge(asked(std::move(request)), {});
    REQUIRE(std::holds_alternative<Refuse>(out));
    return std::get<Refuse>(out).fault.message;
}

template<class Request>
Request with(Request request, const std::function<void(Request&)>& change) {
    change(request);
    return request;
}
RoomCompositeEgressRequest room(const std::function<void(RoomCompositeEgressRequest&)>& change) { return with(room_composite(), change); }
StartEgressRequest unified(const std::function<void(StartEgressRequest&)>& change) { return with(media(), change); }
/// Encoded like that, to this type of file.
RoomCompositeEgressRequest encoded(EncodedFileType type, AudioCodec codec, int kbps = 0, int rate_hz = 0) {
    return room([&](auto& r) {
        r.mutable_file_outputs(0)->set_file_type(type);
        r.mutable_advanced()->set_audio_codec(codec);
        r.mutable_advanced()->set_audio_bitrate(kbps);
        r.mutable_advanced()->set_audio_frequency(rate_hz);
    });
}

}  // namespace

TEST_CASE("a room is taken when it is sound alone in one file") {
    CHECK(verdict(room_composite()) == "take");
    CHECK(verdict(room([](auto& r) { r.set_audio_only(false); })) == "leave");
    CHECK(verdict(room([](auto& r) { r.set_layout("grid"); })) == "leave");
    CHECK(verdict(room([](auto& r) { r.set_custom_base_url("https://x"); })) == "leave");
    CHECK(verdict(room([](auto& r) { r.set_video_only(true); })) == "invalid_argument");
    CHECK(verdict(room([](auto& r) { r.add_stream_outputs()->add_urls("rtmp://h/a/k"); })) == "leave");
    CHECK(verdict(room([](auto& r) { r.add_segment_outputs(); })) == "leave");
    CHECK(verdict(room([](auto& r) { r.add_image_outputs(); })) == "leave");
    CHECK(verdict(room([](auto& r) { r.clear_file_outputs(); })) == "invalid_argument");
    CHECK(words(room([](auto& r) { r.clear_file_outputs(); })).starts_with("request has missing or invalid field: output"));
    CHECK(verdict(room([](auto& r) { r.add_file_outputs(); })) == "invalid_argument");
    CHECK(verdict(room([](auto& r) { r.clear_room_name(); })) == "invalid_argument");
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
TEST_CASE("the single outputs of old requests count as well") {
    auto old = room([](auto& r) { r.clear_file_outputs(); });
    old.mutable_file()->set_filepath("old.ogg");
    CHECK(plan_of(old).path == "old.ogg");
    old.add_file_outputs();
    CHECK(verdict(old) == "invalid_argument");
    old.clear_file_outputs();
    old.mutable_segments();
    CHECK(verdict(old) == "leave");
}
#pragma GCC diagnostic pop

TEST_CASE("two channels are there as soon as anything has a side") {
    CHECK(plan_of(room_composite()).channels == 1);
    const auto agent = plan_of(room([](auto& r) { r.set_audio_mixing(DUAL_CHANNEL_AGENT); }));
    CHECK(agent.channels == 2);
    CHECK(agent.sides == Plan::Sides::AgentLeft);
    const auto alternate = plan_of(room([](auto& r) { r.set_audio_mixing(DUAL_CHANNEL_ALTERNATE); }));
    CHECK(alternate.channels == 2);
    CHECK(alternate.sides == Plan::Sides::Alternate);
    CHECK(verdict(room([](auto& r) { r.set_audio_mixing(static_cast<AudioMixing>(7)); })) == "leave");
    CHECK(plan_of(media()).channels == 1);
    CHECK(plan_of(unified([](auto& r) {
              auto& route = *r.mutable_media()->mutable_audio()->add_routes();
              route.set_participant_kind(ParticipantInfo::STANDARD);
              route.set_channel(AUDIO_CHANNEL_RIGHT);
          })).channels == 2);
}

TEST_CASE("type of file and codec decide on the form") {
    CHECK(plan_of(encoded(DEFAULT_FILETYPE, DEFAULT_AC)).form == Form::Ogg);
    CHECK(plan_of(encoded(DEFAULT_FILETYPE, OPUS)).form == Form::Ogg);
    CHECK(plan_of(encoded(DEFAULT_FILETYPE, AC_MP3)).form == Form::Mp3);
    CHECK(verdict(encoded(DEFAULT_FILETYPE, AAC)) == "leave");
    CHECK(verdict(encoded(MP4, DEFAULT_AC)) == "leave");
    CHECK(plan_of(encoded(MP3, DEFAULT_AC)).form == Form::Mp3);
    CHECK(plan_of(encoded(OGG, OPUS)).form == Form::Ogg);
    CHECK(words(encoded(OGG, AAC)).starts_with("format audio/ogg incompatible with codec audio/aac"));
    CHECK(verdict(encoded(OGG, AC_MP3)) == "invalid_argument");
    CHECK(verdict(encoded(MP3, OPUS)) == "invalid_argument");
    CHECK(verdict(encoded(static_cast<EncodedFileType>(9), DEFAULT_AC)) == "leave");
    CHECK(verdict(encoded(OGG, static_cast<AudioCodec>(9))) == "leave");
}

TEST_CASE("bit rate and frequency are as asked, within what the form can have") {
    CHECK(plan_of(room_composite()).bit_rate == 128000);
    CHECK(plan_of(encoded(OGG, OPUS, 24)).bit_rate == 24000);
    CHECK(plan_of(encoded(OGG, OPUS, 24, 16000)).rate_hz == 48000);
    CHECK(plan_of(encoded(MP3, AC_MP3)).rate_hz == 44100);
    CHECK(plan_of(encoded(MP3, AC_MP3, 320, 48000)).rate_hz == 48000);
    CHECK(verdict(encoded(OGG, OPUS, 5)) == "invalid_argument");
    CHECK(verdict(encoded(OGG, OPUS, 510)) == "take");
    CHECK(verdict(encoded(OGG, OPUS, 511)) == "invalid_argument");
    CHECK(verdict(encoded(OGG, OPUS, -1)) == "invalid_argument");
    CHECK(verdict(encoded(MP3, AC_MP3, 321)) == "invalid_argument");
    CHECK(verdict(encoded(MP3, AC_MP3, 0, 12345)) == "invalid_argument");
}

TEST_CASE("the unified call is taken for sound alone") {
    CHECK(verdict(media()) == "take");
    CHECK(verdict(unified([](auto& r) { r.mutable_template_()->set_audio_only(true); })) == "take");
    CHECK(verdict(unified([](auto& r) { r.mutable_template_(); })) == "leave");
    CHECK(verdict(unified([](auto& r) { r.mutable_web()->set_url("https://x"); })) == "leave");
    CHECK(verdict(unified([](auto& r) { r.mutable_media()->set_video_track_id("TR_v"); })) == "leave");
    CHECK(verdict(unified([](auto& r) { r.mutable_media()->clear_audio(); })) == "invalid_argument");
    CHECK(verdict(unified([](auto& r) { r.mutable_media()->mutable_audio()->set_capture_all(false); })) == "invalid_argument");
    CHECK(verdict(unified([](auto& r) { r.mutable_media()->mutable_audio()->add_routes(); })) == "invalid_argument");
    CHECK(verdict(unified([](auto& r) { r.mutable_media()->mutable_audio()->add_routes()->set_participant_kind(ParticipantInfo::CONNECTOR); })) == "leave");
    CHECK(verdict(unified([](auto& r) { r.clear_room_name(); })) == "invalid_argument");
    CHECK(verdict(unified([](auto& r) { r.clear_outputs(); })) == "invalid_argument");
    CHECK(verdict(unified([](auto& r) { r.add_outputs()->mutable_images(); })) == "leave");
    CHECK(verdict(unified([](auto& r) { r.add_outputs(); })) == "leave");  // an output of a newer server
    CHECK(verdict(StartEgressRequest()) == "invalid_argument");
    CHECK(words(StartEgressRequest()).find("source") != std::string::npos);
    StartEgressRequest newer;
    newer.GetReflection()->MutableUnknownFields(&newer)->AddLengthDelimited(99, "x");
    CHECK(verdict(newer) == "leave");
}

TEST_CASE("routes keep their order, by the property they name") {
    const auto plan = plan_of(unified([](auto& r) {
        auto& audio = *r.mutable_media()->mutable_audio();
        audio.set_capture_all(false);
        auto& agent = *audio.add_routes();
        agent.set_participant_kind(ParticipantInfo::AGENT);
        agent.set_channel(AUDIO_CHANNEL_LEFT);
        auto& ann = *audio.add_routes();
        ann.set_participant_identity("ann");
        ann.set_channel(AUDIO_CHANNEL_RIGHT);
        audio.add_routes()->set_track_id("TR_1");
    }));
    REQUIRE(plan.routes.size() == 3);
    CHECK(plan.routes[0].by == Route::By::Kind);
    CHECK(plan.routes[0].kind == rtc::ParticipantKind::Agent);
    CHECK(plan.routes[0].side == Side::Left);
    CHECK(plan.routes[1].by == Route::By::Participant);
    CHECK(plan.routes[1].id == "ann");
    CHECK(plan.routes[1].side == Side::Right);
    CHECK(plan.routes[2].by == Route::By::Track);
    CHECK(plan.routes[2].side == Side::Both);
    CHECK_FALSE(plan.rest);
    CHECK_FALSE(plan.ends_with_tracks);
    CHECK(plan_of(media()).rest);
}

TEST_CASE("a track is taken once it is known to be audio") {
    CHECK(verdict(test::track()) == "ask TR_1");
    CHECK(verdict(test::track(), {}, false) == "leave");
    const auto plan = plan_of(test::track(), {}, true);
    REQUIRE(plan.routes.size() == 1);
    CHECK(plan.routes[0].id == "TR_1");
    CHECK(plan.ends_with_tracks);
    CHECK_FALSE(plan.rest);
    CHECK(plan.subject == "TR_1");
    auto stream = test::track();
    stream.set_websocket_url("wss://x");
    CHECK(verdict(stream, {}, true) == "leave");
    auto nowhere = test::track();
    nowhere.clear_file();
    CHECK(verdict(nowhere, {}, true) == "invalid_argument");
}

TEST_CASE("a track composite is taken without video, a participant when we are told to") {
    TrackCompositeEgressRequest tracks;
    tracks.set_room_name("demo");
    tracks.add_file_outputs();
    CHECK(verdict(tracks) == "invalid_argument");
    tracks.set_audio_track_id("TR_a");
    CHECK(verdict(tracks) == "take");
    CHECK(plan_of(tracks).ends_with_tracks);
    tracks.set_video_track_id("TR_v");
    CHECK(verdict(tracks) == "leave");
    ParticipantEgressRequest person;
    person.set_room_name("demo");
    person.set_identity("ann");
    person.add_file_outputs();
    CHECK(verdict(person) == "leave");
    CHECK(verdict(person, {.participant_audio = true}) == "take");
    CHECK_FALSE(plan_of(person, {.participant_audio = true}).ends_with_tracks);
    person.set_screen_share(true);
    CHECK(verdict(person, {.participant_audio = true}) == "leave");
    CHECK(verdict(WebEgressRequest()) == "leave");
    CHECK(verdict(std::monostate()) == "leave");
}

TEST_CASE("the output's storage beats the request's, which beats the worker's") {
    Policy policy;
    *policy.storage.mutable_s3() = test::bucket();
    policy.storage.mutable_s3()->set_bucket("own");
    policy.prefix = "here";
    const auto own = plan_of(media(), policy);
    CHECK(own.storage.s3().bucket() == "own");
    CHECK(own.path == "here/a.ogg");
    CHECK(own.own_storage);
    const auto requests = unified([](auto& r) { r.mutable_storage()->mutable_s3()->set_bucket("request"); });
    CHECK(plan_of(requests, policy).storage.s3().bucket() == "request");
    CHECK(plan_of(requests, policy).path == "a.ogg");
    CHECK(plan_of(requests, policy).storage.s3().secret() == "very-secret-key");  // named without keys
    CHECK(plan_of(with<StartEgressRequest>(requests, [](auto& r) { r.mutable_outputs(0)->mutable_storage()->mutable_s3()->set_bucket("output"); }), policy).storage.s3().bucket() == "output");
    CHECK(plan_of(room([](auto& r) { r.mutable_file_outputs(0)->mutable_s3()->set_bucket("output"); }), policy).storage.s3().bucket() == "output");
    CHECK(plan_of(room_composite()).storage.provider_case() == StorageConfig::PROVIDER_NOT_SET);
}

TEST_CASE("other clouds are another worker's, and no files means no files") {
    CHECK(verdict(room([](auto& r) { r.mutable_file_outputs(0)->mutable_gcp(); })) == "leave");
    CHECK(verdict(room([](auto& r) { r.mutable_file_outputs(0)->mutable_azure(); })) == "leave");
    CHECK(verdict(room([](auto& r) { r.mutable_file_outputs(0)->mutable_alioss(); })) == "leave");
    CHECK(verdict(room([](auto& r) { r.mutable_file_outputs(0)->mutable_s3()->set_assume_role_arn("arn:aws:iam::1:role/x"); })) == "leave");
    CHECK(verdict(room([](auto& r) {
              auto& output = *r.mutable_file_outputs(0);
              output.GetReflection()->MutableUnknownFields(&output)->AddLengthDelimited(88, "cloud of tomorrow");
          })) == "leave");
    CHECK(verdict(room_composite(), {.files = false}) == "invalid_argument");
}

TEST_CASE("what would only fail when it is stored is refused at once") {
    const auto fault_of = [](auto request, const Policy& policy = {}, int retry = 0) {
        auto plan = plan_of(std::move(request), policy);
        plan.retry_count = retry;
        const auto fault = validate(plan, policy);
        return fault ? fault->code + ": " + fault->message : std::string("fine");
    };
    const auto s3 = [](const std::function<void(S3Upload&)>& change) {
        return room([&](auto& r) {
            *r.mutable_file_outputs(0)->mutable_s3() = test::bucket();
            change(*r.mutable_file_outputs(0)->mutable_s3());
        });
    };
    CHECK(fault_of(room_composite()) == "fine");
    CHECK(fault_of(s3([](auto&) {})) == "fine");
    CHECK(fault_of(s3([](auto& store) { store.clear_bucket(); })).starts_with("invalid_argument: no bucket for S3"));
    CHECK(fault_of(s3([](auto& store) { store.clear_secret(); })).starts_with("invalid_argument: no secret for S3"));
    CHECK(fault_of(s3([](auto& store) { store.set_endpoint("ftp://x"); })).starts_with("invalid_argument: the endpoint 'ftp://x'"));
    CHECK(fault_of(room_composite("/etc/passwd")).starts_with("invalid_argument: /etc/passwd.ogg is outside"));
    CHECK(fault_of(room_composite("/rec/a"), {.root = "/rec"}) == "fine");
    CHECK(fault_of(room_composite("/else/a"), {.absolute_paths = true}) == "fine");
    CHECK(fault_of(room_composite("a.ogg"), {}, 1).starts_with("failed_precondition: output configuration does not support retry"));
    CHECK(fault_of(room_composite("a-{retry}.ogg"), {}, 1) == "fine");
    CHECK(fault_of(room_composite("calls/"), {}, 1) == "fine");
}

}  // namespace voicectl::egress
