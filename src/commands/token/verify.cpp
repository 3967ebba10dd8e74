#include "commands/token/verify.h"

#include <algorithm>
#include <functional>
#include <map>

#include "commands/token/allows.h"
#include "commands/token/view.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/probe.h"

namespace voicectl::commands {
namespace {

using livekit::Claims;
using livekit::SystemTime;
using livekit::Verdict;

constexpr const char* kTokenVerifyHelp = R"(Decides as a LiveKit server that holds the key would. Exit 0: valid and all that is required is there;
exit 3: not, and why. Needs LIVEKIT_API_KEY and LIVEKIT_API_SECRET, but no server. --server asks one as well:
would it let the holder join, and does its clock agree with ours?

--require: join, publish, subscribe, data, admin, create, list, record, worker,
           room=NAME, identity=NAME, source=NAME, attribute=KEY

Examples:
  voicectl token create --role caller --room demo --identity ann | voicectl token verify --require join,room=demo
  voicectl token verify "$TOKEN" --get /secondsLeft
  voicectl token verify @token.txt --server)";

constexpr const char* kDemands =
    "join, publish, subscribe, data, admin, create, list, record, worker, room=NAME, identity=NAME, source=NAME, attribute=KEY";

using Demand = std::function<std::string(const Claims&, const std::string& value)>;

std::string needs(bool met, std::string_view why) { return met ? std::string() : std::string(why); }

std::string obstacles(const Claims& claims) {
    const auto list = livekit::join_obstacles(claims);
    return fmt::format("{}", fmt::join(list, ", "));
}

const std::map<std::string, Demand>& demands() {
    static const std::map<std::string, Demand> table{
        {"join", [](const Claims& c, const std::string&) { return obstacles(c); }},
        {"publish", [](const Claims& c, const std::string&) { return needs(may_publish(c), "it may not publish"); }},
        {"subscribe", [](const Claims& c, const std::string&) { return needs(may_subscribe(c), "it may not subscribe"); }},
        {"data", [](const Claims& c, const std::string&) { return needs(may_send_data(c), "it may not send data"); }},
        {"admin", [](const Claims& c, const std::string&) { return needs(c.video.room_admin && !c.video.room.empty(), "no roomAdmin grant for a room"); }},
        {"create", [](const Claims& c, const std::string&) { return needs(c.video.room_create, "no roomCreate grant"); }},
        {"list", [](const Claims& c, const std::string&) { return needs(c.video.room_list, "no roomList grant"); }},
        {"record", [](const Claims& c, const std::string&) { return needs(c.video.room_record, "no roomRecord grant"); }},
        {"worker", [](const Claims& c, const std::string&) { return needs(c.video.agent, "no agent grant"); }},
        {"room", [](const Claims& c, const std::string& v) { return needs(c.video.room == v, fmt::format("it is for room \"{}\"", c.video.room)); }},
        {"identity", [](const Claims& c, const std::string& v) { return needs(c.identity == v, fmt::format("its identity is \"{}\"", c.identity)); }},
        {"source", [](const Claims& c, const std::string& v) { return needs(may_publish(c, v), fmt::format("it may not publish {}", v)); }},
        {"attribute", [](const Claims& c, const std::string& v) { return needs(c.attributes.contains(v), fmt::format("it has no attribute {}", v)); }},
    };
    return table;
}

bool takes_value(const std::string& name) { return name == "room" || name == "identity" || name == "source" || name == "attribute"; }

/// What the server itself says of it.
struct ServerWord {
    std::optional<std::chrono::milliseconds> clock_skew;
    std::optional<bool> accepts;  // absent: not asked, for it is no token to join with
    std::string reason;
};

constexpr std::chrono::seconds kNotableSkew{5};

Result<ServerWord> ask_server(const Verdict& verdict, const std::string& token, Env& env) {
    VC_TRY_ASSIGN(const auto server, env.server());
    VC_TRY_ASSIGN(const auto limit, env.timeout());
    VC_TRY_ASSIGN(const auto sign, livekit::probe_server(env.http(), server.url, limit));
    ServerWord word{sign.clock_skew, {}, {}};
    if (!verdict.claims.video.room_join && verdict.fault != livekit::TokenFault::Malformed) {
        word.reason = "it is no token to join with, so only the clocks were compared";
        return word;
    }
    const auto taken = livekit::validate_join(env.http(), server.url, token, limit);
    if (!taken && (taken.error().code == Errc::Unreachable || taken.error().code == Errc::Timeout)) return std::unexpected(taken.error());
    word.accepts = taken.has_value();
    if (!taken) word.reason = taken.error().message;
    return word;
}

Json server_json(const std::optional<ServerWord>& word) {
    if (!word) return nullptr;
    return {{"accepts", word->accepts ? Json(*word->accepts) : Json()},
            {"reason", word->reason},
            {"clockSkewMs", word->clock_skew ? Json(word->clock_skew->count()) : Json()}};
}

std::string skew_words(const Json& server) {
    if (server["clockSkewMs"].is_null()) return "its clock is not told";
    const auto skew = std::chrono::milliseconds(server["clockSkewMs"].get<std::int64_t>());
    // The header that tells it has whole seconds.
    if (std::chrono::abs(skew) < std::chrono::milliseconds(1500)) return "its clock agrees with ours";
    return fmt::format("its clock is {} {} ours{}", format_duration(std::chrono::abs(skew)), skew.count() > 0 ? "ahead of" : "behind",
                       std::chrono::abs(skew) > kNotableSkew ? ": set both by NTP" : "");
}

Json verdict_json(const Verdict& verdict, const Json& required, const std::optional<ServerWord>& word, bool valid, SystemTime now) {
    Json out{{"valid", valid},
             {"genuine", verdict.fault == livekit::TokenFault::None},
             {"fault", verdict.fault == livekit::TokenFault::None ? Json() : Json(livekit::to_string(verdict.fault))},
             {"reason", verdict.reason}};
    out.update(token_view(verdict, now));
    out["requirements"] = required;
    out["server"] = server_json(word);
    return out;
}

std::string verdict_summary(const Json& report) {
    const auto safe = [&](const char* name) { return terminal_safe(scalar_text(report[name])); };
    std::string out = report["genuine"] == true ? "genuine: signature, times and form are good"
                                                : fmt::format("not valid: {} ({})", safe("reason"), safe("fault"));
    out += token_lines(report);
    for (const auto& one : report["requirements"]) {
        const bool met = one["met"] == true;
        out += fmt::format("\n  required {:<13} {}", terminal_safe(scalar_text(one["requirement"])),
                           met ? "yes" : "no: " + terminal_safe(scalar_text(one["reason"])));
    }
    const auto& server = report["server"];
    if (server.is_null()) return out;
    out += fmt::format("\n  server      {}", server["accepts"].is_null() ? "was not asked to let it join" : server["accepts"] == true ? "would let it join" : "refuses it");
    if (server["reason"] != "") out += fmt::format(": {}", terminal_safe(scalar_text(server["reason"])));
    return out + fmt::format("\n  clock       {}", skew_words(server));
}

}  // namespace

Result<std::string> unmet(const Claims& claims, const std::string& demand) {
    const auto equals = demand.find('=');
    const auto name = demand.substr(0, equals);
    const auto found = demands().find(name);
    const bool valued = equals != std::string::npos && equals + 1 < demand.size();
    const auto refused = [&](const char* why) { return fail_with_hint(Errc::Usage, fmt::format("--require {}: {}", terminal_safe(demand), why), kDemands); };
    if (found == demands().end()) return refused("there is no such requirement");
    if (takes_value(name) && !valued) return refused("a value is missing");
    if (!takes_value(name) && equals != std::string::npos) return refused("it takes no value");
    return found->second(claims, valued ? demand.substr(equals + 1) : std::string());
}

void add_token_verify(Command token, Env& env, Run<TokenVerifyOptions> run) {
    auto o = std::make_shared<TokenVerifyOptions>();
    auto cmd = token.add_subcommand("verify", "Say whether a token is valid, why not, and what it allows").footer(kTokenVerifyHelp);
    cmd.add_option("token", o->token, "The token, @file, or - for standard input").capture_default();
    cmd.add_option("--require", o->require, "What it must allow, comma separated (repeat)").delimiter(',').one_value().type_name("A,B");
    cmd.add_option("--leeway", o->leeway, "Clock skew to forgive; servers forgive 60s").capture_default().type_name("TIME");
    cmd.add_flag("--server", o->server, "Also ask the server at --url, and compare its clock with ours");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_token_verify(const TokenVerifyOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto leeway, parse_duration(o.leeway));
    if (leeway > std::chrono::hours(24)) return fail(Errc::Usage, "--leeway {} is more than a day", o.leeway);
    for (const auto& demand : o.require) VC_TRY(unmet({}, demand));
    VC_TRY_ASSIGN(const auto key, env.api_key());
    VC_TRY_ASSIGN(const auto token, given_token(o.token));
    const auto now = std::chrono::system_clock::now();
    const auto verdict = livekit::verify(key, token, now, std::chrono::duration_cast<std::chrono::seconds>(leeway));
    bool met = true;
    std::string first_unmet;
    Json required = Json::array();
    for (const auto& demand : o.require) {
        VC_TRY_ASSIGN(const auto why, unmet(verdict.claims, demand));
        met = met && why.empty();
        if (!why.empty() && first_unmet.empty()) first_unmet = fmt::format("{}: {}", demand, why);
        required.push_back({{"requirement", demand}, {"met", why.empty()}, {"reason", why}});
    }
    const bool genuine = verdict.fault == livekit::TokenFault::None;
    std::optional<ServerWord> word;
    if (o.server) {
        VC_TRY_ASSIGN(word, ask_server(verdict, token, env));
    }
    const bool refused = word && word->accepts == false;
    const bool valid = genuine && met && !refused;
    const auto report = verdict_json(verdict, required, word, valid, now);
    VC_TRY(env.out.emit(report, verdict_summary(report), valid ? "valid" : "invalid"));
    if (!genuine) return fail(Errc::CheckFailed, "the token is not valid: {}", verdict.reason);
    if (!met) return fail(Errc::CheckFailed, "the token lacks what is required: {}", first_unmet);
    if (refused) return fail(Errc::CheckFailed, "the token looks good here, but the server refuses it: {}", word->reason);
    return {};
}

}  // namespace voicectl::commands
