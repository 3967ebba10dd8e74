// voicectl webhook replay: captured deliveries sent again.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct WebhookReplayOptions {
    std::string file;
    std::vector<std::string> to;
    std::vector<std::string> ids, events, rooms;
    std::string since, until;
    std::string speed = "max";
    double rate = 0;  // per second; 0: as fast as it goes
    unsigned concurrency = 16, attempts = 5;
    bool verbatim = false, set_time = false, new_id = false, fail_fast = false, anew = false;
    std::string resume;  // "default": beside the file
};

void add_webhook_replay(Command webhook, Env& env, Run<WebhookReplayOptions> run);
Result<void> run_webhook_replay(const WebhookReplayOptions& options, Env& env);

}  // namespace voicectl::commands
