#include "commands/call/recording.h"

#include <algorithm>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::EncodedFileOutput;
using livekit::proto::EncodedFileType;
using livekit::proto::RoomCompositeEgressRequest;

constexpr const char* kDefaultPath = "recordings/{room_name}.ogg";

std::string setting(const Env::Getenv& environment, std::initializer_list<const char*> names) {
    for (const char* prefix : {"RECORDING_S3_", "S3_"})
        for (const char* name : names)
            if (auto value = environment(std::string(prefix) + name)) return *value;
    return {};
}

Result<void> set_s3(EncodedFileOutput& file, const Env::Getenv& environment) {
    auto& s3 = *file.mutable_s3();
    s3.set_access_key(setting(environment, {"ACCESS_KEY"}));
    s3.set_secret(setting(environment, {"SECRET_KEY", "SECRET"}));
    s3.set_bucket(setting(environment, {"BUCKET"}));
    s3.set_region(setting(environment, {"REGION"}));
    s3.set_endpoint(setting(environment, {"ENDPOINT"}));
    s3.set_force_path_style(!s3.endpoint().empty());
    register_secret(s3.secret());
    if (!s3.bucket().empty() && !s3.access_key().empty() && !s3.secret().empty()) return {};
    return fail_with_hint(Errc::Usage, fmt::format("--record=s3: but no {}", s3.bucket().empty() ? "bucket" : s3.access_key().empty() ? "access key" : "secret key"),
                          "set RECORDING_S3_BUCKET, RECORDING_S3_ACCESS_KEY and RECORDING_S3_SECRET_KEY (or the same without RECORDING_)");
}

Result<EncodedFileType> file_type(const std::string& path) {
    const auto name = to_lower_ascii(path);
    if (name.ends_with(".ogg")) return EncodedFileType::OGG;
    if (name.ends_with(".mp3")) return EncodedFileType::MP3;
    if (name.ends_with(".mp4")) return EncodedFileType::MP4;
    return fail_with_hint(Errc::Usage, fmt::format("--record: the form of '{}' is not known", terminal_safe(path)), "end it with .ogg, .mp3 or .mp4");
}

Result<std::vector<livekit::proto::EgressInfo>> listed(livekit::TwirpClient& twirp, const std::string& room, bool active) {
    livekit::proto::ListEgressRequest request;
    request.set_room_name(room);
    request.set_active(active);
    auto items = livekit::EgressApi(twirp).list(request);
    if (!items && items.error().message.find("redis required") != std::string::npos) return std::vector<livekit::proto::EgressInfo>{};
    return items;
}

}  // namespace

Result<RoomCompositeEgressRequest> recording_request(const std::string& target, const std::string& room, const Env::Getenv& environment) {
    const bool automatic = target == "auto";
    const bool s3 = automatic ? !setting(environment, {"BUCKET"}).empty() : target.starts_with("s3:");
    if (!automatic && !s3 && !target.starts_with("file:"))
        return fail_with_hint(Errc::Usage, fmt::format("--record={} is no place to record to", terminal_safe(target)), "write it like --record=file:recordings/{room_name}.ogg or --record=s3:calls/{room_name}.mp3");
    auto path = automatic ? std::string() : target.substr(target.find(':') + 1);
    if (path.empty()) path = kDefaultPath;
    RoomCompositeEgressRequest request;
    request.set_room_name(room);
    request.set_audio_only(true);
    auto& file = *request.add_file_outputs();
    VC_TRY_ASSIGN(const auto type, file_type(path));
    file.set_file_type(type);
    file.set_filepath(path);
    if (s3) VC_TRY(set_s3(file, environment));
    return request;
}

std::string recording_place(const RoomCompositeEgressRequest& request) {
    const auto& file = request.file_outputs(0);
    return file.has_s3() ? fmt::format("s3:{}/{}", file.s3().bucket(), file.filepath()) : "file:" + file.filepath();
}

Result<livekit::proto::EgressInfo> start_recording(livekit::TwirpClient& twirp, const RoomCompositeEgressRequest& request) {
    livekit::proto::ListEgressRequest any;
    any.set_room_name(request.room_name());
    VC_TRY(livekit::EgressApi(twirp).list(any));
    return livekit::EgressApi(twirp).start_room_composite(request);
}

Result<std::vector<livekit::proto::EgressInfo>> active_recordings(livekit::TwirpClient& twirp, const std::string& room) { return listed(twirp, room, true); }

Result<std::vector<livekit::proto::EgressInfo>> recordings_of(livekit::TwirpClient& twirp, const std::string& room) { return listed(twirp, room, false); }

}  // namespace voicectl::commands
