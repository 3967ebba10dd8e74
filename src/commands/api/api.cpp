#include "commands/api/api.h"

#include "commands/api/grants.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

constexpr const char* kApiHelp = R"(Sends a request as JSON (camelCase or snake_case) and prints the server's answer as JSON, secrets masked. The answer
is the server's own JSON: unlike in every other command its keys are snake_case, and its 64-bit numbers are strings. It
is JSON whatever -o says (jsonl: on one line); errors are text without --json.

The service's name is taken in any case. The token gets the grant that the call needs and no other; the room that the request names goes into it.

Services, and the grants they are given without --grant:
  RoomService           create (CreateRoom, DeleteRoom), list (ListRooms), else admin of the room
  AgentDispatchService  admin of the room
  Egress                record
  Ingress               ingress
  SIP                   sip-admin; sip-call for CreateSIPParticipant; sip-call and admin for TransferSIPParticipant
Other services need --grant: create, list, record, admin, ingress, worker, sip-admin, sip-call.

Examples:
  voicectl api RoomService/ListRooms
  voicectl api SIP/ListSIPInboundTrunk --all
  voicectl api RoomService/UpdateParticipant --data '{"room":"demo","identity":"ann","name":"Ann"}'
  voicectl api Ingress/CreateIngress --data @ingress.json --get /url)";

// A server that always names a next page would never let go.
constexpr int kMostPages = 10000;

Result<Json> ask(livekit::TwirpClient& twirp, const ApiCall& call) {
    auto text = twirp.call_json(call.service, call.method, call.claims, json_text(call.body));
    if (!text) {
        auto error = std::move(text).error();
        if (twirp.last() && twirp.last()->status == 404 && error.code == Errc::Protocol)
            error.hint = fmt::format("this server does not know {}/{}, or the URL's path is wrong; voicectl api --help lists services", call.service, call.method);
        return std::unexpected(std::move(error));
    }
    auto reply = Json::parse(*text, nullptr, false);
    if (!reply.is_object()) return fail(Errc::Protocol, "{}: the answer is no JSON object", call.method);
    return reply;
}

std::string next_page(const Json& reply) {
    const auto found = reply.find("next_page_token");
    if (found == reply.end() || !found->is_object()) return {};
    return found->value("token", std::string());
}

// The lists of a later page are appended to those of the first.
void append(Json& whole, const Json& page) {
    for (const auto& [name, value] : page.items()) {
        if (value.is_array() && whole.contains(name) && whole[name].is_array()) whole[name].insert(whole[name].end(), value.begin(), value.end());
        else whole[name] = value;
    }
}

Result<Json> ask_all(livekit::TwirpClient& twirp, ApiCall call) {
    VC_TRY_ASSIGN(auto whole, ask(twirp, call));
    auto token = next_page(whole);
    for (int page = 1; !token.empty() && page < kMostPages; ++page) {
        call.body["page_token"] = {{"token", token}};
        VC_TRY_ASSIGN(const auto more, ask(twirp, call));
        append(whole, more);
        const auto next = next_page(more);
        if (next == token) return fail(Errc::Protocol, "{}: the server gives the same page again", call.method);
        token = next;
    }
    return whole;
}

// There is no other form than JSON for what nobody knows beforehand; errors keep theirs.
Result<void> show(Json value, const std::string& name, Env& env) {
    livekit::mask_secrets(value);
    const auto asked = env.out.format;
    if (!env.out.json()) env.out.format = Format::Json;
    auto shown = env.out.emit(value, "", name);
    env.out.format = asked;
    return shown;
}

Result<Json> parse_request(const std::string& text) {
    constexpr const char* kHint = "a file is named with @: --data @request.json";
    try {
        auto request = Json::parse(text);
        if (!request.is_object()) return fail_with_hint(Errc::Usage, "--data is JSON, but no object", kHint);
        return request;
    } catch (const Json::parse_error& error) {
        const std::string_view what = error.what();  // "[json.exception.parse_error.101] parse error at line 1, …"
        const auto at = what.find(" at line ");
        const auto where = at == std::string_view::npos ? what : what.substr(at + 4);
        return fail_with_hint(Errc::Usage, fmt::format("--data is no JSON: {}", terminal_safe(where)), kHint);
    }
}

}  // namespace

void add_api(Command root, Env& env, Run<ApiOptions> run) {
    auto o = std::make_shared<ApiOptions>();
    auto cmd = root.add_subcommand("api", "Call anything the server knows, in JSON").footer(kApiHelp);
    cmd.add_option("call", o->call, "SERVICE/METHOD").required();
    cmd.add_option("--data", o->data, "The request, a JSON object: text, @file or -").capture_default().type_name("TEXT|@FILE|-");
    cmd.add_option("--grant", o->grants, "What the token allows, comma separated [by service]")
        .delimiter(',')
        .one_value()
        .one_of(grant_names());
    cmd.add_option("--room", o->room, "Room of the token [the one that the request names]").type_name("ROOM");
    cmd.add_flag("--all", o->all, "Ask for every page of a list");
    on_run(cmd, o, env, std::move(run));
}

Result<ApiCall> api_call(const ApiOptions& o) {
    ApiCall call;
    const auto slash = o.call.find('/');
    call.service = o.call.substr(0, slash);
    if (call.service.starts_with("livekit.")) call.service.erase(0, std::string_view("livekit.").size());
    call.service = service_name(call.service);
    if (slash != std::string::npos) call.method = o.call.substr(slash + 1);
    constexpr std::string_view kWord = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    const auto word = [&](const std::string& text) { return !text.empty() && text.find_first_not_of(kWord) == std::string::npos; };
    if (!word(call.service) || !word(call.method))
        return fail_with_hint(Errc::Usage, fmt::format("'{}' is no call", terminal_safe(o.call)), "write it like RoomService/ListRooms");
    VC_TRY_ASSIGN(const auto text, read_payload(o.data));
    VC_TRY_ASSIGN(call.body, parse_request(text));
    VC_TRY_ASSIGN(call.claims, api_claims(call.service, call.method, o.grants));
    call.claims.video.room = !o.room.empty() ? o.room : named_room(call.body);
    call.claims.video.destination_room = named_destination(call.body);
    return call;
}

Result<void> run_api(const ApiOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto call, api_call(o));
    if (env.global.dry_run) {
        Json plan{{"dryRun", true}, {"service", call.service}, {"method", call.method}, {"grants", livekit::to_json(call.claims)}, {"request", call.body}};
        return show(std::move(plan), call.method, env);
    }
    if (!call.method.starts_with("List") && !call.method.starts_with("Get")) VC_TRY(env.change(fmt::format("call {}", o.call)));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    VC_TRY_ASSIGN(auto reply, o.all ? ask_all(*twirp, call) : ask(*twirp, call));
    return show(std::move(reply), call.method, env);
}

}  // namespace voicectl::commands
