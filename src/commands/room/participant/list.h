// voicectl room participant list|get: who is in a room, with what tracks.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct ParticipantOptions {
    std::string room, identity;  // identity empty: all
};

void add_participant_list(Command participant, Env& env, Run<ParticipantOptions> run);
void add_participant_get(Command participant, Env& env, Run<ParticipantOptions> run);
Result<void> run_participant_list(const ParticipantOptions& options, Env& env);
Result<void> run_participant_get(const ParticipantOptions& options, Env& env);

}  // namespace voicectl::commands
