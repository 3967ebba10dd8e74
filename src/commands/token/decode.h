// voicectl token decode: what stands in a token, without believing it.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct TokenDecodeOptions {
    std::string token = "-";
};

void add_token_decode(Command token, Env& env, Run<TokenDecodeOptions> run);
Result<void> run_token_decode(const TokenDecodeOptions& options, Env& env);

}  // namespace voicectl::commands
