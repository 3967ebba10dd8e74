// Waiting until a dispatched agent is really in its room. Truth is a participant of kind AGENT with that
// agent name; what the dispatch itself says of its jobs comes late and never changes.
#pragma once

#include <chrono>
#include <set>
#include <string>

#include "commands/env.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

struct AgentWait {
    std::string room, agent, dispatch_id;
    std::chrono::milliseconds limit{30000};
    std::set<std::string> already_there;  // participant sids that do not count
};

struct AgentArrival {
    livekit::proto::ParticipantInfo participant;
    std::chrono::milliseconds after{0};
};

/// Sids of the agents of that name in the room.
Result<std::set<std::string>> agents_in(livekit::TwirpClient& twirp, const std::string& room, const std::string& agent);

/// Looks four times a second. Timeout tells what was seen and the likely causes; NotFound at once when the
/// room goes.
Result<AgentArrival> wait_for_agent(Env& env, livekit::TwirpClient& twirp, const AgentWait& wait, TimePoint begun);

Json arrival_json(const AgentArrival& arrival);

}  // namespace voicectl::commands
