// voicectl room participant update: name, metadata, attributes and permissions of a participant.
#pragma once

#include <optional>

#include "commands/command.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

struct ParticipantUpdateOptions {
    std::string room, identity;
    std::optional<std::string> name, metadata;
    std::vector<std::string> attributes, allow, deny, sources;
    bool merge = false;
};

void add_participant_update(Command participant, Env& env, Run<ParticipantUpdateOptions> run);
Result<void> run_participant_update(const ParticipantUpdateOptions& options, Env& env);

/// What the flags say by themselves, payloads read; Usage for what makes no sense. Nothing is asked of the server.
Result<livekit::proto::UpdateParticipantRequest> asked_update(const ParticipantUpdateOptions& options);
/// The request, given how the participant is now: the server replaces all permissions, so those that are not named come
/// from there.
Result<livekit::proto::UpdateParticipantRequest> update_request(const ParticipantUpdateOptions& options,
                                                               const livekit::proto::ParticipantInfo& now);

}  // namespace voicectl::commands
