// voicectl room participant mute: silence tracks of a participant, or let them sound again.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct ParticipantMuteOptions {
    std::string room, identity, kind;
    std::vector<std::string> tracks;
    bool unmute = false;
};

void add_participant_mute(Command participant, Env& env, Run<ParticipantMuteOptions> run);
Result<void> run_participant_mute(const ParticipantMuteOptions& options, Env& env);

}  // namespace voicectl::commands
