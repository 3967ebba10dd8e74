#include "commands/doctor/patient.h"

#include <algorithm>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr std::chrono::seconds kPatience{5};
constexpr std::uint32_t kRoomLife = 30;  // seconds

}  // namespace

std::pair<std::string, std::string> Patient::given_url() const {
    const auto settings = env.settings();
    return settings ? std::pair{settings->url.origin, settings->url.value} : std::pair<std::string, std::string>();
}

Result<net::Url> Patient::url() const {
    VC_TRY_ASSIGN(const auto base, livekit::http_base(given_url().second));
    return net::parse_url(base);
}

std::chrono::milliseconds Patient::limit() const {
    return std::min<std::chrono::milliseconds>(env.timeout().value_or(kPatience), kPatience);
}

Result<livekit::TwirpClient> Patient::twirp() {
    VC_TRY_ASSIGN(auto server, env.server());
    return env.new_twirp(std::move(server), limit());
}

Result<void> Patient::consent() {
    if (!consent_) {
        env.out.progress("");
        consent_ = env.change("make rooms for a moment");
    }
    return *consent_;
}

Result<std::unique_ptr<ThrowawayRoom>> ThrowawayRoom::create(Patient& patient) {
    VC_TRY_ASSIGN(auto twirp, patient.twirp());
    livekit::proto::CreateRoomRequest request;
    request.set_name("voicectl-doctor-" + random_id(10));
    request.set_empty_timeout(kRoomLife);
    request.set_departure_timeout(kRoomLife);
    VC_TRY(livekit::RoomApi(twirp).create(request));
    return std::unique_ptr<ThrowawayRoom>(new ThrowawayRoom(patient, request.name()));
}

ThrowawayRoom::~ThrowawayRoom() {
    auto twirp = patient_.twirp();
    if (!twirp) return;
    const auto gone = livekit::RoomApi(*twirp).remove(name_);
    if (!gone && gone.error().code != Errc::NotFound)
        patient_.env.out.warn(fmt::format("room {} could not be deleted ({}); it ends by itself within {} s", name_, gone.error().message, kRoomLife));
}

}  // namespace voicectl::commands
