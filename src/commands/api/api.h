// voicectl api: any call of the server, in its own JSON.
#pragma once

#include "commands/command.h"
#include "voicectl/livekit/token.h"

namespace voicectl::commands {

struct ApiOptions {
    std::string call, data = "{}", room;
    std::vector<std::string> grants;
    bool all = false;
};

void add_api(Command root, Env& env, Run<ApiOptions> run);
Result<void> run_api(const ApiOptions& options, Env& env);

struct ApiCall {
    std::string service, method;
    livekit::Claims claims;  // what the token will allow
    Json body;
};
/// Usage when it is no call, no JSON object, or a service of which the grants are not known and not given.
Result<ApiCall> api_call(const ApiOptions& options);

}  // namespace voicectl::commands
