// Who else is in the room, as the observer was told. A value with rules, no threads: a change goes in, and
// out comes what there is to tell. Who vanishes while the connection is being made anew is only missing for
// a while: everybody in the room reconnects at the same time.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "voicectl/rtc/room.h"

namespace voicectl::rtc {

struct RosterChange {
    enum class What { Joined, Updated, Left } what;
    Participant participant;
};

class Roster {
 public:
    using Change = std::optional<RosterChange>;

    /// Joined, Updated when known with other values, or nothing new.
    Change present(Participant participant);
    Change left(const std::string& identity);
    /// Gone for the moment.
    void missing(const std::string& identity);
    void all_missing();
    /// The moment is over: those that did not come back.
    std::vector<RosterChange> give_up_missing();

    template<class Edit>
    Change edit(const std::string& identity, Edit apply) {
        const auto at = present_.find(identity);
        if (at == present_.end()) return std::nullopt;
        const auto before = at->second;
        apply(at->second);
        if (same(before, at->second)) return std::nullopt;
        return RosterChange{RosterChange::What::Updated, at->second};
    }

    std::vector<Participant> all() const;

 private:
    static bool same(const Participant& a, const Participant& b);
    std::map<std::string, Participant> present_;
    std::set<std::string> missing_;
};

}  // namespace voicectl::rtc
