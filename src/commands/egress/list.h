// voicectl egress list, get and wait: recordings as the server knows them.
#pragma once

#include <chrono>

#include "commands/command.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

struct EgressListOptions {
    std::string room, since, watch;
    std::vector<std::string> statuses;
    bool active = false, all = false;
    std::size_t limit = 100;
};
void add_egress_list(Command egress, Env& env, Run<EgressListOptions> run);
Result<void> run_egress_list(const EgressListOptions& options, Env& env);

struct EgressGetOptions {
    std::vector<std::string> ids;
    std::string watch;
};
void add_egress_get(Command egress, Env& env, Run<EgressGetOptions> run);
Result<void> run_egress_get(const EgressGetOptions& options, Env& env);

struct EgressWaitOptions {
    std::vector<std::string> ids;
    std::string until = "complete", timeout;
};
void add_egress_wait(Command egress, Env& env, Run<EgressWaitOptions> run);
Result<void> run_egress_wait(const EgressWaitOptions& options, Env& env);

/// Those that fit, newest first. Usage when `since` cannot be read.
Result<std::vector<livekit::proto::EgressInfo>> filter_egress(std::vector<livekit::proto::EgressInfo> items, const EgressListOptions& options,
                                                              std::chrono::system_clock::time_point now);

}  // namespace voicectl::commands
