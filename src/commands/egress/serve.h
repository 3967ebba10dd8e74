// `voicectl egress serve`: a recorder that LiveKit takes as its egress worker.
#pragma once

#include <string>

#include "commands/command.h"
#include "commands/egress/storage.h"

namespace voicectl::commands {

struct EgressServeOptions {
    std::string redis, folder, files, health, drain, max_duration, ready_file, log_format = "pretty";
    int max_jobs = 0, max_cpu = 85, min_free_mb = 512;
    double max_mb = 0;
    bool any_path = false, participants = false, silent = false;
    StorageOptions storage;
};

void add_egress_serve(Command egress, Env& env, Run<EgressServeOptions> run);
Result<void> run_egress_serve(const EgressServeOptions& options, Env& env);

}  // namespace voicectl::commands
