// voicectl profile list
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct ProfileListOptions {};

void add_profile_list(Command profile, Env& env, Run<ProfileListOptions> run);
Result<void> run_profile_list(const ProfileListOptions& options, Env& env);

}  // namespace voicectl::commands
