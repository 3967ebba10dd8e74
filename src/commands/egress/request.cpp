#include "commands/egress/request.h"

#include <algorithm>
#include <cstdio>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using namespace livekit::proto;

enum class Shape { RoomComposite, Web, Participant, TrackComposite, Track, Unified };

/// Everything that the flags ask for, checked, before it is put into one of the six messages.
struct Plan {
    Shape shape = Shape::RoomComposite;
    std::string audio_track, video_track;  // of a track composite
    OutputPlan outputs;
    std::optional<EncodingOptionsPreset> preset;
    std::optional<EncodingOptions> advanced;
    std::vector<WebhookConfig> webhooks;
    std::vector<AudioRoute> routes;
};

std::unexpected<Error> usage(std::string message, std::string hint) { return fail_with_hint(Errc::Usage, std::move(message), std::move(hint)); }

// TR_AM… is a microphone, TR_VC… a camera.
Result<void> sort_tracks(const EgressStartOptions& o, Plan& plan) {
    plan.audio_track = o.audio_track;
    plan.video_track = o.video_track;
    if (o.tracks.size() > 2) return usage("at most two tracks: one of audio and one of video", "start one egress for each track");
    if (o.tracks.size() < 2) return {};
    for (const auto& sid : o.tracks) {
        auto* slot = sid.starts_with("TR_A") ? &plan.audio_track : sid.starts_with("TR_V") ? &plan.video_track : nullptr;
        if (slot == nullptr || !slot->empty())
            return usage("two tracks are recorded together when one is audio and one is video", "say which: --audio-track SID --video-track SID");
        *slot = sid;
    }
    return {};
}

Shape shape_of(const EgressStartOptions& o) {
    if (!o.page.empty()) return Shape::Web;
    if (!o.participant.empty()) return Shape::Participant;
    if (!o.audio_track.empty() || !o.video_track.empty() || o.tracks.size() > 1) return Shape::TrackComposite;
    if (!o.tracks.empty()) return Shape::Track;
    return Shape::RoomComposite;
}

Result<void> check_web_address(std::string_view flag, const std::string& url, const char* hint) {
    const auto lower = to_lower_ascii(url.substr(0, 8));
    const auto host = lower.starts_with("http://") ? 7U : lower.starts_with("https://") ? 8U : 0U;
    const bool blank = url.find_first_of(" \t\r\n") != std::string::npos;
    if (host != 0 && !blank && url.size() > host && url[host] != '/' && url[host] != '?' && url[host] != '#') return {};
    return usage(fmt::format("{} '{}' is no http or https URL", flag, terminal_safe(redact(livekit::without_secrets(url)))), hint);
}

Result<void> check_sources(const EgressStartOptions& o) {
    const bool tracks = !o.tracks.empty() || !o.audio_track.empty() || !o.video_track.empty();
    const int sources = int{!o.page.empty()} + int{!o.participant.empty()} + int{tracks} + int{!o.left.empty() || !o.right.empty()};
    if (sources > 1) return usage("one recording is of a room, a participant, tracks, a page or of --left and --right", "name one of them");
    if (!o.tracks.empty() && (!o.audio_track.empty() || !o.video_track.empty()))
        return usage("--track does not go with --audio-track and --video-track", "use the latter for two tracks in one file");
    if (!o.page.empty() && !o.room.empty())
        return usage("--page and --room exclude each other: a page is recorded by itself", "leave one of them out; --url is the server");
    if (o.page.empty() && o.room.empty()) return usage("what should be recorded?", "name a --room (with --participant or --track in it), or a --page");
    if (!o.page.empty()) VC_TRY(check_web_address("--page", o.page, "write it like https://example.com/scene"));
    if (!o.custom_base_url.empty()) VC_TRY(check_web_address("--custom-base-url", o.custom_base_url, "write it like https://example.com/layouts"));
    if (o.audio_only && o.video_only) return usage("--audio-only and --video-only leave nothing", "choose one");
    return {};
}

Result<void> check_fitting(const EgressStartOptions& o, Shape shape) {
    const bool composite = shape == Shape::RoomComposite;
    const auto only = [](bool given, bool fits, const char* flag, const char* where) -> Result<void> {
        if (given && !fits) return usage(fmt::format("{} does not fit here", flag), fmt::format("it is for {}", where));
        return {};
    };
    VC_TRY(only(o.audio_only || o.video_only, composite || shape == Shape::Web, "--audio-only and --video-only", "a whole room or a page"));
    VC_TRY(only(!o.layout.empty() || !o.custom_base_url.empty(), composite, "a layout", "a whole room"));
    VC_TRY(only(!o.channels.empty(), composite, "--channels", "a whole room"));
    VC_TRY(only(o.screen_share, shape == Shape::Participant, "--screen-share", "a --participant"));
    VC_TRY(only(o.await_start_signal, shape == Shape::Web, "--await-start-signal", "a --page"));
    if (composite && !o.channels.empty() && o.channels != "mono" && !o.audio_only)
        return usage(fmt::format("--channels {} is for sound alone", o.channels), "add --audio-only");
    return {};
}

Result<WebhookConfig> webhook(const std::string& text, const std::string& default_key) {
    WebhookConfig out;
    // An = of the query is part of the URL.
    const auto equals = text.find('?') == std::string::npos ? text.rfind('=') : std::string::npos;
    out.set_url(text.substr(0, equals));
    out.set_signing_key(equals == std::string::npos ? default_key : text.substr(equals + 1));
    VC_TRY(check_web_address("--webhook", out.url(), "write it like https://example.com/hook, or …/hook=API_KEY_NAME"));
    return out;
}

std::string who_of(AudioRoute route) {
    route.clear_channel();
    return route.SerializeAsString();
}

Result<void> check_routes(const EgressStartOptions& o, const std::vector<AudioRoute>& routes) {
    if (routes.empty()) return {};
    if (!o.channels.empty()) return usage("--channels does not go with --left and --right", "these say already who is heard on which side");
    if (o.video_only) return usage("--video-only does not go with --left and --right", "leave one of them out");
    if (!o.layout.empty() || !o.custom_base_url.empty()) return usage("a layout does not go with --left and --right", "they record sound alone");
    for (const auto& left : routes) {
        const auto both = [&](const AudioRoute& right) { return right.channel() != left.channel() && who_of(right) == who_of(left); };
        if (std::any_of(routes.begin(), routes.end(), both))
            return usage("--left and --right name the same one", "for one sound on both sides: --audio-only --channels mono");
    }
    return {};
}

// What only the new call can say: who is heard on which side.
Result<void> plan_routes(const EgressStartOptions& o, Plan& plan) {
    for (const auto& [names, channel] : {std::pair{&o.left, AUDIO_CHANNEL_LEFT}, std::pair{&o.right, AUDIO_CHANNEL_RIGHT}}) {
        for (const auto& name : *names) {
            VC_TRY_ASSIGN(const auto routes, parse_route(name, channel));
            plan.routes.insert(plan.routes.end(), routes.begin(), routes.end());
        }
    }
    return check_routes(o, plan.routes);
}

Result<void> check_unified(const EgressStartOptions& o) {
    if (o.unified && o.channels == "alternate")
        return usage("the unified call has no --channels alternate", "leave --unified out, or name the sides with --left and --right");
    return {};
}

// A flag of an output that nobody asked for is a mistake in the one or the other.
Result<void> check_output_flags(const EgressStartOptions& o, const OutputPlan& outputs) {
    const auto needs = [](bool given, bool there, const char* flag, const char* output) -> Result<void> {
        if (given && !there) return usage(fmt::format("{} has nothing to act on", flag), fmt::format("it is for --out {}", output));
        return {};
    };
    const bool segments = outputs.segments.has_value();
    const bool images = !outputs.images.empty();
    VC_TRY(needs(!o.segment_duration.empty(), segments, "--segment-duration", "hls:PATH"));
    VC_TRY(needs(!o.segment_suffix.empty(), segments, "--segment-suffix", "hls:PATH"));
    VC_TRY(needs(!o.live_playlist.empty(), segments, "--live-playlist", "hls:PATH"));
    VC_TRY(needs(!o.image_interval.empty(), images, "--image-interval", "images:PREFIX"));
    VC_TRY(needs(!o.image_size.empty(), images, "--image-size", "images:PREFIX"));
    return needs(!o.image_suffix.empty(), images, "--image-suffix", "images:PREFIX");
}

Result<void> check_storage_flags(const EgressStartOptions& o, const OutputPlan& outputs) {
    std::vector<const Target*> targets;
    if (outputs.file) targets.push_back(&*outputs.file);
    if (outputs.segments) targets.push_back(&*outputs.segments);
    for (const auto& one : outputs.images) targets.push_back(&one);
    const auto stored = [&o](const Target* one) { return one->storage != StorageKind::None || !o.storage.kind.empty(); };
    const auto flag = o.storage.first_given();
    if (!flag.empty() && std::none_of(targets.begin(), targets.end(), stored))
        return usage(fmt::format("{} has nothing to act on: no output goes to a storage of its own", flag), "write --out s3:PATH, or add --storage s3");
    const auto open = [&](const Target* one) { return stored(one) && one->bucket.empty(); };
    if (!o.storage.bucket.empty() && std::none_of(targets.begin(), targets.end(), open))
        return usage("--bucket has nothing to act on: every output names its own", "leave it out, or write --out s3:PATH");
    return {};
}

Result<void> check_outputs(const EgressStartOptions& o, const Plan& plan) {
    const auto& outputs = plan.outputs;
    const auto streams = outputs.stream_urls.size();
    const bool websocket = streams > 0 && outputs.protocol == WEBSOCKET;
    if (plan.shape == Shape::Track) {
        const bool one = (outputs.file && streams == 0) || (!outputs.file && websocket && streams == 1);
        if (!one || outputs.segments || !outputs.images.empty())
            return usage("a single track goes to one file or to one wss:// address", "use --audio-track SID or --video-track SID for other outputs");
        return {};
    }
    if (websocket && plan.shape != Shape::Unified) return usage("only a single --track goes to a wss:// address", "or add --unified");
    if (!outputs.images.empty() && (o.audio_only || (plan.shape == Shape::TrackComposite && plan.video_track.empty())))
        return usage("there are no images of sound alone", "leave out images: or --audio-only");
    return {};
}

Result<Plan> make_plan(const EgressStartOptions& o, const Env& env) {
    Plan plan;
    VC_TRY(check_sources(o));
    plan.shape = shape_of(o);
    VC_TRY(check_fitting(o, plan.shape));
    VC_TRY(check_unified(o));
    VC_TRY(sort_tracks(o, plan));
    VC_TRY_ASSIGN(plan.outputs, plan_outputs(o.outs));
    VC_TRY(plan_routes(o, plan));
    if (o.unified || !plan.routes.empty()) plan.shape = Shape::Unified;
    VC_TRY(check_outputs(o, plan));
    VC_TRY(check_output_flags(o, plan.outputs));
    VC_TRY(check_storage_flags(o, plan.outputs));
    if (!o.preset.empty() && !o.advanced.empty()) return usage("--preset and --advanced exclude each other", "choose one");
    if (!o.preset.empty()) {
        VC_TRY_ASSIGN(plan.preset, parse_preset(o.preset));
    }
    if (!o.advanced.empty()) {
        VC_TRY_ASSIGN(plan.advanced, parse_advanced(o.advanced));
    }
    if (plan.shape == Shape::Track && (plan.preset || plan.advanced)) return usage("a single track is not encoded as told", "use --audio-track or --video-track");
    const auto key = !env.global.api_key.empty() ? env.global.api_key : env.get("LIVEKIT_API_KEY").value_or("");
    for (const auto& text : o.webhooks) {
        VC_TRY_ASSIGN(plan.webhooks.emplace_back(), webhook(text, key));
    }
    return plan;
}

// ---- outputs into messages ----

Result<StorageConfig> storage_of(const EgressStartOptions& o, const Target& target, const Env& env) {
    const auto kind = target.storage != StorageKind::None ? target.storage : storage_kind(o.storage.kind);
    return storage_config(o.storage, kind, target.bucket, env.getenv());
}

template<class File>
Result<void> put_file(const EgressStartOptions& o, const Target& target, File& file) {
    VC_TRY_ASSIGN(const auto type, file_type(target.path));
    file.set_filepath(target.path);
    file.set_file_type(type);
    file.set_disable_manifest(o.no_manifest);
    return {};
}

void put_stream(const OutputPlan& plan, StreamOutput& stream) {
    stream.set_protocol(plan.protocol);
    for (const auto& url : plan.stream_urls) stream.add_urls(url);
}

Result<std::uint32_t> seconds(const char* flag, const std::string& text) {
    VC_TRY_ASSIGN(const auto time, parse_duration(text));
    const auto count = std::chrono::duration_cast<std::chrono::seconds>(time).count();
    if (count < 1 || count > 86400) return fail(Errc::Usage, "{} {} is not between 1s and 1d", flag, text);
    return static_cast<std::uint32_t>(count);
}

Result<void> put_segments(const EgressStartOptions& o, const Target& target, SegmentedFileOutput& out) {
    auto prefix = target.path;
    if (prefix.ends_with(".m3u8")) prefix.resize(prefix.size() - 5);
    if (prefix.empty() || prefix.ends_with('/')) return usage("hls: wants a name for its playlist", "write it like hls:live/demo");
    const auto folder = prefix.substr(0, prefix.rfind('/') == std::string::npos ? 0 : prefix.rfind('/') + 1);
    out.set_protocol(HLS_PROTOCOL);
    out.set_filename_prefix(prefix);
    out.set_playlist_name(prefix + ".m3u8");
    if (!o.live_playlist.empty()) out.set_live_playlist_name(o.live_playlist.find('/') == std::string::npos ? folder + o.live_playlist : o.live_playlist);
    if (out.live_playlist_name() == out.playlist_name()) return usage("the live playlist needs a name of its own", "write it like --live-playlist live.m3u8");
    if (!o.segment_duration.empty()) {
        VC_TRY_ASSIGN(const auto value, seconds("--segment-duration", o.segment_duration));
        out.set_segment_duration(value);
    }
    out.set_filename_suffix(o.segment_suffix == "timestamp" ? TIMESTAMP : INDEX);
    out.set_disable_manifest(o.no_manifest);
    return {};
}

Result<void> put_image_size(const std::string& text, ImageOutput& out) {
    if (text.empty()) return {};
    int width = 0, height = 0;
    char end = 0;
    if (std::sscanf(text.c_str(), "%5dx%5d%c", &width, &height, &end) != 2 || width < 16 || height < 16)
        return usage(fmt::format("--image-size '{}' is no size", terminal_safe(text)), "write it like 640x360");
    out.set_width(width);
    out.set_height(height);
    return {};
}

Result<void> put_images(const EgressStartOptions& o, const Target& target, ImageOutput& out) {
    out.set_filename_prefix(target.path);
    if (!o.image_interval.empty()) {
        VC_TRY_ASSIGN(const auto value, seconds("--image-interval", o.image_interval));
        out.set_capture_interval(value);
    }
    VC_TRY(put_image_size(o.image_size, out));
    out.set_filename_suffix(o.image_suffix == "timestamp"   ? IMAGE_SUFFIX_TIMESTAMP
                            : o.image_suffix == "overwrite" ? IMAGE_SUFFIX_NONE_OVERWRITE
                                                            : IMAGE_SUFFIX_INDEX);
    out.set_disable_manifest(o.no_manifest);
    return {};
}

template<class Output>
Result<void> store(const EgressStartOptions& o, const Target& target, const Env& env, Output& out) {
    VC_TRY_ASSIGN(const auto storage, storage_of(o, target, env));
    put_storage(storage, out);
    return {};
}

template<class Request>
Result<void> put_outputs(const EgressStartOptions& o, const Plan& plan, const Env& env, Request& request) {
    if (plan.outputs.file) {
        auto& file = *request.add_file_outputs();
        VC_TRY(put_file(o, *plan.outputs.file, file));
        VC_TRY(store(o, *plan.outputs.file, env, file));
    }
    if (!plan.outputs.stream_urls.empty()) put_stream(plan.outputs, *request.add_stream_outputs());
    if (plan.outputs.segments) {
        auto& segments = *request.add_segment_outputs();
        VC_TRY(put_segments(o, *plan.outputs.segments, segments));
        VC_TRY(store(o, *plan.outputs.segments, env, segments));
    }
    for (const auto& target : plan.outputs.images) {
        auto& images = *request.add_image_outputs();
        VC_TRY(put_images(o, target, images));
        VC_TRY(store(o, target, env, images));
    }
    return {};
}

Result<void> put_unified_outputs(const EgressStartOptions& o, const Plan& plan, const Env& env, StartEgressRequest& request) {
    const auto put_store = [&](const Target& target, livekit::proto::Output& out) -> Result<void> {
        VC_TRY_ASSIGN(const auto storage, storage_of(o, target, env));
        if (storage.provider_case() != StorageConfig::PROVIDER_NOT_SET) *out.mutable_storage() = storage;
        return {};
    };
    if (plan.outputs.file) {
        auto& out = *request.add_outputs();
        VC_TRY(put_file(o, *plan.outputs.file, *out.mutable_file()));
        VC_TRY(put_store(*plan.outputs.file, out));
    }
    if (!plan.outputs.stream_urls.empty()) put_stream(plan.outputs, *request.add_outputs()->mutable_stream());
    if (plan.outputs.segments) {
        auto& out = *request.add_outputs();
        VC_TRY(put_segments(o, *plan.outputs.segments, *out.mutable_segments()));
        VC_TRY(put_store(*plan.outputs.segments, out));
    }
    for (const auto& target : plan.outputs.images) {
        auto& out = *request.add_outputs();
        VC_TRY(put_images(o, target, *out.mutable_images()));
        VC_TRY(put_store(target, out));
    }
    return {};
}

template<class Request>
void put_encoding(const Plan& plan, Request& request) {
    if (plan.preset) request.set_preset(*plan.preset);
    if (plan.advanced) *request.mutable_advanced() = *plan.advanced;
}

template<class Request>
void put_webhooks(const Plan& plan, Request& request) {
    for (const auto& one : plan.webhooks) *request.add_webhooks() = one;
}

template<class Request>
Result<StartRequest> completed(const EgressStartOptions& o, const Plan& plan, const Env& env, Request request) {
    VC_TRY(put_outputs(o, plan, env, request));
    put_encoding(plan, request);
    put_webhooks(plan, request);
    return request;
}

// ---- the six messages ----

AudioMixing mixing(const std::string& channels) {
    if (channels == "agent-left") return DUAL_CHANNEL_AGENT;
    return channels == "alternate" ? DUAL_CHANNEL_ALTERNATE : DEFAULT_MIXING;
}

Result<StartRequest> room_composite(const EgressStartOptions& o, const Plan& plan, const Env& env) {
    RoomCompositeEgressRequest request;
    request.set_room_name(o.room);
    request.set_layout(o.layout);
    request.set_audio_only(o.audio_only);
    request.set_video_only(o.video_only);
    request.set_custom_base_url(o.custom_base_url);
    request.set_audio_mixing(mixing(o.channels));
    return completed(o, plan, env, std::move(request));
}

template<class Page>
void put_page(const EgressStartOptions& o, Page& page) {
    page.set_url(o.page);
    page.set_audio_only(o.audio_only);
    page.set_video_only(o.video_only);
    page.set_await_start_signal(o.await_start_signal);
}

Result<StartRequest> web(const EgressStartOptions& o, const Plan& plan, const Env& env) {
    WebEgressRequest request;
    put_page(o, request);
    return completed(o, plan, env, std::move(request));
}

Result<StartRequest> participant(const EgressStartOptions& o, const Plan& plan, const Env& env) {
    ParticipantEgressRequest request;
    request.set_room_name(o.room);
    request.set_identity(o.participant);
    request.set_screen_share(o.screen_share);
    return completed(o, plan, env, std::move(request));
}

Result<StartRequest> track_composite(const EgressStartOptions& o, const Plan& plan, const Env& env) {
    TrackCompositeEgressRequest request;
    request.set_room_name(o.room);
    request.set_audio_track_id(plan.audio_track);
    request.set_video_track_id(plan.video_track);
    return completed(o, plan, env, std::move(request));
}

Result<StartRequest> track(const EgressStartOptions& o, const Plan& plan, const Env& env) {
    TrackEgressRequest request;
    request.set_room_name(o.room);
    request.set_track_id(o.tracks.front());
    put_webhooks(plan, request);
    if (!plan.outputs.file) {
        request.set_websocket_url(plan.outputs.stream_urls.front());
        return request;
    }
    auto& file = *request.mutable_file();
    file.set_filepath(plan.outputs.file->path);
    file.set_disable_manifest(o.no_manifest);
    VC_TRY(store(o, *plan.outputs.file, env, file));
    return request;
}

void add_route(MediaSource& media, const AudioRoute& route) { *media.mutable_audio()->add_routes() = route; }

// DUAL_CHANNEL_AGENT in the words of the new call: the agent left, everybody else right.
void put_agent_left(MediaSource& media) {
    for (const auto kind : {ParticipantInfo::AGENT, ParticipantInfo::STANDARD, ParticipantInfo::SIP, ParticipantInfo::INGRESS, ParticipantInfo::CONNECTOR}) {
        AudioRoute route;
        route.set_participant_kind(kind);
        route.set_channel(kind == ParticipantInfo::AGENT ? AUDIO_CHANNEL_LEFT : AUDIO_CHANNEL_RIGHT);
        add_route(media, route);
    }
}

void put_tracks(const EgressStartOptions& o, const Plan& plan, MediaSource& media) {
    const auto& single = o.tracks.size() == 1 ? o.tracks.front() : std::string();
    const bool video = single.starts_with("TR_V");
    const auto audio_track = single.empty() || video ? plan.audio_track : single;
    const auto video_track = video ? single : plan.video_track;
    if (!video_track.empty()) media.set_video_track_id(video_track);
    AudioRoute route;
    route.set_track_id(audio_track);
    if (!audio_track.empty()) add_route(media, route);
}

void put_participant(const EgressStartOptions& o, MediaSource& media) {
    media.mutable_participant_video()->set_identity(o.participant);
    media.mutable_participant_video()->set_prefer_screen_share(o.screen_share);
    AudioRoute route;
    route.set_participant_identity(o.participant);
    add_route(media, route);
}

void put_unified_source(const EgressStartOptions& o, const Plan& plan, StartEgressRequest& request) {
    switch (shape_of(o)) {
        case Shape::Web: return put_page(o, *request.mutable_web());
        case Shape::Participant: return put_participant(o, *request.mutable_media());
        case Shape::Track:
        case Shape::TrackComposite: return put_tracks(o, plan, *request.mutable_media());
        default: break;
    }
    for (const auto& route : plan.routes) add_route(*request.mutable_media(), route);
    if (!plan.routes.empty()) return;
    if (o.channels == "agent-left") return put_agent_left(*request.mutable_media());
    auto& source = *request.mutable_template_();
    source.set_layout(o.layout);
    source.set_audio_only(o.audio_only);
    source.set_video_only(o.video_only);
    source.set_custom_base_url(o.custom_base_url);
}

Result<StartRequest> unified(const EgressStartOptions& o, const Plan& plan, const Env& env) {
    StartEgressRequest request;
    request.set_room_name(o.room);
    put_unified_source(o, plan, request);
    VC_TRY(put_unified_outputs(o, plan, env, request));
    put_encoding(plan, request);
    put_webhooks(plan, request);
    return request;
}

}  // namespace

Result<StartRequest> start_request(const EgressStartOptions& o, const Env& env) {
    VC_TRY_ASSIGN(const auto plan, make_plan(o, env));
    switch (plan.shape) {
        case Shape::RoomComposite: return room_composite(o, plan, env);
        case Shape::Web: return web(o, plan, env);
        case Shape::Participant: return participant(o, plan, env);
        case Shape::TrackComposite: return track_composite(o, plan, env);
        case Shape::Track: return track(o, plan, env);
        case Shape::Unified: return unified(o, plan, env);
    }
    return fail(Errc::Other, "unknown kind of egress");
}

}  // namespace voicectl::commands
