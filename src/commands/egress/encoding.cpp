#include <algorithm>
#include <array>
#include <charconv>

#include "commands/egress/request.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::AudioRoute;
using livekit::proto::EncodingOptions;
using livekit::proto::ParticipantInfo;

std::string enum_name(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return text;
}

Result<int> number(const std::string& key, const std::string& text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1) return fail(Errc::Usage, "--advanced {}={} is no whole number above zero", key, text);
    return value;
}

using SetNumber = void (*)(EncodingOptions&, int);
struct EncodingSetting {
    std::string_view key;
    SetNumber set;
};
constexpr std::array kNumbers{
    EncodingSetting{"width", [](EncodingOptions& o, int v) { o.set_width(v); }},
    EncodingSetting{"height", [](EncodingOptions& o, int v) { o.set_height(v); }},
    EncodingSetting{"depth", [](EncodingOptions& o, int v) { o.set_depth(v); }},
    EncodingSetting{"framerate", [](EncodingOptions& o, int v) { o.set_framerate(v); }},
    EncodingSetting{"audio-bitrate", [](EncodingOptions& o, int v) { o.set_audio_bitrate(v); }},
    EncodingSetting{"audio-frequency", [](EncodingOptions& o, int v) { o.set_audio_frequency(v); }},
    EncodingSetting{"video-bitrate", [](EncodingOptions& o, int v) { o.set_video_bitrate(v); }},
    EncodingSetting{"key-frame-interval", [](EncodingOptions& o, int v) { o.set_key_frame_interval(v); }},
};

std::string known_keys() {
    std::string out = "audio-codec, video-codec";
    for (const auto& one : kNumbers) out += fmt::format(", {}", one.key);
    return out;
}

Result<void> set_audio_codec(EncodingOptions& out, const std::string& text) {
    livekit::proto::AudioCodec codec{};
    const auto name = enum_name(text);
    if (!livekit::proto::AudioCodec_Parse(name == "MP3" ? "AC_MP3" : name, &codec))
        return fail_with_hint(Errc::Usage, fmt::format("unknown audio codec '{}'", terminal_safe(text)), "opus, aac or mp3");
    out.set_audio_codec(codec);
    return {};
}

Result<void> set_video_codec(EncodingOptions& out, const std::string& text) {
    livekit::proto::VideoCodec codec{};
    if (!livekit::proto::VideoCodec_Parse(enum_name(text), &codec))
        return fail_with_hint(Errc::Usage, fmt::format("unknown video codec '{}'", terminal_safe(text)), "h264-baseline, h264-main, h264-high or vp8");
    out.set_video_codec(codec);
    return {};
}

Result<void> set_one(EncodingOptions& out, const std::string& key, const std::string& value) {
    if (key == "audio-codec") return set_audio_codec(out, value);
    if (key == "video-codec") return set_video_codec(out, value);
    const auto found = std::find_if(kNumbers.begin(), kNumbers.end(), [&](const EncodingSetting& one) { return one.key == key; });
    if (found == kNumbers.end())
        return fail_with_hint(Errc::Usage, fmt::format("unknown --advanced setting '{}'", terminal_safe(key)), known_keys());
    VC_TRY_ASSIGN(const int count, number(key, value));
    found->set(out, count);
    return {};
}

AudioRoute of_kind(ParticipantInfo::Kind kind) {
    AudioRoute route;
    route.set_participant_kind(kind);
    return route;
}

Result<std::vector<AudioRoute>> of_kinds(const std::string& name) {
    if (name == "caller") return std::vector{of_kind(ParticipantInfo::STANDARD), of_kind(ParticipantInfo::SIP)};
    ParticipantInfo::Kind kind{};
    if (!ParticipantInfo::Kind_Parse(enum_name(name), &kind))
        return fail_with_hint(Errc::Usage, fmt::format("unknown kind of participant '{}'", terminal_safe(name)), "agent, caller, standard, sip, ingress or connector");
    return std::vector{of_kind(kind)};
}

Result<std::vector<AudioRoute>> match(const std::string& text) {
    AudioRoute route;
    if (text.starts_with("kind:")) return of_kinds(text.substr(5));
    if (text.starts_with("track:") || text.starts_with("TR_")) {
        route.set_track_id(text.starts_with("TR_") ? text : text.substr(6));
    } else if (text.starts_with("identity:")) {
        route.set_participant_identity(text.substr(9));
    } else {
        for (const char* kind : {"agent", "caller", "sip", "standard"})
            if (text == kind) return of_kinds(text);
        route.set_participant_identity(text);
    }
    return std::vector{route};
}

}  // namespace

Result<EncodingOptions> parse_advanced(const std::vector<std::string>& settings) {
    EncodingOptions out;
    for (const auto& text : settings) {
        const auto pair = parse_assignment(text);
        if (!pair) return fail_with_hint(Errc::Usage, fmt::format("'{}' is not KEY=VALUE", terminal_safe(text)), "write it like --advanced audio-bitrate=64,audio-codec=opus");
        VC_TRY(set_one(out, pair->first, pair->second));
    }
    return out;
}

Result<livekit::proto::EncodingOptionsPreset> parse_preset(const std::string& name) {
    livekit::proto::EncodingOptionsPreset preset{};
    if (livekit::proto::EncodingOptionsPreset_Parse(enum_name(name), &preset)) return preset;
    return fail_with_hint(Errc::Usage, fmt::format("unknown preset '{}'", terminal_safe(name)),
                          "h264-720p-30, h264-720p-60, h264-1080p-30, h264-1080p-60, each also as portrait-…, or passthrough");
}

Result<std::vector<AudioRoute>> parse_route(const std::string& text, livekit::proto::AudioChannel channel) {
    if (text.empty() || text.ends_with(':')) return fail_with_hint(Errc::Usage, "whose sound?", "an identity, agent, caller, sip or TR_…");
    VC_TRY_ASSIGN(auto routes, match(text));
    for (auto& one : routes) one.set_channel(channel);
    return routes;
}

}  // namespace voicectl::commands
