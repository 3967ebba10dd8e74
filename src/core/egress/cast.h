// Who of a room is recorded, and on which side: a plan's routes met with the tracks that come. A value with rules; one owner.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "voicectl/egress/plan.h"

namespace voicectl::egress {

class Cast {
 public:
    explicit Cast(const Plan& plan) : plan_(plan) {}

    /// Somebody is there; before their tracks.
    void meet(const rtc::Participant& who);
    /// The side of a track, or nothing: it is not recorded. The same track, come again under another sid, keeps its side.
    std::optional<Side> side_of(const rtc::TrackInfo& track);
    /// It is not there any more; who has its name next is taken for it.
    void forget(const std::string& track_sid) { present_.erase(track_sid); }
    /// The first of the routes' tracks and participants that was never there; empty: all were. "participant X not found".
    std::string missing() const;

 private:
    std::optional<Side> place(const rtc::TrackInfo& track);

    const Plan& plan_;
    std::map<std::string, rtc::ParticipantKind> kinds_;  // by identity
    struct Known {
        std::string sid;
        std::optional<Side> side;
    };
    std::map<std::string, Known> known_;      // by who and what it is called
    std::set<std::string> tracks_, present_;  // sids seen, and there now
    std::size_t alternating_ = 0;
};

/// What a track is called over its comings and goings.
std::string key_of(const rtc::TrackInfo& track);

}  // namespace voicectl::egress
