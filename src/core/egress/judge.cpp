#include "voicectl/egress/judge.h"

#include <algorithm>
#include <array>

#include "voicectl/base/text.h"
#include "voicectl/egress/names.h"
#include "voicectl/livekit/s3.h"

namespace voicectl::egress {
namespace {

using namespace livekit::proto;
using livekit::EgressRequest;

constexpr int kDefaultKbps = 128;
constexpr int kOpusHz = 48000, kMp3Hz = 44100;
constexpr std::array kMp3Rates{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
constexpr int kOpusKbpsMin = 6, kOpusKbpsMax = 510, kMp3KbpsMin = 8, kMp3KbpsMax = 320;

Refuse refuse(std::string message) { return {{"invalid_argument", std::move(message)}}; }
// LiveKit's own words, which its clients may know.
Refuse refuse_field(std::string_view field, std::string_view hint) {
    return refuse(fmt::format("request has missing or invalid field: {} ({})", field, hint));
}

/// The one file of a request, whichever message it stands in.
struct File {
    EncodedFileType type = DEFAULT_FILETYPE;
    std::string path;
    bool manifest = true;
    StorageConfig storage;
    bool unknown_storage = false;  // a provider of newer servers
};

bool has_unknown_fields(const google::protobuf::Message& message) { return message.GetReflection()->GetUnknownFields(message).field_count() > 0; }

template<class Output>
File file_of(const Output& output) {
    File out;
    if constexpr (requires { output.file_type(); }) out.type = output.file_type();
    out.path = output.filepath();
    out.manifest = !output.disable_manifest();
    if (output.has_s3()) *out.storage.mutable_s3() = output.s3();
    if (output.has_gcp()) *out.storage.mutable_gcp() = output.gcp();
    if (output.has_azure()) *out.storage.mutable_azure() = output.azure();
    if (output.has_alioss()) *out.storage.mutable_alioss() = output.alioss();
    out.unknown_storage = output.output_case() == Output::OUTPUT_NOT_SET && has_unknown_fields(output);
    return out;
}

/// Why a request is not taken, or nothing yet.
using Verdict = std::optional<Judgement>;

Verdict no_single_file(std::size_t files, bool others, bool unknown) {
    if (others) return Leave{"streams, segments and images are not for this worker"};
    if (files == 0 && unknown) return Leave{"an output that is not known here"};
    if (files == 0) return refuse_field("output", "name a file, for example file_outputs: [{filepath: calls/{room_name}.ogg}]");
    if (files > 1) return refuse_field("file_outputs", "one recording has one file; start a second egress for the other");
    return {};
}

// Clients of old still use the single outputs, which the schema calls deprecated.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
template<class Request>
Verdict find_file(const Request& request, File& out) {
    std::vector<File> files;
    bool others = request.stream_outputs_size() + request.segment_outputs_size() + request.image_outputs_size() > 0;
    if constexpr (requires { request.has_file(); }) {
        if (request.has_file()) files.push_back(file_of(request.file()));
        others = others || request.has_stream() || request.has_segments();
    }
    for (const auto& one : request.file_outputs()) files.push_back(file_of(one));
    if (auto verdict = no_single_file(files.size(), others, has_unknown_fields(request))) return verdict;
    out = std::move(files.front());
    return {};
}
#pragma GCC diagnostic pop

Verdict find_file(const StartEgressRequest& request, File& out) {
    std::size_t files = 0;
    bool others = false, unknown = false;
    for (const auto& one : request.outputs()) {
        others = others || one.has_stream() || one.has_segments() || one.has_images();
        unknown = unknown || one.config_case() == Output::CONFIG_NOT_SET;
        if (!one.has_file()) continue;
        ++files;
        out = {one.file().file_type(), one.file().filepath(), !one.file().disable_manifest(), one.has_storage() ? one.storage() : request.storage(), false};
        out.unknown_storage = out.storage.provider_case() == StorageConfig::PROVIDER_NOT_SET && has_unknown_fields(out.storage);
    }
    if (unknown) return Leave{"an output that is not known here"};
    return no_single_file(files, others, false);
}

Verdict plan_storage(const File& file, const Policy& policy, Plan& plan) {
    plan.path = file.path;
    plan.manifest = file.manifest;
    plan.storage = file.storage;
    if (file.unknown_storage) return Leave{"a storage that is not known here"};
    if (plan.storage.provider_case() == StorageConfig::PROVIDER_NOT_SET) {
        plan.storage = policy.storage;
        plan.own_storage = true;
        if (!policy.prefix.empty() && policy.storage.provider_case() != StorageConfig::PROVIDER_NOT_SET)
            plan.path = fmt::format("{}/{}", trim(policy.prefix), plan.path);
    }
    if (plan.storage.has_gcp() || plan.storage.has_azure() || plan.storage.has_alioss()) return Leave{"storage of Google, Azure or Alibaba is not for this worker"};
    if (!plan.storage.has_s3()) {
        if (!policy.files) return refuse_field("output", "this worker keeps no files on its machine; name a storage, s3, in the request");
        return {};
    }
    auto& s3 = *plan.storage.mutable_s3();
    if (!s3.assume_role_arn().empty()) return Leave{"roles of Amazon are not taken on by this worker"};
    // As LiveKit's own does with the keys of its machine.
    if (s3.access_key().empty() && s3.secret().empty() && policy.storage.has_s3()) {
        s3.set_access_key(policy.storage.s3().access_key());
        s3.set_secret(policy.storage.s3().secret());
        s3.set_session_token(policy.storage.s3().session_token());
    }
    return {};
}

struct Encoding {
    AudioCodec codec = DEFAULT_AC;
    int kbps = 0, rate_hz = 0;
};

template<class Request>
Encoding encoding_of(const Request& request) {
    if (!request.has_advanced()) return {};
    return {request.advanced().audio_codec(), request.advanced().audio_bitrate(), request.advanced().audio_frequency()};
}

std::string_view codec_name(AudioCodec codec) { return codec == AAC ? "audio/aac" : codec == AC_MP3 ? "audio/mpeg" : "audio/opus"; }

Verdict plan_form(EncodedFileType type, AudioCodec codec, Plan& plan) {
    if (codec != DEFAULT_AC && codec != OPUS && codec != AAC && codec != AC_MP3) return Leave{"a codec that is not known here"};
    if (type == MP4 || (type == DEFAULT_FILETYPE && codec == AAC)) return Leave{"MP4 is not for this worker"};
    if (type != DEFAULT_FILETYPE && type != OGG && type != MP3) return Leave{"a file type that is not known here"};
    plan.form = type == MP3 || (type == DEFAULT_FILETYPE && codec == AC_MP3) ? Form::Mp3 : Form::Ogg;
    const auto own = plan.form == Form::Mp3 ? AC_MP3 : OPUS;
    if (codec == DEFAULT_AC || codec == own) return {};
    return refuse(fmt::format("format {} incompatible with codec {}; leave audio_codec out", content_type(plan.form), codec_name(codec)));
}

Verdict plan_encoding(EncodedFileType type, const Encoding& encoding, Plan& plan) {
    if (auto verdict = plan_form(type, encoding.codec, plan)) return verdict;
    const bool mp3 = plan.form == Form::Mp3;
    const int least = mp3 ? kMp3KbpsMin : kOpusKbpsMin, most = mp3 ? kMp3KbpsMax : kOpusKbpsMax;
    const int kbps = encoding.kbps == 0 ? kDefaultKbps : encoding.kbps;
    if (kbps < least || kbps > most) return refuse_field("audio_bitrate", fmt::format("{} kbit/s; {} can have {} to {}", kbps, mp3 ? "MP3" : "Opus", least, most));
    plan.bit_rate = kbps * 1000;
    plan.rate_hz = mp3 ? kMp3Hz : kOpusHz;  // Opus: whatever is asked for
    if (!mp3 || encoding.rate_hz == 0) return {};
    if (std::find(kMp3Rates.begin(), kMp3Rates.end(), encoding.rate_hz) == kMp3Rates.end())
        return refuse_field("audio_frequency", fmt::format("{} Hz; MP3 can have {}", encoding.rate_hz, fmt::join(kMp3Rates, ", ")));
    plan.rate_hz = encoding.rate_hz;
    return {};
}

std::optional<rtc::ParticipantKind> kind_of(int kind) {
    switch (kind) {
        case ParticipantInfo::STANDARD: return rtc::ParticipantKind::Standard;
        case ParticipantInfo::INGRESS: return rtc::ParticipantKind::Ingress;
        case ParticipantInfo::EGRESS: return rtc::ParticipantKind::Egress;
        case ParticipantInfo::SIP: return rtc::ParticipantKind::Sip;
        case ParticipantInfo::AGENT: return rtc::ParticipantKind::Agent;
        default: return std::nullopt;
    }
}

Verdict add_route(const AudioRoute& asked, Plan& plan) {
    Route route;
    switch (asked.match_case()) {
        case AudioRoute::kTrackId: route.id = asked.track_id(); break;
        case AudioRoute::kParticipantIdentity:
            route.by = Route::By::Participant;
            route.id = asked.participant_identity();
            break;
        case AudioRoute::kParticipantKind: {
            const auto kind = kind_of(asked.participant_kind());
            if (!kind) return Leave{"a kind of participant that is not known here"};
            route.by = Route::By::Kind;
            route.kind = *kind;
            break;
        }
        default:
            if (has_unknown_fields(asked)) return Leave{"a route that is not known here"};
            return refuse_field("audio.routes", "each names a track_id, a participant_identity or a participant_kind");
    }
    if (route.by != Route::By::Kind && route.id.empty()) return refuse_field("audio.routes", "a track_id or participant_identity is empty");
    switch (asked.channel()) {
        case AUDIO_CHANNEL_BOTH: break;
        case AUDIO_CHANNEL_LEFT: route.side = Side::Left; break;
        case AUDIO_CHANNEL_RIGHT: route.side = Side::Right; break;
        default: return Leave{"a channel that is not known here"};
    }
    if (route.side != Side::Both) plan.channels = 2;
    plan.routes.push_back(std::move(route));
    return {};
}

/// A whole room by a layout, which sound alone does not need.
template<class Template>
Verdict plan_template(const Template& source) {
    if (source.audio_only() && source.video_only()) return refuse_field("audio_only and video_only", "together they leave nothing");
    if (!source.audio_only()) return Leave{"video is not for this worker"};
    if (!source.layout().empty() || !source.custom_base_url().empty()) return Leave{"a layout needs a browser"};
    return {};
}

Verdict plan_source(const RoomCompositeEgressRequest& request, Plan& plan) {
    if (auto verdict = plan_template(request)) return verdict;
    switch (request.audio_mixing()) {
        case DEFAULT_MIXING: return {};
        case DUAL_CHANNEL_AGENT: plan.sides = Plan::Sides::AgentLeft; break;
        case DUAL_CHANNEL_ALTERNATE: plan.sides = Plan::Sides::Alternate; break;
        default: return Leave{"a way of mixing that is not known here"};
    }
    plan.channels = 2;
    return {};
}

Verdict plan_media(const MediaSource& source, Plan& plan) {
    if (source.video_case() != MediaSource::VIDEO_NOT_SET || has_unknown_fields(source)) return Leave{"video is not for this worker"};
    if (!source.has_audio()) return refuse_field("media", "it names neither audio nor video");
    plan.rest = source.audio().capture_all();
    for (const auto& route : source.audio().routes())
        if (auto verdict = add_route(route, plan)) return verdict;
    if (plan.routes.empty() && !plan.rest) return refuse_field("audio", "set capture_all, or name routes");
    return {};
}

Verdict plan_source(const StartEgressRequest& request, Plan& plan) {
    switch (request.source_case()) {
        case StartEgressRequest::kTemplate: return plan_template(request.template_());
        case StartEgressRequest::kMedia: return plan_media(request.media(), plan);
        case StartEgressRequest::kWeb: return Leave{"a web page needs a browser"};
        default: break;
    }
    if (has_unknown_fields(request)) return Leave{"a source that is not known here"};
    return refuse_field("source", "name template, media or web");
}

void plan_one_track(const std::string& id, Plan& plan) {
    plan.routes = {{Route::By::Track, id, {}, Side::Both}};
    plan.rest = false;
    plan.ends_with_tracks = true;
}

Verdict plan_source(const TrackCompositeEgressRequest& request, Plan& plan) {
    if (!request.video_track_id().empty()) return Leave{"video is not for this worker"};
    if (request.audio_track_id().empty()) return refuse_field("audio_track_id", "name the track of audio, video or both");
    plan_one_track(request.audio_track_id(), plan);
    plan.subject = plan.audio_track_id = request.audio_track_id();
    return {};
}

Verdict plan_source(const ParticipantEgressRequest& request, Plan& plan) {
    if (request.screen_share()) return Leave{"a shared screen is video"};
    if (request.identity().empty()) return refuse_field("identity", "name the participant");
    plan.routes = {{Route::By::Participant, request.identity(), {}, Side::Both}};
    plan.rest = false;
    plan.subject = plan.publisher_identity = request.identity();
    return {};
}

template<class Request>
Judgement judged(const Request& request, const Policy& policy, Plan plan) {
    File file;
    if (auto verdict = plan_source(request, plan)) return *verdict;
    if (auto verdict = find_file(request, file)) return *verdict;
    if (auto verdict = plan_encoding(file.type, encoding_of(request), plan)) return *verdict;
    if (auto verdict = plan_storage(file, policy, plan)) return *verdict;
    return Take{std::move(plan)};
}

struct Judge {
    const Policy& policy;
    std::optional<bool> track_is_audio;
    Plan plan;

    Judgement operator()(const std::monostate&) const { return Leave{"a kind of request that is not known here"}; }
    Judgement operator()(const WebEgressRequest&) const { return Leave{"a web page needs a browser"}; }
    Judgement operator()(const ParticipantEgressRequest& request) const {
        if (!policy.participant_audio) return Leave{"a participant is recorded with video"};
        return judged(request, policy, plan);
    }
    Judgement operator()(const TrackEgressRequest& request) const {
        auto out = plan;
        if (request.output_case() == TrackEgressRequest::kWebsocketUrl) return Leave{"a stream is not for this worker"};
        if (!request.has_file()) return has_unknown_fields(request) ? Judgement(Leave{"an output that is not known here"}) : refuse_field("output", "name a file");
        if (request.track_id().empty()) return refuse_field("track_id", "name the track");
        if (!track_is_audio) return AskTrack{request.track_id()};
        if (!*track_is_audio) return Leave{"the track is video"};
        plan_one_track(request.track_id(), out);
        out.subject = out.track_id = request.track_id();
        if (auto verdict = plan_storage(file_of(request.file()), policy, out)) return *verdict;
        return Take{std::move(out)};
    }
    template<class Request>
    Judgement operator()(const Request& request) const { return judged(request, policy, plan); }
};

std::string room_in(const EgressRequest& request) {
    return std::visit(
        [&request](const auto& one) -> std::string {
            if constexpr (requires { one.room_name(); })
                if (!one.room_name().empty()) return one.room_name();
            return request.room_name;
        },
        request.what);
}

std::optional<Fault> check_s3(const S3Upload& store, bool own) {
    const auto missing = [own](std::string_view what) {
        return Fault{own ? "failed_precondition" : "invalid_argument",
                     fmt::format("no {} for S3: {}", what, own ? "this worker's own storage is not set up" : "put it into the request, or give the worker a storage of its own")};
    };
    if (store.bucket().empty()) return missing("bucket");
    if (store.access_key().empty() || store.secret().empty()) return missing(store.access_key().empty() ? "access_key" : "secret");
    if (const auto url = livekit::bucket_url(store); !url) return Fault{"invalid_argument", fmt::format("{}: {}", url.error().message, url.error().hint)};
    return {};
}

}  // namespace

std::string_view ending(Form form) { return form == Form::Mp3 ? ".mp3" : ".ogg"; }
std::string_view content_type(Form form) { return form == Form::Mp3 ? "audio/mpeg" : "audio/ogg"; }

Judgement judge(const EgressRequest& request, const Policy& policy, std::optional<bool> track_is_audio) {
    Plan plan;
    plan.egress_id = request.egress_id;
    plan.room_id = request.room_id;
    plan.room_name = plan.subject = room_in(request);
    plan.url = request.ws_url;
    plan.token = request.token;
    plan.retry_count = request.retry_count;
    auto verdict = std::visit(Judge{policy, track_is_audio, plan}, request.what);
    const bool ours = std::holds_alternative<Take>(verdict) || std::holds_alternative<AskTrack>(verdict);
    if (ours && plan.egress_id.empty()) return refuse_field("egress_id", "the server names it");
    if (ours && plan.room_name.empty()) return refuse_field("room_name", "name the room");
    return verdict;
}

std::optional<Fault> validate(const Plan& plan, const Policy& policy) {
    if (plan.retry_count > 0 && !plan.path.empty() && !plan.path.ends_with('/') && plan.path.find("{retry}") == std::string::npos)
        return Fault{"failed_precondition", "output configuration does not support retry (put {retry} into the path)"};
    if (plan.storage.has_s3()) return check_s3(plan.storage.s3(), plan.own_storage);
    const auto name = file_name(plan, {.room_name = plan.room_name, .room_id = plan.room_id, .egress_id = plan.egress_id});
    if (const auto path = local_path(name, policy.root, policy.absolute_paths); !path)
        return Fault{"invalid_argument", fmt::format("{}: {}", path.error().message, path.error().hint)};
    return {};
}

}  // namespace voicectl::egress
