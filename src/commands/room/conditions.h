// What `room wait` waits for, and whether a look at the room meets it. Values.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "commands/output.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

struct Condition {
    enum class Kind { Exists, Gone, Empty, Participants, Agent, Audio, Egress, Metadata } kind;
    std::string text;   // as it was given
    std::string value;  // after the '='
    std::size_t count = 0;
};

/// Usage when it is none.
Result<Condition> parse_condition(const std::string& text);

/// Usage for those that can never hold at the same time.
Result<void> check_together(const std::vector<Condition>& conditions);

/// One look at the room, as far as the conditions need it.
struct RoomLook {
    std::optional<livekit::proto::Room> room;
    std::vector<livekit::proto::ParticipantInfo> people;  // whoever counts: no recorders, nobody hidden
    std::vector<livekit::proto::EgressInfo> egress;
    std::set<std::string> heard;  // identities whose voice was heard since we listen
};

bool holds(const Condition& condition, const RoomLook& look);
/// Of all who are listed, those that a person would count.
std::vector<livekit::proto::ParticipantInfo> who_counts(const std::vector<livekit::proto::ParticipantInfo>& all);
/// "2 participants: ann (STANDARD, ACTIVE, microphone), …".
std::string in_words(const RoomLook& look);

}  // namespace voicectl::commands
