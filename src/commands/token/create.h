// voicectl token create: an access token, made without any server.
#pragma once

#include <optional>

#include "commands/command.h"
#include "voicectl/livekit/token.h"

namespace voicectl::commands {

/// Nothing calls a token back.
inline constexpr std::chrono::hours kLongestTokenLife{366 * 24};

struct TokenCreateOptions {
    std::string role, room, identity, name, metadata, kind, preset, room_config, grants_from, valid_for, until;
    std::vector<std::string> attributes, agents;
    livekit::VideoGrant grants;  // those given by flag
    bool sip_admin = false, sip_call = false, inference = false;
    std::string format = "token";  // or json, env
};

void add_token_create(Command token, Env& env, Run<TokenCreateOptions> run);
Result<void> run_token_create(const TokenCreateOptions& options, Env& env);

/// What the options ask for, checked for sense; life aside.
Result<livekit::Claims> token_claims(const TokenCreateOptions& options);
/// How long it shall live, from --valid-for or --until.
Result<std::chrono::seconds> token_life(const TokenCreateOptions& options, livekit::SystemTime now);

}  // namespace voicectl::commands
