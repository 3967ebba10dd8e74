#include "commands/room/rpc.h"

#include "commands/room/outcome.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxPayload = 15360;
constexpr std::size_t kMaxMethod = 64;
// What the server waits before it calls the method once more.
constexpr milliseconds kOnce{3000};
constexpr const char* kRoomRpcHelp = R"(Prints what the method answers. The server repeats a call that takes more than 3 s, up to three times, and the
method then runs again each time; so --timeout is 2.9 s unless you ask for more. Payload and answer have at
most 15,360 bytes. With --json a method's own error has its code, message and data in the error object.

Examples:
  voicectl room rpc demo --to agent-AJ_x --method get_state
  voicectl room rpc demo --to ann --method set_volume --payload '{"level":3}' --timeout 2s
  voicectl room rpc demo --to ann --method greet --payload @request.json --json)";

Result<livekit::proto::PerformRpcRequest> rpc_request(const RoomRpcOptions& o, milliseconds limit) {
    if (o.method.empty()) return fail(Errc::Usage, "--method is empty");
    if (o.method.size() > kMaxMethod) return fail(Errc::Usage, "a method's name has at most {} bytes, not {}", kMaxMethod, o.method.size());
    livekit::proto::PerformRpcRequest request;
    request.set_room(o.name);
    request.set_destination_identity(o.to);
    request.set_method(o.method);
    VC_TRY_ASSIGN(*request.mutable_payload(), read_payload(o.payload));
    if (request.payload().size() > kMaxPayload)
        return fail_with_hint(Errc::Usage, fmt::format("a payload has at most {} bytes, not {}", kMaxPayload, request.payload().size()),
                              "send more as a text stream: voicectl room send --text");
    request.set_response_timeout_ms(static_cast<std::uint32_t>(limit.count()));
    return request;
}

}  // namespace

void add_room_rpc(Command room, Env& env, Run<RoomRpcOptions> run) {
    auto o = std::make_shared<RoomRpcOptions>();
    auto cmd = room.add_subcommand("rpc", "Call a method of a participant").footer(kRoomRpcHelp);
    cmd.add_option("name", o->name, "Room name").required().type_name("ROOM");
    cmd.add_option("--to", o->to, "Identity of the participant").required().type_name("IDENTITY");
    cmd.add_option("--method", o->method, "Name of the method").required().type_name("NAME");
    cmd.add_option("--payload", o->payload, "What the method is given: text, @file or -").type_name("TEXT|@FILE|-");
    cmd.add_option("--timeout", o->limit, "How long the method may take").capture_default().type_name("TIME");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_room_rpc(const RoomRpcOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto limit, time_of("--timeout", o.limit));
    VC_TRY_ASSIGN(const auto request, rpc_request(o, limit));
    if (env.global.dry_run) return show_dry_run(env, livekit::to_json(request), fmt::format("would call {} of {}", terminal_safe(o.method), terminal_safe(o.to)), o.method);
    if (limit >= kOnce) env.out.warn("the server repeats a call that takes more than 3 s: the method may run up to three times");
    VC_TRY(env.change(fmt::format("call {} of {} in room {}", o.method, o.to, o.name)));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::RoomApi rooms(*twirp);
    VC_TRY(rooms.participant(o.name, o.to));  // else: 3 s, and then a riddle
    const auto begun = Clock::now();
    auto reply = rooms.perform_rpc(request, limit);
    if (!reply && reply.error().code == Errc::Timeout)
        return fail_with_hint(Errc::Timeout, fmt::format("{} did not answer within {}", terminal_safe(o.method), format_duration(limit)),
                              "the method may have run all the same; give it more by --timeout");
    if (!reply) return std::unexpected(std::move(reply).error());
    if (reply->refusal) {
        const auto& refusal = *reply->refusal;
        env.out.error_details = {{"rpcError", {{"code", refusal.code}, {"message", refusal.message}, {"data", refusal.data}}}};
        return std::unexpected(livekit::explain(refusal));
    }
    const auto elapsed = std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
    const Json report{{"room", o.name}, {"to", o.to}, {"method", o.method}, {"payload", reply->payload}, {"ms", elapsed.count()}};
    return env.out.emit(report, env.out.results_are_terminal() ? terminal_safe(reply->payload) : reply->payload, reply->payload);
}

}  // namespace voicectl::commands
