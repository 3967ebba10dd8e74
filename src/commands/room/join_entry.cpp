#include "commands/room/join_entry.h"

#include <algorithm>

#include "commands/room/outcome.h"
#include "commands/token/allows.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

constexpr const char* kShowToken = "voicectl token verify shows what it allows";

std::unexpected<Error> no_token() {
    return fail_with_hint(Errc::Usage, "the --token is empty", "is its variable set? Without --token one is made from key and secret");
}

Result<void> check_playing(const RoomJoinOptions& o) {
    if (o.publish.empty() && (o.again || o.exit_after_publish || o.require_heard))
        return fail(Errc::Usage, "--loop, --exit-after-publish and --require-heard need something to --publish");
    if (o.again && o.exit_after_publish) return fail(Errc::Usage, "--loop never ends, so --exit-after-publish never comes");
    if (o.again && o.publish == "-") return fail(Errc::Usage, "standard input cannot be played again (--loop)");
    if (o.publish != "-" && (o.rate_hz || o.channels)) return fail(Errc::Usage, "--rate and --channels are for raw standard input: --publish -");
    if (o.publish.empty() && o.track_name != RoomJoinOptions().track_name) return fail(Errc::Usage, "--track-name needs something to --publish");
    if (o.data.empty() && !o.topic.empty()) return fail_with_hint(Errc::Usage, "--topic is the topic of --data, which is missing", "voicectl room send has a --topic for text");
    const bool reads_stdin = o.token == "-" || std::find(o.data.begin(), o.data.end(), "-") != o.data.end();
    if (reads_stdin && o.publish == "-") return fail(Errc::Usage, "standard input can be only one thing: the audio, the token or the data");
    return {};
}

Result<JoinPlan> plan_with_token(const RoomJoinOptions& o) {
    VC_TRY_ASSIGN(const auto text, read_payload(*o.token));
    JoinPlan plan;
    plan.token = std::string(trim(text));
    if (plan.token.empty()) return no_token();
    register_secret(plan.token);
    VC_TRY_ASSIGN(plan.claims, livekit::parse_unverified(plan.token));
    const auto obstacles = livekit::join_obstacles(plan.claims);
    if (!obstacles.empty())
        return fail_with_hint(Errc::Auth, fmt::format("nobody can join with this token: {}", fmt::join(obstacles, "; ")), kShowToken);
    if (!o.name.empty() && o.name != plan.claims.video.room)
        return fail(Errc::Usage, "the token is for room \"{}\", not \"{}\"", terminal_safe(plan.claims.video.room), terminal_safe(o.name));
    const auto lacks = forbidden(o, plan.claims);
    if (!lacks.empty()) return fail_with_hint(Errc::Auth, fmt::format("the token does not allow {}", fmt::join(lacks, ", nor ")), kShowToken);
    return plan;
}

Result<bool> is_there(const RoomJoinOptions& o, Env& env) {
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    VC_TRY_ASSIGN(const auto found, livekit::RoomApi(*twirp).list({o.name}));
    if (!found.empty() || o.create) return !found.empty();
    return fail_with_hint(Errc::NotFound, fmt::format("there is no room \"{}\"", o.name), "voicectl room list shows the rooms there are; --create makes it");
}

Result<void> make_room(const std::string& name, Env& env) {
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::proto::CreateRoomRequest request;
    request.set_name(name);
    VC_TRY(livekit::RoomApi(*twirp).create(request));
    return {};
}

}  // namespace

Result<void> check_join(const RoomJoinOptions& o) {
    VC_TRY(check_playing(o));
    if (o.token && o.token->empty()) return no_token();
    if (!o.token && o.name.empty()) return fail_with_hint(Errc::Usage, "which room?", "name it, or pass a --token that does");
    const bool own_words = !o.identity.empty() || !o.display_name.empty() || !o.metadata.empty() || !o.attributes.empty();
    if (o.token && (own_words || o.create))
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
    VC_TRY_ASSIGN(claims.attributes, parse_pairs("--attribute", o.attributes));
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

std::vector<std::string> forbidden(const RoomJoinOptions& o, const livekit::Claims& claims) {
    std::vector<std::string> out;
    const auto need = [&](bool asked, bool may, const char* what) {
        if (asked && !may) out.emplace_back(what);
    };
    const bool publishes = !o.publish.empty();
    need(publishes, may_publish(claims), "--publish (no canPublish grant)");
    need(publishes && may_publish(claims), may_publish(claims, "microphone"), "--publish (canPublishSources leaves out microphone)");
    need(!o.data.empty(), may_send_data(claims), "--data (no canPublishData grant)");
    need(!o.dtmf.empty(), may_send_data(claims), "--dtmf (no canPublishData grant)");
    const bool listens = !o.record.empty() || o.subscribe == "audio" || o.subscribe == "all";
    need(listens, may_subscribe(claims), o.record.empty() ? "--subscribe (no canSubscribe grant)" : "--record (no canSubscribe grant)");
    return out;
}

Result<JoinPlan> plan_join(const RoomJoinOptions& o, Env& env) {
    if (o.token) return plan_with_token(o);
    JoinPlan plan;
    VC_TRY_ASSIGN(plan.claims, join_claims(o));
    VC_TRY_ASSIGN(const bool there, is_there(o, env));
    plan.creates = !there;
    return plan;
}

Result<LiveOptions> join_entry(const JoinPlan& plan, const RoomJoinOptions& o, Env& env) {
    LiveOptions out;
    VC_TRY_ASSIGN(out.subscribe, join_subscription(o));
    if (!plan.token.empty()) {
        VC_TRY_ASSIGN(out.url, env.url());
        out.token = plan.token;
        return out;
    }
    VC_TRY(env.change(fmt::format("join room {}", o.name)));
    VC_TRY_ASSIGN(const auto server, env.server());
    if (plan.creates) VC_TRY(make_room(o.name, env));
    mint_into(out, server, plan.claims);
    return out;
}

}  // namespace voicectl::commands
