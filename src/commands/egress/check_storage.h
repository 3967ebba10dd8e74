// voicectl egress check-storage: can recordings be stored? Proved by storing something.
#pragma once

#include "commands/command.h"
#include "commands/egress/storage.h"

namespace voicectl::commands {

struct EgressCheckStorageOptions {
    StorageOptions storage{.kind = "s3"};
    std::string prefix, path;
};
void add_egress_check_storage(Command egress, Env& env, Run<EgressCheckStorageOptions> run);
Result<void> run_egress_check_storage(const EgressCheckStorageOptions& options, Env& env);

}  // namespace voicectl::commands
