// `voicectl webhook listen`: takes LiveKit's webhook deliveries, stores them durably, and passes them on.
#pragma once

#include <vector>

#include "commands/command.h"

namespace voicectl::commands {

struct WebhookListenOptions {
    std::string host = "127.0.0.1", path = "/";
    int port = 0;
    std::string store, keys_file, ready_file, save, keep = "30d";
    std::vector<std::string> events, rooms, forward;
    std::string until, respond, limit;
    int count = 0;
    bool no_verify = false, dedupe = false, fill_gaps = false, note_egress = false;
    std::string exec, exec_timeout = "30s";
    int exec_at_once = 4;
    int max_connections = 512;
    std::function<bool()> format_given;
};

/// "503x2,200": what the first deliveries are answered. Usage.
Result<std::vector<int>> parse_answers(const std::string& text);

void add_webhook_listen(Command webhook, Env& env, Run<WebhookListenOptions> run);
Result<void> run_webhook_listen(const WebhookListenOptions& options, Env& env);

}  // namespace voicectl::commands
