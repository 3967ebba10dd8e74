// `voicectl webhook list` and `voicectl webhook show`: what the store has of LiveKit's webhooks.
#pragma once

#include <vector>

#include "commands/command.h"

namespace voicectl::commands {

struct WebhookListOptions {
    std::string store, room, since, until;
    std::vector<std::string> events;
    int limit = 100;
    bool all = false, deliveries = false, refused = false, recordings = false;
};
void add_webhook_list(Command webhook, Env& env, Run<WebhookListOptions> run);
Result<void> run_webhook_list(const WebhookListOptions& options, Env& env);

struct WebhookShowOptions {
    std::string store, id;
    bool body = false;
};
void add_webhook_show(Command webhook, Env& env, Run<WebhookShowOptions> run);
Result<void> run_webhook_show(const WebhookShowOptions& options, Env& env);

}  // namespace voicectl::commands
