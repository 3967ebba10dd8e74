#include "commands/egress/outputs.h"

#include <algorithm>
#include <array>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::StreamProtocol;

struct Scheme {
    std::string_view name;
    Target::Kind kind;
    StorageKind storage;
};
constexpr std::array kSchemes{
    Scheme{"file", Target::Kind::File, StorageKind::None},    Scheme{"s3", Target::Kind::File, StorageKind::S3},
    Scheme{"gs", Target::Kind::File, StorageKind::Gcp},       Scheme{"gcs", Target::Kind::File, StorageKind::Gcp},
    Scheme{"az", Target::Kind::File, StorageKind::Azure},     Scheme{"azure", Target::Kind::File, StorageKind::Azure},
    Scheme{"oss", Target::Kind::File, StorageKind::AliOss},   Scheme{"hls", Target::Kind::Segments, StorageKind::None},
    Scheme{"images", Target::Kind::Images, StorageKind::None}, Scheme{"rtmp", Target::Kind::Stream, StorageKind::None},
    Scheme{"rtmps", Target::Kind::Stream, StorageKind::None}, Scheme{"mux", Target::Kind::Stream, StorageKind::None},
    Scheme{"twitch", Target::Kind::Stream, StorageKind::None}, Scheme{"srt", Target::Kind::Stream, StorageKind::None},
    Scheme{"ws", Target::Kind::Stream, StorageKind::None},    Scheme{"wss", Target::Kind::Stream, StorageKind::None},
};

constexpr const char* kHow =
    "write it like file:recordings/{room_name}.ogg, s3:calls/{time}.mp3, hls:live/demo, images:thumbs/demo, rtmps://host/app/key, srt://… or wss://…";

StreamProtocol protocol_of(const std::string& url) {
    if (url.starts_with("srt:")) return livekit::proto::SRT;
    if (url.starts_with("ws")) return livekit::proto::WEBSOCKET;
    return livekit::proto::RTMP;
}

// What stands behind the host and the application is the key of the stream.
void register_stream_key(const std::string& url) {
    const auto slash = url.rfind('/');
    if (slash != std::string::npos && slash + 1 < url.size()) register_secret(url.substr(slash + 1));
    if (const auto query = url.find('?'); query != std::string::npos) register_secret(url.substr(query + 1));
}

Result<void> check_stream(const std::string& url) {
    if (!url.starts_with("rtmp")) return {};
    const auto host = url.find("://");
    if (host != std::string::npos && std::count(url.begin() + static_cast<std::ptrdiff_t>(host) + 3, url.end(), '/') >= 2) return {};
    return fail_with_hint(Errc::Usage, "an RTMP output must look like rtmp://host/app/key", kHow);
}

// s3://bucket/key names its bucket, s3:key leaves it to --bucket.
Result<void> split_bucket(Target& target) {
    if (!target.path.starts_with("//")) return {};
    if (target.storage == StorageKind::None) {
        target.path.erase(0, 2);
        return {};
    }
    const auto slash = target.path.find('/', 2);
    target.bucket = target.path.substr(2, slash == std::string::npos ? slash : slash - 2);
    target.path = slash == std::string::npos ? "" : target.path.substr(slash + 1);
    if (target.bucket.empty()) return fail_with_hint(Errc::Usage, "the output names no bucket", kHow);
    return {};
}

std::unexpected<Error> too_many(std::string_view what) {
    return fail_with_hint(Errc::Usage, fmt::format("one recording has at most one {} output", what), "start a second egress for the other");
}

Result<void> add_stream(OutputPlan& plan, const std::string& url) {
    VC_TRY(check_stream(url));
    register_stream_key(url);
    const auto protocol = protocol_of(url);
    if (!plan.stream_urls.empty() && protocol != plan.protocol) return too_many("kind of stream");
    plan.protocol = protocol;
    plan.stream_urls.push_back(url);
    return {};
}

Result<void> add_target(OutputPlan& plan, Target target) {
    switch (target.kind) {
        case Target::Kind::Stream: return add_stream(plan, target.path);
        case Target::Kind::File:
            if (plan.file) return too_many("file");
            VC_TRY(file_type(target.path));
            plan.file = std::move(target);
            return {};
        case Target::Kind::Segments:
            if (plan.segments) return too_many("hls");
            plan.segments = std::move(target);
            return {};
        case Target::Kind::Images: plan.images.push_back(std::move(target)); return {};
    }
    return {};
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
    const auto colon = text.find(':');
    const auto name = to_lower_ascii(text.substr(0, colon));
    const auto scheme = std::find_if(kSchemes.begin(), kSchemes.end(), [&](const Scheme& one) { return one.name == name; });
    if (colon == std::string_view::npos || scheme == kSchemes.end())
        return fail_with_hint(Errc::Usage, fmt::format("cannot tell what output '{}' is", terminal_safe(redact(livekit::without_secrets(std::string(text))))), kHow);
    Target target{scheme->kind, std::string(text.substr(colon + 1)), {}, scheme->storage};
    if (target.kind == Target::Kind::Stream) {
        target.path = name + std::string(text.substr(colon));
        if (!target.path.substr(colon).starts_with("://")) return fail_with_hint(Errc::Usage, fmt::format("'{}:' wants a URL", name), kHow);
        return target;
    }
    VC_TRY(split_bucket(target));
    return target;
}

Result<OutputPlan> plan_outputs(const std::vector<std::string>& targets) {
    OutputPlan plan;
    for (const auto& text : targets) {
        VC_TRY_ASSIGN(auto target, parse_target(text));
        VC_TRY(add_target(plan, std::move(target)));
    }
    if (targets.empty()) return fail_with_hint(Errc::Usage, "where should the recording go?", std::string("give --out; ") + kHow);
    return plan;
}

std::vector<std::string> OutputPlan::paths() const {
    std::vector<std::string> out;
    if (file) out.push_back(file->path);
    if (segments) out.push_back(segments->path);
    for (const auto& one : images) out.push_back(one.path);
    return out;
}

Result<livekit::proto::EncodedFileType> file_type(const std::string& path) {
    const auto name = to_lower_ascii(path.substr(path.rfind('/') + 1));
    const auto dot = name.rfind('.');
    if (dot == std::string::npos || name.find('}', dot) != std::string::npos) return livekit::proto::DEFAULT_FILETYPE;
    const auto ending = name.substr(dot);
    if (ending == ".mp4") return livekit::proto::MP4;
    if (ending == ".ogg") return livekit::proto::OGG;
    if (ending == ".mp3") return livekit::proto::MP3;
    for (const char* other : {".wav", ".flac", ".webm", ".mkv", ".m4a", ".aac", ".opus"}) {
        if (ending == other)
            return fail_with_hint(Errc::Usage, fmt::format("an egress service writes no {} files", ending), "it writes .ogg, .mp3 and .mp4");
    }
    return livekit::proto::DEFAULT_FILETYPE;  // the service appends its own
}

std::vector<std::string> unknown_templates(std::string_view path, const std::vector<std::string_view>& known) {
    std::vector<std::string> out;
    for (auto open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1)) {
        const auto close = path.find('}', open);
        if (close == std::string_view::npos) break;
        const auto name = path.substr(open + 1, close - open - 1);
        if (std::find(known.begin(), known.end(), name) == known.end()) out.emplace_back(path.substr(open, close - open + 1));
    }
    return out;
}

}  // namespace voicectl::commands
