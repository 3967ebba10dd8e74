#include "core/egress/track_lookup.h"

#include "voicectl/base/text.h"

namespace voicectl::egress {
namespace {

constexpr std::chrono::milliseconds kInTime{700};  // of the second in which bids count

std::optional<TrackFound> look(net::HttpClient& http, const livekit::Server& server, const std::string& room, const std::string& track_id) {
    livekit::TwirpClient twirp(http, server, kInTime);
    const auto there = livekit::RoomApi(twirp).participants(room);
    if (!there) return std::nullopt;
    for (const auto& participant : *there)
        for (const auto& track : participant.tracks())
            if (track.sid() == track_id) {
                return TrackFound{track.type() == livekit::proto::AUDIO, participant.identity(), to_lower_ascii(livekit::proto::TrackSource_Name(track.source()))};
            }
    return std::nullopt;
}

}  // namespace

void TrackLookup::find(const std::string& room, const std::string& track_id, std::function<void(std::optional<TrackFound>)> done) {
    parts_.encoders.post([&http = parts_.http, &loop = parts_.loop, server = server_, room, track_id, done = std::move(done)] {
        loop.post([found = look(http, server, room, track_id), done] { done(found); });
    });
}

}  // namespace voicectl::egress
