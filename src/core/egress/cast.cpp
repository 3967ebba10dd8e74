#include "cast.h"

#include <algorithm>

namespace voicectl::egress {

std::string key_of(const rtc::TrackInfo& track) {
    return track.participant_identity + '\n' + track.name + (track.microphone ? "\nmicrophone" : "\n");
}

void Cast::meet(const rtc::Participant& who) { kinds_[who.identity] = who.kind; }

std::optional<Side> Cast::side_of(const rtc::TrackInfo& track) {
    if (!track.audio) return std::nullopt;
    tracks_.insert(track.sid);
    present_.insert(track.sid);
    auto& known = known_[key_of(track)];
    // Two tracks of one person may have one name: each is itself, then.
    if (known.sid.empty() || (known.sid != track.sid && present_.contains(known.sid)) || !known.side) known = {track.sid, place(track)};
    known.sid = track.sid;
    return known.side;
}

std::optional<Side> Cast::place(const rtc::TrackInfo& track) {
    const auto who = kinds_.find(track.participant_identity);
    const auto kind = who == kinds_.end() ? rtc::ParticipantKind::Standard : who->second;
    if (kind == rtc::ParticipantKind::Egress) return std::nullopt;
    for (const auto& route : plan_.routes) {
        const bool fits = route.by == Route::By::Track         ? route.id == track.sid
                          : route.by == Route::By::Participant ? route.id == track.participant_identity
                                                               : route.kind == kind;
        if (fits) return route.side;
    }
    if (!plan_.rest) return std::nullopt;
    switch (plan_.sides) {
        case Plan::Sides::AgentLeft: return kind == rtc::ParticipantKind::Agent ? Side::Left : Side::Right;
        case Plan::Sides::Alternate: return alternating_++ % 2 == 0 ? Side::Left : Side::Right;
        case Plan::Sides::Both: break;
    }
    return Side::Both;
}

std::string Cast::missing() const {
    for (const auto& route : plan_.routes) {
        if (route.by == Route::By::Track && !tracks_.contains(route.id)) return fmt::format("track {} not found", route.id);
        if (route.by == Route::By::Participant && !kinds_.contains(route.id)) return fmt::format("participant {} not found", route.id);
    }
    return {};
}

}  // namespace voicectl::egress
