// voicectl profile add, use and remove.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct ProfileAddOptions {
    std::string name;
    bool needs_name = false, use = false, overwrite = false, secret_from_stdin = false;
};
struct ProfileNameOptions {
    std::string name;
};

void add_profile_add(Command profile, Env& env, Run<ProfileAddOptions> run);
Result<void> run_profile_add(const ProfileAddOptions& options, Env& env);

void add_profile_use(Command profile, Env& env, Run<ProfileNameOptions> run);
Result<void> run_profile_use(const ProfileNameOptions& options, Env& env);

void add_profile_remove(Command profile, Env& env, Run<ProfileNameOptions> run);
Result<void> run_profile_remove(const ProfileNameOptions& options, Env& env);

}  // namespace voicectl::commands
