// Why an agent did not come, as far as the server's data tells.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "commands/dispatch/agent_wait.h"

namespace voicectl::commands {

/// What was seen while waiting, and at the end of it.
struct Absence {
    std::vector<livekit::proto::ParticipantInfo> people;  // in the room, at the end
    bool half_way = false;                                // our agent among them, but not connected
    std::size_t left = 0;                                 // agents of that name that came and went
    std::vector<livekit::proto::JobState> jobs;           // of our dispatch; known with Redis only
    std::map<std::string, std::size_t> elsewhere;         // agent name → rooms of this server that it serves
    std::vector<std::string> refusals = {};               // reasons of agents that share our store, in order
};

/// Fills jobs, elsewhere and refusals. What cannot be learnt stays empty.
void look_around(Env& env, livekit::TwirpClient& twirp, const AgentWait& wait, Absence& absence);

/// Timeout: what was seen, and in the hint what that most likely means.
Error explain(const AgentWait& wait, const Absence& absence);

}  // namespace voicectl::commands
