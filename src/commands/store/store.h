// `voicectl store info`, `migrate`, `check` and `vacuum`: a store as a whole.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct StoreInfoOptions {
    std::string store;
};
void add_store_info(Command store, Env& env, Run<StoreInfoOptions> run);
Result<void> run_store_info(const StoreInfoOptions& options, Env& env);

struct StoreMigrateOptions {
    std::string store;
    bool no_backup = false;
};
void add_store_migrate(Command store, Env& env, Run<StoreMigrateOptions> run);
Result<void> run_store_migrate(const StoreMigrateOptions& options, Env& env);

struct StoreCheckOptions {
    std::string store;
};
void add_store_check(Command store, Env& env, Run<StoreCheckOptions> run);
Result<void> run_store_check(const StoreCheckOptions& options, Env& env);

struct StoreVacuumOptions {
    std::string store, older_than;
};
void add_store_vacuum(Command store, Env& env, Run<StoreVacuumOptions> run);
Result<void> run_store_vacuum(const StoreVacuumOptions& options, Env& env);

}  // namespace voicectl::commands
