#include "commands/token/verify.h"

#include <algorithm>
#include <functional>
#include <map>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::Claims;
using livekit::SystemTime;
using livekit::Verdict;

constexpr const char* kLong = R"(Decides as a LiveKit server that holds the key would. Exit 0: valid and all that is required is there;
exit 3: not, and why. Needs LIVEKIT_API_KEY and LIVEKIT_API_SECRET, but no server.

--require: join, publish, subscribe, data, admin, create, list, record, worker,
           room=NAME, identity=NAME, source=NAME, attribute=KEY

Examples:
  voicectl token create --role caller --room demo --identity ann | voicectl token verify --require join,room=demo
  voicectl token verify "$TOKEN" --get /secondsLeft)";

using Demand = std::function<std::string(const Claims&, const std::string& value)>;

std::string needs(bool met, std::string_view why) { return met ? std::string() : std::string(why); }

std::string obstacles(const Claims& claims) {
    const auto list = livekit::join_obstacles(claims);
    return fmt::format("{}", fmt::join(list, ", "));
}

bool may_publish(const Claims& claims) { return claims.video.room_join && claims.video.can_publish.value_or(true); }

bool has_source(const Claims& claims, const std::string& source) {
    const auto& sources = claims.video.can_publish_sources;
    return may_publish(claims) && (sources.empty() || std::find(sources.begin(), sources.end(), source) != sources.end());
}

const std::map<std::string, Demand>& demands() {
    static const std::map<std::string, Demand> table{
        {"join", [](const Claims& c, const std::string&) { return obstacles(c); }},
        {"publish", [](const Claims& c, const std::string&) { return needs(may_publish(c), "it may not publish"); }},
        {"subscribe", [](const Claims& c, const std::string&) {
             return needs(c.video.room_join && c.video.can_subscribe.value_or(true), "it may not subscribe");
         }},
        {"data", [](const Claims& c, const std::string&) {
             const bool by_default = c.video.can_publish.value_or(true);
             return needs(c.video.room_join && c.video.can_publish_data.value_or(by_default), "it may not send data");
         }},
        {"admin", [](const Claims& c, const std::string&) { return needs(c.video.room_admin && !c.video.room.empty(), "no roomAdmin grant for a room"); }},
        {"create", [](const Claims& c, const std::string&) { return needs(c.video.room_create, "no roomCreate grant"); }},
        {"list", [](const Claims& c, const std::string&) { return needs(c.video.room_list, "no roomList grant"); }},
        {"record", [](const Claims& c, const std::string&) { return needs(c.video.room_record, "no roomRecord grant"); }},
        {"worker", [](const Claims& c, const std::string&) { return needs(c.video.agent, "no agent grant"); }},
        {"room", [](const Claims& c, const std::string& v) { return needs(c.video.room == v, fmt::format("it is for room \"{}\"", c.video.room)); }},
        {"identity", [](const Claims& c, const std::string& v) { return needs(c.identity == v, fmt::format("its identity is \"{}\"", c.identity)); }},
        {"source", [](const Claims& c, const std::string& v) { return needs(has_source(c, v), fmt::format("it may not publish {}", v)); }},
        {"attribute", [](const Claims& c, const std::string& v) { return needs(c.attributes.contains(v), fmt::format("it has no attribute {}", v)); }},
    };
    return table;
}

bool takes_value(const std::string& name) { return name == "room" || name == "identity" || name == "source" || name == "attribute"; }

Json optional_time(const std::optional<SystemTime>& time) { return time ? Json(format_time(*time)) : Json(); }

Json seconds_left(const Verdict& verdict, SystemTime now) {
    if (!verdict.claims.expires) return nullptr;
    using std::chrono::seconds;
    const auto whole = [](SystemTime time) { return std::chrono::floor<seconds>(time).time_since_epoch(); };
    return (whole(*verdict.claims.expires) - whole(now)).count();
}

Json verdict_json(const Verdict& verdict, const Json& required, bool valid, SystemTime now) {
    const auto& claims = verdict.claims;
    Json grants = Json::array();
    for (const auto& [grant, allows] : livekit::explain(claims)) grants.push_back({{"grant", grant}, {"allows", allows}});
    const auto payload = Json::parse(valid_utf8(verdict.claims_json), nullptr, false);
    return {{"valid", valid},
            {"genuine", verdict.fault == livekit::TokenFault::None},
            {"fault", verdict.fault == livekit::TokenFault::None ? Json() : Json(livekit::to_string(verdict.fault))},
            {"reason", verdict.reason},
            {"issuer", claims.issuer},
            {"identity", claims.identity},
            {"room", claims.video.room},
            {"notBefore", optional_time(claims.not_before)},
            {"expires", optional_time(claims.expires)},
            {"secondsLeft", seconds_left(verdict, now)},
            {"requirements", required},
            {"grants", std::move(grants)},
            {"claims", payload.is_discarded() ? Json() : payload}};
}

std::string life_line(const Json& report) {
    if (report["expires"].is_null()) return "has no end; newer servers refuse it";
    const auto left = report["secondsLeft"].get<std::int64_t>();
    const auto span = format_duration(std::chrono::seconds(std::abs(left)));
    return left >= 0 ? fmt::format("until {} ({} left)", scalar_text(report["expires"]), span)
                     : fmt::format("until {} ({} ago)", scalar_text(report["expires"]), span);
}

std::string human(const Json& report) {
    const auto safe = [&](const char* name) { return terminal_safe(scalar_text(report[name])); };
    std::string out = report["genuine"] == true ? "genuine: signature, times and form are good"
                                                : fmt::format("not valid: {} ({})", safe("reason"), safe("fault"));
    if (report["issuer"] != "") out += fmt::format("\n  issued for  API key {}", safe("issuer"));
    if (report["identity"] != "") out += fmt::format("\n  identity    {}", safe("identity"));
    out += fmt::format("\n  life        {}", life_line(report));
    for (const auto& grant : report["grants"])
        out += fmt::format("\n  {:<22} {}", scalar_text(grant["grant"]), terminal_safe(scalar_text(grant["allows"])));
    for (const auto& one : report["requirements"]) {
        const bool met = one["met"] == true;
        out += fmt::format("\n  required {:<13} {}", terminal_safe(scalar_text(one["requirement"])),
                           met ? "yes" : "no: " + terminal_safe(scalar_text(one["reason"])));
    }
    return out;
}

}  // namespace

Result<std::string> unmet(const Claims& claims, const std::string& demand) {
    const auto equals = demand.find('=');
    const auto name = demand.substr(0, equals);
    const auto found = demands().find(name);
    const bool valued = equals != std::string::npos && equals + 1 < demand.size();
    if (found == demands().end() || valued != takes_value(name)) {
        return fail_with_hint(Errc::Usage, fmt::format("--require {}: there is no such requirement", terminal_safe(demand)),
                              "join, publish, subscribe, data, admin, create, list, record, worker, room=NAME, identity=NAME, "
                              "source=NAME, attribute=KEY");
    }
    return found->second(claims, valued ? demand.substr(equals + 1) : std::string());
}

void add_token_verify(CLI::App& token, Env& env, Run<TokenVerifyOptions> run) {
    auto o = std::make_shared<TokenVerifyOptions>();
    auto& cmd = *token.add_subcommand("verify", "Say whether a token is valid, why not, and what it allows")->footer(kLong);
    cmd.add_option("token", o->token, "The token, @file, or - for standard input")->capture_default_str();
    cmd.add_option("--require", o->require, "What it must allow, comma separated (repeat)")->delimiter(',')->allow_extra_args(false);
    cmd.add_option("--leeway", o->leeway, "Clock skew to forgive; servers forgive 60s")->capture_default_str()->type_name("TIME");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_token_verify(const TokenVerifyOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto leeway, parse_duration(o.leeway));
    if (leeway > std::chrono::hours(24)) return fail(Errc::Usage, "--leeway {} is more than a day", o.leeway);
    for (const auto& demand : o.require) VC_TRY(unmet({}, demand));
    VC_TRY_ASSIGN(const auto key, env.api_key());
    VC_TRY_ASSIGN(const auto text, read_payload(o.token));
    auto token = trim(text);
    if (token.starts_with("Bearer ")) token = trim(token.substr(7));
    if (token.empty()) return fail_with_hint(Errc::Usage, "no token given", "pass it as argument or on standard input");

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
    const auto report = verdict_json(verdict, required, genuine && met, now);
    VC_TRY(env.out.emit(report, human(report), genuine && met ? "valid" : "invalid"));
    if (!genuine) return fail(Errc::CheckFailed, "the token is not valid: {}", verdict.reason);
    if (!met) return fail(Errc::CheckFailed, "the token lacks what is required: {}", first_unmet);
    return {};
}

}  // namespace voicectl::commands
