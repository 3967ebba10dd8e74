#include "commands/room/send.h"

#include <algorithm>

#include "commands/room/live_room.h"
#include "commands/room/outcome.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxData = 15000;
constexpr const char* kRoomSendHelp = R"(--data sends one packet through the server API: up to 15,000 bytes, from nobody in particular. --text sends a text
stream of any length (topic lk.chat unless --topic says otherwise), which needs a short, hidden visit to the room; where
nobody has joined before, the room's end then follows its departure timeout (20 s unless set otherwise) and no longer its
empty timeout, of which a warning tells. Nobody confirms either; a room or a --to that is not there is exit 5.

Examples:
  voicectl room send demo --data '{"mute":true}' --topic control
  voicectl room send demo --data @state.json --topic state --to ann --to bob
  voicectl room send demo --text 'The call ends in a minute'
  git log -3 | voicectl room send demo --text - --topic notes)";

// The server takes what is for nobody without a word.
Result<void> check_there(const RoomSendOptions& o, livekit::TwirpClient& twirp, Env& env) {
    VC_TRY_ASSIGN(const auto met, meet_room(twirp, o.name));
    if (o.text) warn_of_departure(env, met);
    for (const auto& identity : o.to) {
        if (std::any_of(met.people.begin(), met.people.end(), [&](const auto& one) { return one.identity() == identity; })) continue;
        return fail_with_hint(Errc::NotFound, fmt::format("there is no participant \"{}\" in room \"{}\"", identity, o.name),
                              fmt::format("voicectl room participant list {} shows who is there", o.name));
    }
    return {};
}

livekit::proto::SendDataRequest data_request(const RoomSendOptions& o, const std::string& payload) {
    livekit::proto::SendDataRequest request;
    request.set_room(o.name);
    request.set_data(payload);
    request.set_kind(o.lossy ? livekit::proto::DataPacket::LOSSY : livekit::proto::DataPacket::RELIABLE);
    if (!o.topic.empty()) request.set_topic(o.topic);
    for (const auto& identity : o.to) request.add_destination_identities(identity);
    return request;
}

Result<void> send_text(const RoomSendOptions& o, const std::string& topic, const std::string& text, Env& env) {
    VC_TRY_ASSIGN(const auto server, env.server());
    auto claims = observer_claims(o.name);
    claims.video.can_publish_data = true;
    claims.video.can_subscribe = false;
    LiveOptions options;
    mint_into(options, server, std::move(claims));
    LiveRoom live;
    VC_TRY(live.join(options));
    live.on_loop([&] {
        live.room().send_text(text, rtc::StreamOptions{topic, {}, o.to}, [&](Result<void> sent) { live.end(std::move(sent)); });
    });
    VC_TRY_ASSIGN(const bool answered, live.run(Deadline::in(20s)));
    if (!answered) return fail(Errc::Timeout, "the text was not sent within 20 s");
    // "Sent" is handed over; what is still on its way would go with us. A megabyte needs a second here.
    const auto tail = 500ms + std::chrono::milliseconds(text.size() / 1000);
    live.loop().run_until(Clock::now() + tail);
    live.leave();
    return {};
}

}  // namespace

void add_room_send(Command room, Env& env, Run<RoomSendOptions> run) {
    auto o = std::make_shared<RoomSendOptions>();
    auto cmd = room.add_subcommand("send", "Send data or text to those in a room").footer(kRoomSendHelp);
    cmd.add_option("name", o->name, "Room name").required().type_name("ROOM");
    auto data = cmd.add_option("--data", o->data, "A data packet: text, @file or -").type_name("TEXT|@FILE|-");
    cmd.add_option("--text", o->text, "A text stream: text, @file or -").excludes(data).type_name("TEXT|@FILE|-");
    cmd.add_option("--topic", o->topic, "Topic [none for data, lk.chat for text]");
    cmd.add_option("--to", o->to, "Only to this identity (repeat)").one_value().type_name("IDENTITY");
    cmd.add_flag("--lossy", o->lossy, "Data that may get lost, for what is soon out of date");
    on_run(cmd, o, env, std::move(run));
}

Result<std::string> send_payload(const RoomSendOptions& o) {
    if (!o.data && !o.text) return fail_with_hint(Errc::Usage, "nothing to send", "pass --data or --text");
    if (o.text && o.lossy) return fail(Errc::Usage, "--lossy is for --data");
    VC_TRY_ASSIGN(auto payload, read_bytes(o.data ? *o.data : *o.text));
    if (o.data && payload.size() > kMaxData)
        return fail_with_hint(Errc::Usage, fmt::format("a data packet has at most {} bytes, not {}", kMaxData, payload.size()), "--text takes any length");
    if (o.text && valid_utf8(payload) != payload) return fail_with_hint(Errc::Usage, "--text is not UTF-8", "--data takes any bytes");
    return payload;
}

Result<void> run_room_send(const RoomSendOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto payload, send_payload(o));
    const auto topic = o.text && o.topic.empty() ? std::string("lk.chat") : o.topic;
    Json report{{"room", o.name}, {"kind", o.text ? "text" : "data"}, {"topic", topic}, {"to", o.to}, {"size", payload.size()}, {"reliable", !o.lossy}};
    if (env.global.dry_run) {
        report["payload"] = valid_utf8(payload);
        return show_dry_run(env, report, fmt::format("would send {} bytes to room {}", payload.size(), terminal_safe(o.name)), o.name);
    }
    VC_TRY(env.change(fmt::format("send to room {}", o.name)));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    VC_TRY(check_there(o, *twirp, env));
    if (o.text) VC_TRY(send_text(o, topic, payload, env));
    else VC_TRY(livekit::RoomApi(*twirp).send_data(data_request(o, payload)));
    return env.out.emit(report, fmt::format("sent {} bytes to {}", payload.size(), o.to.empty() ? "everybody" : terminal_safe(fmt::format("{}", fmt::join(o.to, ", ")))), o.name);
}

}  // namespace voicectl::commands
