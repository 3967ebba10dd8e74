#include "commands/call/recording.h"

#include "commands/egress/outputs.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::RoomCompositeEgressRequest;

constexpr const char* kDefaultPath = "recordings/{room_name}.ogg";

bool has_bucket(const Getenv& environment) { return environment("RECORDING_S3_BUCKET") || environment("S3_BUCKET"); }

Result<std::vector<livekit::proto::EgressInfo>> listed(livekit::TwirpClient& twirp, const std::string& room, bool active) {
    livekit::proto::ListEgressRequest request;
    request.set_room_name(room);
    request.set_active(active);
    auto items = livekit::EgressApi(twirp).list(request);
    if (!items && livekit::lacks_redis(items.error())) return std::vector<livekit::proto::EgressInfo>{};
    return items;
}

}  // namespace

Result<RoomCompositeEgressRequest> recording_request(const std::string& target, const std::string& room, const Env::Getenv& environment) {
    const bool automatic = target == "auto";
    const bool s3 = automatic ? has_bucket(environment) : target.starts_with("s3:");
    if (!automatic && !s3 && !target.starts_with("file:"))
        return fail_with_hint(Errc::Usage, fmt::format("--record={} is no place to record to", terminal_safe(target)), "write it like --record=file:recordings/{room_name}.ogg or --record=s3:calls/{room_name}.mp3");
    auto path = automatic ? std::string() : target.substr(target.find(':') + 1);
    if (path.empty() && !automatic)
        return fail_with_hint(Errc::Usage, fmt::format("--record={} names no place", terminal_safe(target)), fmt::format("--record alone takes {}", kDefaultPath));
    if (automatic) path = kDefaultPath;
    RoomCompositeEgressRequest request;
    request.set_room_name(room);
    request.set_audio_only(true);
    auto& file = *request.add_file_outputs();
    VC_TRY_ASSIGN(const auto type, file_type(path));
    if (type == livekit::proto::DEFAULT_FILETYPE)
        return fail_with_hint(Errc::Usage, fmt::format("--record: the form of '{}' is not known", terminal_safe(path)), "end it with .ogg, .mp3 or .mp4");
    file.set_file_type(type);
    file.set_filepath(path);
    if (s3) {
        VC_TRY_ASSIGN(const auto storage, storage_config({}, StorageKind::S3, {}, environment));
        put_storage(storage, file);
    }
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
