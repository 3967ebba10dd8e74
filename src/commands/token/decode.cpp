#include "commands/token/decode.h"

#include "commands/token/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kTokenDecodeHelp = R"(Reads a token without any secret or server. What it says is unverified: anyone can write it. `token verify`
tells whether it is genuine.

Examples:
  voicectl token decode "$TOKEN"
  voicectl token decode - --get /claims/video/room)";

Json header_of(std::string_view token) {
    const auto text = base64url_decode(token.substr(0, token.find('.')));
    auto header = text ? Json::parse(valid_utf8(*text), nullptr, false) : Json();
    return header.is_object() ? header : Json();
}

}  // namespace

void add_token_decode(Command token, Env& env, Run<TokenDecodeOptions> run) {
    auto o = std::make_shared<TokenDecodeOptions>();
    auto cmd = token.add_subcommand("decode", "Show what stands in a token, unverified").footer(kTokenDecodeHelp);
    cmd.add_option("token", o->token, "The token, @file, or - for standard input").capture_default();
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_token_decode(const TokenDecodeOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto token, given_token(o.token));
    const auto now = std::chrono::system_clock::now();
    // Any key will do: only the form counts here.
    const auto verdict = livekit::verify({}, token, now);
    if (verdict.fault == livekit::TokenFault::Malformed)
        return fail_with_hint(Errc::Usage, fmt::format("that is no token: {}", verdict.reason), "a token has three parts with dots between them and begins with eyJ");
    Json report{{"verified", false}, {"header", header_of(token)}};
    report.update(token_view(verdict, now));
    return env.out.emit(report, "unverified: anyone can write what stands here" + token_lines(report), verdict.claims.identity);
}

}  // namespace voicectl::commands
