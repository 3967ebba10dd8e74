#include "core/rtc/roster.h"

#include <tuple>

namespace voicectl::rtc {

bool Roster::same(const Participant& a, const Participant& b) {
    return std::tie(a.name, a.metadata, a.attributes, a.kind) ==
           std::tie(b.name, b.metadata, b.attributes, b.kind);
}

Roster::Change Roster::present(Participant participant) {
    missing_.erase(participant.identity);
    const auto [at, added] = present_.try_emplace(participant.identity, participant);
    if (added) return RosterChange{RosterChange::What::Joined, std::move(participant)};
    const bool changed = !same(at->second, participant);
    at->second = participant;  // with its new sid
    if (!changed) return std::nullopt;
    return RosterChange{RosterChange::What::Updated, std::move(participant)};
}

Roster::Change Roster::left(const std::string& identity) {
    missing_.erase(identity);
    const auto at = present_.find(identity);
    if (at == present_.end()) return std::nullopt;
    RosterChange change{RosterChange::What::Left, std::move(at->second)};
    present_.erase(at);
    return change;
}

void Roster::missing(const std::string& identity) {
    if (present_.contains(identity)) missing_.insert(identity);
}

void Roster::all_missing() {
    for (const auto& [identity, participant] : present_) missing_.insert(identity);
}

std::vector<RosterChange> Roster::give_up_missing() {
    std::vector<RosterChange> changes;
    for (const auto& identity : std::exchange(missing_, {})) {
        if (auto change = left(identity)) changes.push_back(std::move(*change));
    }
    return changes;
}

std::vector<Participant> Roster::all() const {
    std::vector<Participant> list;
    for (const auto& [identity, participant] : present_) list.push_back(participant);
    return list;
}

}  // namespace voicectl::rtc
