#include "commands/token/create.h"

#include "commands/room/outcome.h"
#include "commands/token/roles.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/room_config.h"

namespace voicectl::commands {
namespace {

using livekit::Claims;
using livekit::SystemTime;

constexpr const char* kTokenCreateHelp = R"(Roles, each the least that it needs:
  caller     join, publish the microphone, hear others, send data
  publisher  join and publish the microphone; hear nothing, send no data
  agent      join as an agent: publish, hear, send data, own attributes
  observer   join unseen and only listen
  recorder   as observer, and keep no room open
  admin      create, list and delete rooms, recordings; with --room manage that room
Grant flags add to a role or take away from it.

Examples:
  voicectl token create --role caller --room demo --identity ann
  voicectl token create --role caller --room demo --identity ann --agent receptionist --format env
  voicectl token create --list --create --valid-for 1h)";

constexpr std::chrono::hours kLong24{24};

// `--publish` and `--no-publish`; neither: the server's default.
void add_choice(Command cmd, const std::string& name, std::optional<bool>& target, const std::string& text) {
    cmd.add_yes_no(name, [&target](bool yes) { target = yes; }, text).group("Grants");
}

void add_grant_flags(Command cmd, TokenCreateOptions& o) {
    auto& g = o.grants;
    const auto flag = [&cmd](const char* name, bool& target, const char* text) { cmd.add_flag(name, target, text).group("Grants"); };
    flag("--join", g.room_join, "Join --room as --identity");
    flag("--create", g.room_create, "Create and delete rooms");
    flag("--list", g.room_list, "List rooms");
    flag("--record", g.room_record, "Start, stop and list recordings");
    flag("--admin", g.room_admin, "Manage --room: participants, tracks, data, dispatches");
    flag("--ingress-admin", g.ingress_admin, "Manage ingress");
    cmd.add_option("--destination-room", g.destination_room, "Room to forward and move participants to").group("Grants").type_name("ROOM");
    add_choice(cmd, "publish", g.can_publish, "Publish tracks");
    add_choice(cmd, "subscribe", g.can_subscribe, "Hear and see others");
    add_choice(cmd, "data", g.can_publish_data, "Send data");
    cmd.add_option("--source", g.can_publish_sources, "Publish only this (repeat)")
        .one_of({"camera", "microphone", "screen_share", "screen_share_audio"})
        .one_value()
        .group("Grants");
    add_choice(cmd, "update-own-metadata", g.can_update_own_metadata, "Change own name, metadata, attributes");
    add_choice(cmd, "subscribe-metrics", g.can_subscribe_metrics, "Receive metrics of others");
    add_choice(cmd, "manage-agent-session", g.can_manage_agent_session, "Manage the agent's session");
    flag("--hidden", g.hidden, "Stay unseen by others");
    flag("--recorder", g.recorder, "Count as a recorder");
    flag("--worker", g.agent, "Register as an agent worker");
    flag("--sip-admin", o.sip_admin, "Manage SIP trunks and rules");
    flag("--sip-call", o.sip_call, "Place SIP calls");
    flag("--inference", o.inference, "Use inference (LiveKit Cloud)");
}

template<class T>
void take(T& into, const T& given) {
    if (given != T{}) into = given;
}

void add_given_grants(Claims& claims, const TokenCreateOptions& o) {
    auto& into = claims.video;
    const auto& given = o.grants;
    for (const auto flag : {&livekit::VideoGrant::room_create, &livekit::VideoGrant::room_list, &livekit::VideoGrant::room_record,
                            &livekit::VideoGrant::room_admin, &livekit::VideoGrant::room_join, &livekit::VideoGrant::ingress_admin,
                            &livekit::VideoGrant::hidden, &livekit::VideoGrant::recorder, &livekit::VideoGrant::agent})
        into.*flag = into.*flag || given.*flag;
    take(into.destination_room, given.destination_room);
    take(into.can_publish, given.can_publish);
    take(into.can_subscribe, given.can_subscribe);
    take(into.can_publish_data, given.can_publish_data);
    take(into.can_update_own_metadata, given.can_update_own_metadata);
    take(into.can_subscribe_metrics, given.can_subscribe_metrics);
    take(into.can_manage_agent_session, given.can_manage_agent_session);
    take(into.can_publish_sources, given.can_publish_sources);
    if (given.can_publish == false) into.can_publish_sources = given.can_publish_sources;  // of a role: moot
    claims.sip_admin = claims.sip_admin || o.sip_admin;
    claims.sip_call = claims.sip_call || o.sip_call;
    claims.inference_perform = claims.inference_perform || o.inference;
}

// Life and issuer of the other token are not taken over.
Result<Claims> claims_to_start_from(const TokenCreateOptions& o) {
    if (o.grants_from.empty()) return Claims{};
    VC_TRY_ASSIGN(const auto text, read_payload(o.grants_from));
    auto claims = livekit::parse_unverified(trim(text));
    if (!claims) return fail(Errc::Usage, "--grants-from: not a token: {}", claims.error().message);
    claims->issuer.clear();
    claims->not_before.reset();
    claims->expires.reset();
    claims->issued_at.reset();
    return claims;
}

std::unexpected<Error> senseless(std::string message, std::string hint) {
    return fail_with_hint(Errc::Usage, std::move(message), std::move(hint));
}

Result<void> check_sense(const Claims& claims) {
    const auto& video = claims.video;
    if (video == livekit::VideoGrant{.room = video.room} && !claims.sip_admin && !claims.sip_call && !claims.inference_perform)
        return senseless("a token without any grant", "name a --role, or grants such as --join or --list");
    if (video.room_join && video.room.empty()) return senseless("a token to join needs a room", "add --room NAME");
    if (video.room_join && claims.identity.empty()) return senseless("a token to join needs an identity", "add --identity NAME");
    if (video.room_admin && video.room.empty()) return senseless("--admin counts for one room", "add --room NAME");
    if (!video.can_publish_sources.empty() && video.can_publish == false)
        return senseless("--source without the right to publish", "drop --no-publish or --source");
    if (!video.room_join && (!claims.room_config_json.empty() || !claims.room_preset.empty()))
        return senseless("--agent, --room-config and --preset count only when their holder joins", "add --join or a --role that joins");
    return {};
}

// What only somebody in a room can use, given for a token that lets nobody in.
Result<void> check_uses(const Claims& claims, const TokenCreateOptions& o) {
    if (claims.video.room_join) return {};
    const auto& g = o.grants;
    const std::pair<bool, const char*> given[]{{g.can_publish.has_value(), "--publish"},
                                               {g.can_subscribe.has_value(), "--subscribe"},
                                               {g.can_publish_data.has_value(), "--data"},
                                               {!g.can_publish_sources.empty(), "--source"},
                                               {g.can_update_own_metadata.has_value(), "--update-own-metadata"},
                                               {g.can_subscribe_metrics.has_value(), "--subscribe-metrics"},
                                               {g.hidden, "--hidden"},
                                               {g.recorder, "--recorder"}};
    for (const auto& [there, flag] : given)
        if (there) return senseless(fmt::format("{} counts only for who joins a room, which this token does not allow", flag), "add --join --room NAME --identity NAME, or a --role that joins");
    return {};
}

Json token_json(const std::string& token, const Claims& claims, const std::string& url) {
    const auto expires = std::chrono::floor<std::chrono::seconds>(*claims.expires);
    Json grants = Json::array();
    for (const auto& [grant, allows] : livekit::explain(claims)) grants.push_back({{"grant", grant}, {"allows", allows}});
    Json out{{"token", token}};
    if (!url.empty()) out["url"] = url;
    out["identity"] = claims.identity;
    out["room"] = claims.video.room;
    out["expires"] = format_time(expires);
    out["expiresSeconds"] = std::chrono::duration_cast<std::chrono::seconds>(expires.time_since_epoch()).count();
    out["grants"] = std::move(grants);
    out["claims"] = livekit::to_json(claims);
    return out;
}

// Everything but the token, which would work.
Json plan_json(const Claims& claims, const std::string& url) {
    auto out = token_json({}, claims, url);
    out.erase("token");
    return out;
}

}  // namespace

void add_token_create(Command token, Env& env, Run<TokenCreateOptions> run) {
    auto o = std::make_shared<TokenCreateOptions>();
    auto cmd = token.add_subcommand("create", "Make an access token").footer(kTokenCreateHelp);
    cmd.add_option("--role", o->role, "caller, publisher, agent, observer, recorder or admin").one_of(token_roles()).type_name("ROLE");
    cmd.add_option("--room", o->room, "Room that the token is for").type_name("ROOM");
    cmd.add_option("--identity", o->identity, "Identity of its holder").type_name("NAME");
    cmd.add_option("--name", o->name, "Display name").type_name("TEXT");
    cmd.add_option("--metadata", o->metadata, "Participant metadata: text, @file or -").type_name("TEXT|@FILE|-");
    cmd.add_option("--attribute", o->attributes, "KEY=VALUE (repeat)").one_value().type_name("KEY=VALUE");
    cmd.add_option("--kind", o->kind, "Participant kind").one_of({"standard", "ingress", "egress", "sip", "agent", "connector", "bridge"});
    cmd.add_option("--agent", o->agents, "NAME[=METADATA] of an agent to dispatch when the join creates the room (repeat)").one_value().type_name("AGENT[=META]");
    cmd.add_option("--room-config", o->room_config, "RoomConfiguration as JSON, @file or -").type_name("JSON|@FILE|-");
    cmd.add_option("--preset", o->preset, "Room configuration known to the server by this name");
    cmd.add_option("--grants-from", o->grants_from, "Start from the claims of this token (text, @file or -)").type_name("TOKEN|@FILE|-");
    auto life = cmd.add_option("--valid-for", o->valid_for, "How long it lives [5m]").type_name("TIME");
    cmd.add_option("--until", o->until, "When it ends: RFC 3339, or a date").excludes(life).type_name("TIME");
    cmd.add_option("--format", o->format, "token, json or env").one_of({"token", "json", "env"}).type_name("FORMAT");
    add_grant_flags(cmd, *o);
    on_run(cmd, o, env, std::move(run));
}

Result<Claims> token_claims(const TokenCreateOptions& o) {
    VC_TRY_ASSIGN(auto claims, claims_to_start_from(o));
    take(claims.video.room, o.room);
    apply_role(o.role, claims);
    add_given_grants(claims, o);
    take(claims.identity, o.identity);
    take(claims.name, o.name);
    take(claims.kind, o.kind);
    take(claims.room_preset, o.preset);
    if (!o.metadata.empty()) {
        VC_TRY_ASSIGN(claims.metadata, read_payload(o.metadata));
    }
    VC_TRY_ASSIGN(auto attributes, parse_pairs("--attribute", o.attributes));
    attributes.merge(claims.attributes);  // those of --grants-from, where they are not set anew
    claims.attributes = std::move(attributes);
    std::vector<livekit::proto::RoomAgentDispatch> agents;
    for (const auto& text : o.agents) {
        VC_TRY_ASSIGN(agents.emplace_back(), livekit::parse_agent(text));
    }
    std::string config = claims.room_config_json;
    if (!o.room_config.empty()) {
        VC_TRY_ASSIGN(config, read_payload(o.room_config));
    }
    VC_TRY_ASSIGN(claims.room_config_json, livekit::compose_room_config(config, agents));
    VC_TRY(check_sense(claims));
    VC_TRY(check_uses(claims, o));
    return claims;
}

Result<std::chrono::seconds> token_life(const TokenCreateOptions& o, SystemTime now) {
    std::chrono::milliseconds life = std::chrono::minutes(5);
    if (!o.until.empty()) {
        VC_TRY_ASSIGN(const auto exact, parse_time(o.until));
        const auto end = std::chrono::floor<std::chrono::seconds>(exact);  // tokens have whole seconds
        if (end <= now) return senseless(fmt::format("--until {} has passed", o.until), "the token would be dead when made");
        if (end - now > kLongestTokenLife) return senseless("a token that lives for more than a year", "name a nearer --until");
        life = std::chrono::duration_cast<std::chrono::milliseconds>(end - now);
    } else if (!o.valid_for.empty()) {
        VC_TRY_ASSIGN(life, parse_duration(o.valid_for));
    }
    if (life < std::chrono::seconds(1)) return senseless("a token that lives for less than a second", "name a longer --valid-for");
    if (life > kLongestTokenLife) return senseless("a token that lives for more than a year", "name a shorter --valid-for");
    return std::chrono::ceil<std::chrono::seconds>(life);
}

Result<void> run_token_create(const TokenCreateOptions& o, Env& env) {
    VC_TRY_ASSIGN(auto claims, token_claims(o));
    const auto now = std::chrono::system_clock::now();
    VC_TRY_ASSIGN(const auto life, token_life(o, now));
    VC_TRY_ASSIGN(const auto key, env.api_key());
    claims.issuer = key.key;  // shown as signed
    claims.not_before = now;
    claims.expires = now + life;
    const auto url = env.url_if_known();
    if (env.global.dry_run) return show_dry_run(env, plan_json(claims, url), fmt::format("would make a token that lives for {}", format_duration(life)), claims.identity);
    const auto token = livekit::mint(key, claims, life, now);

    if (life > kLong24) env.out.warn(fmt::format("this token lives for {}; nothing can call it back", format_duration(life)));
    std::string shown = token;
    if (o.format == "env") {
        shown = fmt::format("LIVEKIT_TOKEN={}", token);
        if (!url.empty()) shown = fmt::format("LIVEKIT_URL={}\n{}", url, shown);
    } else if (o.format == "json" && env.out.format == Format::Table) {
        env.out.format = Format::Json;
    }
    if (!env.out.json() && env.out.talk_is_terminal()) {
        for (const auto& [grant, allows] : livekit::explain(claims)) env.out.note(fmt::format("  {}: {}", grant, allows));
        env.out.note(fmt::format("  valid for {}", format_duration(life)));
    }
    return env.out.emit(token_json(token, claims, url), shown, token);
}

}  // namespace voicectl::commands
