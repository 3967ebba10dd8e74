#include "commands/trace.h"

#include "commands/env.h"
#include "commands/shell.h"
#include "voicectl/base/json.h"
#include "voicectl/livekit/json.h"

namespace voicectl::commands {
namespace {

using livekit::Exchange;

std::string body(const google::protobuf::Message& message) {
    return json_text(livekit::to_json(message));
}

std::string request_body(const Exchange& exchange) {
    if (exchange.request != nullptr) return body(*exchange.request);
    auto json = Json::parse(exchange.json, nullptr, false);
    livekit::mask_secrets(json);
    return json_text(json);
}

std::string outcome(const Exchange& exchange) {
    if (exchange.response == nullptr) return exchange.error != nullptr ? exchange.error->message : "no answer";
    return fmt::format("{}", exchange.response->status);
}

void trace_request(const Exchange& exchange, Output& out) {
    out.trace(fmt::format("> POST {}\n> Authorization: Bearer ***\n> Content-Type: application/{}\n> {}", exchange.url, exchange.request != nullptr ? "protobuf" : "json", request_body(exchange)));
}

void trace_reply(const Exchange& exchange, Output& out) {
    if (exchange.response != nullptr)
        for (const auto& [name, value] : exchange.response->headers) out.trace(fmt::format("< {}: {}", name, value));
    if (exchange.reply != nullptr) out.trace(fmt::format("< {}", body(*exchange.reply)));
    else if (exchange.response != nullptr) out.trace(fmt::format("< {}", exchange.response->body.substr(0, 4096)));
}

}  // namespace

std::string grant_flags(const livekit::VideoGrant& grant) {
    std::string out;
    if (grant.room_create) out += " --create";
    if (grant.room_list) out += " --list";
    if (grant.room_record) out += " --record";
    if (grant.room_admin) out += " --admin";
    if (grant.ingress_admin) out += " --ingress-admin";
    if (!grant.room.empty()) out += " --room " + shell_quoted(grant.room);
    if (!grant.destination_room.empty()) out += " --destination-room " + shell_quoted(grant.destination_room);
    return out;
}

std::string key_flags(const GivenServer& given) {
    std::string out;
    const auto add = [&out](const char* flag, const std::string& value) {
        if (!value.empty()) out += fmt::format(" {} {}", flag, shell_quoted(value));
    };
    add("--profile", given.profile);
    add("--config", given.config);
    add("--api-key", given.api_key);
    add("--api-secret-file", given.api_secret_file);
    return out;
}

std::string curl_command(const Exchange& exchange, const GivenServer& given) {
    return fmt::format("curl -sS -X POST {} -H \"Authorization: Bearer $(voicectl token create{}{})\" -H 'Content-Type: application/json' -d {}",
                       shell_quoted(exchange.url), key_flags(given), grant_flags(exchange.claims.video), shell_quoted(request_body(exchange)));
}

void show_calls(livekit::TwirpClient& twirp, Env& env) {
    const auto& global = env.global;
    if (!global.curl && !global.trace && global.verbose == 0) return;
    const auto before = [&env](const Exchange& exchange) {
        if (env.global.curl) env.out.verbatim(curl_command(exchange, env.global));
        if (env.global.trace) trace_request(exchange, env.out);
    };
    const auto after = [&env](const Exchange& exchange) {
        env.out.trace(fmt::format("{}{}/{} {} in {} ms", env.global.trace ? "< " : "", exchange.call.service, exchange.call.method, outcome(exchange), exchange.call.elapsed.count()));
        if (env.global.trace) trace_reply(exchange, env.out);
    };
    twirp.observe(before, global.trace || global.verbose > 0 ? livekit::TwirpClient::Observer(after) : livekit::TwirpClient::Observer());
}

}  // namespace voicectl::commands
