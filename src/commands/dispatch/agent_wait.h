// Waiting until a dispatched agent is really in its room. Truth is a participant of kind AGENT with that
// agent name; what the dispatch itself says of its jobs comes late and never changes.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "commands/env.h"
#include "commands/interrupt.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

struct AgentWait {
    std::string room, agent, dispatch_id;
    std::chrono::milliseconds limit{30000};
    std::set<std::string> already_there;  // participant sids that do not count
    Interrupt* interrupt = nullptr;       // absent: Ctrl-C ends the process
};

struct AgentArrival {
    livekit::proto::ParticipantInfo participant;
    std::chrono::milliseconds after{0};
    std::optional<std::chrono::milliseconds> audio_after;  // it published an audio track
};

/// Sids of the agents of that name in the room.
Result<std::set<std::string>> agents_in(livekit::TwirpClient& twirp, const std::string& room, const std::string& agent);

/// Looks four times a second. Timeout tells what was seen and the likely causes (absence.h); NotFound at once
/// when the room goes.
Result<AgentArrival> wait_for_agent(Env& env, livekit::TwirpClient& twirp, const AgentWait& wait, TimePoint begun);

/// Up to 5 s more, for the agent's first audio track; one that publishes none is no failure, one that left
/// again meanwhile is (Timeout).
Result<void> wait_for_audio(livekit::TwirpClient& twirp, const AgentWait& wait, TimePoint begun, AgentArrival& arrival);

Json arrival_json(const AgentArrival& arrival);

}  // namespace voicectl::commands
