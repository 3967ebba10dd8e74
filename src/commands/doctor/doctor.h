// voicectl doctor: what is wrong with this setup, and what to do about it.
#pragma once

#include "commands/command.h"
#include "commands/doctor/checkup.h"

namespace voicectl::commands {

struct DoctorOptions {
    Selection selection;
    std::vector<std::string> agents;
    std::string config, store;
    std::string agent_wait = "15s";
    bool egress = false;
};

void add_doctor(Command root, Env& env, Run<DoctorOptions> run);
Result<void> run_doctor(const DoctorOptions& options, Env& env);

}  // namespace voicectl::commands
