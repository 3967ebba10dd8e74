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

/// Nothing with --dry-run.
Result<void> write_config_unless_dry(const ConfigFile& config, Env& env);
/// Of a file that is there and holds a secret; profiles are used from any folder.
Result<std::string> absolute_secret_file(const std::string& path);

}  // namespace voicectl::commands
