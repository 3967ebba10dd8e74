#include "commands/room/live_room.h"

#include <algorithm>
#include <csignal>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using namespace std::chrono_literals;

constexpr auto kLeaveTime = 4s;
constexpr std::chrono::seconds kTokenLife{600};

Error interrupted(int number) {
    return {number == SIGTERM ? Errc::Terminated : Errc::Cancelled, number == SIGTERM ? "terminated" : "interrupted", {}};
}

}  // namespace

livekit::Claims observer_claims(const std::string& room) {
    livekit::Claims claims;
    claims.identity = "voicectl-" + random_id(8);
    auto& video = claims.video;
    video.room = room;
    video.room_join = video.hidden = true;
    video.can_publish = video.can_publish_data = false;
    video.can_subscribe = true;
    return claims;
}

Result<MetRoom> meet_room(livekit::TwirpClient& twirp, const std::string& name) {
    livekit::RoomApi rooms(twirp);
    VC_TRY_ASSIGN(auto room, rooms.get(name));
    VC_TRY_ASSIGN(auto people, rooms.participants(name));
    return MetRoom{std::move(room), std::move(people)};
}

void warn_of_departure(Env& env, const MetRoom& met) {
    const auto& [room, people] = met;
    const auto counts = [](const auto& one) { return !livekit::is_agent(one) && one.kind() != livekit::proto::ParticipantInfo::EGRESS; };
    if (room.departure_timeout() >= room.empty_timeout() || std::any_of(people.begin(), people.end(), counts)) return;
    env.out.warn(fmt::format("nobody is in room {}: once we have left, it ends after its departure timeout ({} s), not its empty timeout ({} s)",
                             terminal_safe(room.name()), room.departure_timeout(), room.empty_timeout()));
}

void mint_into(LiveOptions& options, const livekit::Server& server, livekit::Claims claims) {
    options.url = server.url;
    options.fresh_token = [key = server.key, claims = std::move(claims)] { return livekit::mint(key, claims, kTokenLife); };
    options.token = options.fresh_token();
}

LiveRoom::LiveRoom() : signals_(std::make_unique<Signals>(loop_, [this](int number, int count) { handle_signal(number, count); })) {}

LiveRoom::~LiveRoom() {
    leave();
    core_.reset();
}

void LiveRoom::handle_signal(int number, int count) {
    ended_ = std::unexpected(interrupted(number));
    if (count > 1) closed_ = true;  // no goodbye any more
    loop_.stop();
}

void LiveRoom::on_loop(const std::function<void()>& task) {
    bool done = false;
    loop_.post([&] {
        task();
        done = true;
        loop_.stop();
    });
    while (!done) loop_.run();
}

Result<void> LiveRoom::join(const LiveOptions& options) {
    VC_TRY_ASSIGN(core_, rtc::Core::load());
    rtc::RoomOptions wanted;
    wanted.url = options.url;
    wanted.token = options.token;
    wanted.subscribe = options.subscribe;
    wanted.join_timeout = options.join_timeout;
    wanted.fresh_token = options.fresh_token;
    std::optional<Result<void>> answer;
    loop_.post([&] {
        room_ = core_->room(loop_, wanted, *this);
        room_->join([this, &answer](Result<void> joined) {
            answer = std::move(joined);
            joined_at_ = Clock::now();
            loop_.stop();
        });
    });
    while (!answer && !ended_) loop_.run();
    if (ended_ && !answer) {  // the answer would come to a place that is gone
        on_loop([this] { room_.reset(); });
        return *ended_;
    }
    if (!*answer) return *answer;
    tell_connected();
    return {};
}

void LiveRoom::tell_connected() {
    auto event = event_json("connected");
    event["room"] = room_->name();
    event["sid"] = room_->sid();
    event["identity"] = room_->identity();
    event["metadata"] = room_->metadata();
    event["participants"] = people_.size();
    connected_ = true;
    tell(event);
    for (const auto& one : std::exchange(before_connected_, {})) tell(one);
}

Result<bool> LiveRoom::run(Deadline deadline) {
    while (!ended_) {
        if (deadline.at == TimePoint::max()) loop_.run();
        else if (!loop_.run_until(deadline.at) && !ended_) return false;
    }
    VC_TRY(*ended_);
    return true;
}

void LiveRoom::end(Result<void> result) {
    if (!ended_) ended_ = std::move(result);
    loop_.stop();
}

void LiveRoom::leave() {
    if (!room_ || std::exchange(leaving_, true)) return;
    loop_.post([this] { room_->leave(); });
    const auto limit = Clock::now() + kLeaveTime;
    while (!closed_ && Clock::now() < limit) loop_.run_until(limit);
    on_loop([this] { room_.reset(); });
}

void LiveRoom::tell(const Json& event) {
    if (!connected_) return before_connected_.push_back(event);
    if (on_event && !leaving_) on_event(event);
}

void LiveRoom::on_state(rtc::ConnectionState state) {
    if (state == rtc::ConnectionState::Reconnecting && !std::exchange(reconnecting_, true)) tell(event_json("reconnecting"));
    if (state == rtc::ConnectionState::Connected && std::exchange(reconnecting_, false)) tell(event_json("reconnected"));
}

void LiveRoom::on_joined(const rtc::Participant& who) {
    people_[who.identity] = who;
    tell(joined_json(who, !connected_));
}

void LiveRoom::on_left(const rtc::Participant& who) {
    people_.erase(who.identity);
    tell(left_json(who));
    if (on_left_room && !leaving_) on_left_room(who.identity);
}

void LiveRoom::on_updated(const rtc::Participant& who) {
    const auto before = std::exchange(people_[who.identity], who);
    for (const auto& event : changes_json(before, who)) tell(event);
}

void LiveRoom::on_track_published(const rtc::TrackInfo& track) {
    tracks_[track.sid] = track;
    auto event = track_json("track_published", track);
    event["present"] = !connected_;
    tell(event);
}

void LiveRoom::on_track_unpublished(const rtc::TrackInfo& track) {
    tracks_.erase(track.sid);
    tell(track_json("track_unpublished", track));
}

void LiveRoom::on_track_muted(const rtc::TrackInfo& track) { tell(track_json(track.muted ? "track_muted" : "track_unmuted", track)); }

void LiveRoom::on_track_subscribed(const rtc::TrackInfo& track) {
    tell(track_json("track_subscribed", track));
    if (on_track) on_track(track);
}

void LiveRoom::on_track_unsubscribed(const rtc::TrackInfo& track) {
    tell(track_json("track_unsubscribed", track));
    if (on_track_gone) on_track_gone(track);
}

void LiveRoom::on_own_track_heard(const std::string& name) {
    auto event = event_json("heard");
    event["name"] = name;
    tell(event);
}

void LiveRoom::on_room_metadata(const std::string& metadata) {
    auto event = event_json("room_metadata");
    event["metadata"] = metadata;
    tell(event);
}

void LiveRoom::on_transcription(const rtc::Transcription& packet) {
    for (const auto& event : transcription_json(packet)) tell(event);
}

void LiveRoom::on_closed(const rtc::Closed& closed) {
    closed_ = true;
    auto event = event_json("closed");
    event["reason"] = closed.error.message;
    event["code"] = to_string(closed.error.code);
    tell(event);
    end(std::unexpected(closed.error));
}

}  // namespace voicectl::commands
