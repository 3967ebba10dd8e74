// `voicectl serve`: the backend for web pages and agents.
#pragma once

#include <vector>

#include "commands/command.h"

namespace voicectl::commands {

struct ServeOptions {
    std::string host = "127.0.0.1", store, agent, ready_file, scenarios, recordings, record, keys_file, log_format = "pretty";
    int port = 8080, max_connections = 1024, rate = 120;
    std::vector<std::string> call_agents, forward;
    std::string jwt_secret_file, jwks_url, jwt_issuer, jwt_audience = "authenticated", service_key_file, page_key_file;
    std::string drain = "30s";
    bool open_metrics = false, behind_proxy = false, no_page = false, no_voice = false;
};

void add_serve(Command root, Env& env, Run<ServeOptions> run);
Result<void> run_serve(const ServeOptions& options, Env& env);

}  // namespace voicectl::commands
