// voicectl webhook trigger: a sample event, signed as LiveKit signs, to a receiver or to standard output.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct WebhookTriggerOptions {
    std::string event;
    std::string to;
    std::string room = "demo", participant = "ann";
    std::vector<std::string> set;  // path=value
    bool print = false, list = false;
};

void add_webhook_trigger(Command webhook, Env& env, Run<WebhookTriggerOptions> run);
Result<void> run_webhook_trigger(const WebhookTriggerOptions& options, Env& env);

}  // namespace voicectl::commands
