#include "commands/room/join_entry.h"

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

Result<void> check_playing(const RoomJoinOptions& o) {
    if (o.publish.empty() && (o.again || o.exit_after_publish || o.require_heard))
        return fail(Errc::Usage, "--loop, --exit-after-publish and --require-heard need something to --publish");
    if (o.again && o.exit_after_publish) return fail(Errc::Usage, "--loop never ends, so --exit-after-publish never comes");
    if (o.again && o.publish == "-") return fail(Errc::Usage, "standard input cannot be played again (--loop)");
    const bool reads_stdin = o.token == "-" || std::find(o.data.begin(), o.data.end(), "-") != o.data.end();
    if (reads_stdin && o.publish == "-") return fail(Errc::Usage, "standard input can be only one thing: the audio, the token or the data");
    return {};
}

Result<LiveOptions> with_token(const RoomJoinOptions& o, Env& env) {
    LiveOptions out;
    VC_TRY_ASSIGN(out.url, env.url());
    VC_TRY_ASSIGN(const auto text, read_payload(o.token));
    out.token = std::string(trim(text));
    register_secret(out.token);
    VC_TRY_ASSIGN(const auto claims, livekit::parse_unverified(out.token));
    const auto obstacles = livekit::join_obstacles(claims);
    if (!obstacles.empty())
        return fail_with_hint(Errc::Auth, fmt::format("nobody can join with this token: {}", fmt::join(obstacles, "; ")),
                              "voicectl token verify shows what it allows");
    if (!o.name.empty() && o.name != claims.video.room)
        return fail(Errc::Usage, "the token is for room \"{}\", not \"{}\"", terminal_safe(claims.video.room), terminal_safe(o.name));
    return out;
}

Result<void> check_room(const RoomJoinOptions& o, Env& env) {
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::RoomApi rooms(*twirp);
    VC_TRY_ASSIGN(const auto there, rooms.list({o.name}));
    if (!there.empty()) return {};
    if (!o.create)
        return fail_with_hint(Errc::NotFound, fmt::format("there is no room \"{}\"", o.name), "voicectl room list shows the rooms there are; --create makes it");
    livekit::proto::CreateRoomRequest request;
    request.set_name(o.name);
    VC_TRY(rooms.create(request));
    return {};
}

}  // namespace

Result<void> check_join(const RoomJoinOptions& o) {
    VC_TRY(check_playing(o));
    if (o.token.empty() && o.name.empty()) return fail_with_hint(Errc::Usage, "which room?", "name it, or pass a --token that does");
    const bool own_words = !o.identity.empty() || !o.display_name.empty() || !o.metadata.empty() || !o.attributes.empty();
    if (!o.token.empty() && (own_words || o.create))
        return fail_with_hint(Errc::Usage, "the token says who joins: --identity, --name, --metadata, --attribute and --create are for joining without one",
                              "mint the token with them: voicectl token create");
    VC_TRY(join_subscription(o));
    return {};
}

Result<rtc::Subscribe> join_subscription(const RoomJoinOptions& o) {
    if (!o.record.empty() && o.subscribe == "none") return fail(Errc::Usage, "--record needs the audio that --subscribe none leaves out");
    if (o.subscribe == "all") return rtc::Subscribe::All;
    return o.subscribe == "audio" || !o.record.empty() ? rtc::Subscribe::Audio : rtc::Subscribe::None;
}

Result<livekit::Claims> join_claims(const RoomJoinOptions& o) {
    livekit::Claims claims;
    claims.identity = o.identity.empty() ? "voicectl-" + random_id(8) : o.identity;
    claims.name = o.display_name;
    if (!o.metadata.empty()) {
        VC_TRY_ASSIGN(claims.metadata, read_payload(o.metadata));
    }
    for (const auto& text : o.attributes) {
        VC_TRY_ASSIGN(const auto pair, parse_assignment(text));
        claims.attributes[pair.first] = pair.second;
    }
    VC_TRY_ASSIGN(const auto hears, join_subscription(o));
    auto& video = claims.video;
    video.room = o.name;
    video.room_join = true;
    video.can_publish = !o.publish.empty();
    if (!o.publish.empty()) video.can_publish_sources = {"microphone"};
    video.can_subscribe = hears != rtc::Subscribe::None;
    video.can_publish_data = !o.data.empty() || !o.dtmf.empty();
    return claims;
}

Result<LiveOptions> join_entry(const RoomJoinOptions& o, Env& env) {
    LiveOptions out;
    if (!o.token.empty()) {
        VC_TRY_ASSIGN(out, with_token(o, env));
    } else {
        VC_TRY_ASSIGN(auto claims, join_claims(o));
        VC_TRY(env.change(fmt::format("join room {}", o.name)));
        VC_TRY_ASSIGN(const auto server, env.server());
        VC_TRY(check_room(o, env));
        mint_into(out, server, std::move(claims));
    }
    VC_TRY_ASSIGN(out.subscribe, join_subscription(o));
    return out;
}

}  // namespace voicectl::commands
