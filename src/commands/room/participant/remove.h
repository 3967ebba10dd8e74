// voicectl room participant remove|move: throw somebody out, or into another room.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct ParticipantRemoveOptions {
    std::string room, identity, revoke_before;
};
struct ParticipantMoveOptions {
    std::string room, identity, to;
};

void add_participant_remove(Command participant, Env& env, Run<ParticipantRemoveOptions> run);
void add_participant_move(Command participant, Env& env, Run<ParticipantMoveOptions> run);
Result<void> run_participant_remove(const ParticipantRemoveOptions& options, Env& env);
Result<void> run_participant_move(const ParticipantMoveOptions& options, Env& env);

}  // namespace voicectl::commands
