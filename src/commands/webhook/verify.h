// voicectl webhook verify: is a delivery LiveKit's, and if not, why not?
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct WebhookVerifyOptions {
    std::string file = "-";
    std::optional<std::string> authorization;  // absent: the file is a capture
    std::string at;  // empty: now
    std::string keys_file;
};

void add_webhook_verify(Command webhook, Env& env, Run<WebhookVerifyOptions> run);
Result<void> run_webhook_verify(const WebhookVerifyOptions& options, Env& env);

}  // namespace voicectl::commands
