// voicectl token verify: would a server take this token, and for what?
#pragma once

#include "commands/command.h"
#include "voicectl/livekit/token.h"

namespace voicectl::commands {

struct TokenVerifyOptions {
    std::string token = "-";
    std::vector<std::string> require;
    std::string leeway = "60s";
    bool server = false;
};

void add_token_verify(Command token, Env& env, Run<TokenVerifyOptions> run);
Result<void> run_token_verify(const TokenVerifyOptions& options, Env& env);

/// One demand of --require: empty when met, else why not. Usage when there is no such demand.
Result<std::string> unmet(const livekit::Claims& claims, const std::string& demand);

}  // namespace voicectl::commands
