#include "commands/room/wait.h"

#include <algorithm>
#include <map>

#include "commands/room/conditions.h"
#include "commands/room/live_room.h"
#include "commands/room/outcome.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using std::chrono::milliseconds;
using Kind = Condition::Kind;

constexpr milliseconds kFastPace{300}, kSlowPace{1000};
constexpr milliseconds kQuick{5000};  // after this a second more or less is nothing
constexpr const char* kRoomWaitHelp = R"(Conditions: exists, gone, empty, participants=N (at least N), agent[=NAME], audio[=IDENTITY], egress=active,
metadata[=TEXT]. Several --for must all hold at the same time; audio counts from when it was first heard. Agents
count as participants, recorders and hidden observers do not. audio means sound on a track, not digital silence,
and needs a hidden visit to the room; where nobody has joined before, the room's end then follows its departure timeout
(20 s unless set otherwise) and no longer its empty timeout, of which a warning tells. The server counts with up to a
second of delay.

Exit 5 at once when the room is not there or ends (unless exists or gone is waited for), 8 when the time ran out,
with what was seen last.

Examples:
  voicectl room wait demo --for exists --for participants=2 --timeout 30s
  voicectl room wait demo --for agent=receptionist --for audio
  voicectl room wait demo --for gone --timeout 5m)";

/// Where the wait passes its time: on the loop, with an ear on the signals, and, once in the room, on everybody
/// who makes a sound.
class Listener {
 public:
    bool joined() const { return joined_; }
    Result<void> join(const livekit::Server& server, const std::string& room) {
        LiveOptions options;
        options.subscribe = rtc::Subscribe::Audio;
        mint_into(options, server, observer_claims(room));
        live_.on_track = [this](const rtc::TrackInfo& track) { hear(track); };
        live_.on_track_gone = [this](const rtc::TrackInfo& track) { inputs_.erase(track.sid); };
        joined_ = true;
        return live_.join(options);
    }
    ~Listener() {
        live_.on_loop([this] { inputs_.clear(); });
        live_.leave();
    }
    const std::set<std::string>& heard() const { return heard_; }
    Result<bool> wait(TimePoint until) { return live_.run({until}); }

 private:
    void hear(const rtc::TrackInfo& track) {
        if (!track.audio) return;
        constexpr int kRate = 16000, kFrames = 20;  // 200 ms of sound, a click is less
        constexpr double kSoundDbfs = -50;
        auto loud = std::make_shared<int>(0);
        inputs_[track.sid] = live_.room().listen(track.sid, kRate, [this, loud, who = track.participant_identity](const rtc::AudioFrame& frame) {
            if (audio::measure(frame.samples).rms_dbfs > kSoundDbfs && ++*loud >= kFrames) heard_.insert(who);
        });
    }

    std::set<std::string> heard_;
    bool joined_ = false;
    LiveRoom live_;
    std::map<std::string, std::unique_ptr<rtc::AudioInput>> inputs_;
};

class Wait {
 public:
    Wait(const RoomWaitOptions& options, Env& env, livekit::TwirpClient& twirp, std::vector<Condition> conditions, milliseconds limit)
        : o_(options), env_(env), twirp_(twirp), conditions_(std::move(conditions)), limit_(limit) {}

    Result<void> run() {
        const auto end = begun_ + limit_;
        while (true) {
            VC_TRY(look());
            if (all_hold()) return report();
            VC_TRY(check_end());
            VC_TRY(start_listening());
            const auto now = Clock::now();
            if (now >= end) break;
            env_.out.progress(fmt::format("waiting for {} ({})", fmt::join(missing(), ", "), format_duration(passed(now))));
            VC_TRY(pause(std::min(end, now + (now - begun_ < kQuick ? kFastPace : kSlowPace))));
        }
        env_.out.progress("");
        return fail_with_hint(Errc::Timeout, fmt::format("room \"{}\" within {}: not {}; seen last: {}", o_.name, format_duration(limit_), fmt::join(missing(), ", "), in_words(look_)),
                              "--timeout gives it more time");
    }

 private:
    bool needs(Kind kind) const {
        return std::any_of(conditions_.begin(), conditions_.end(), [&](const Condition& one) { return one.kind == kind; });
    }

    Result<void> look() {
        livekit::RoomApi rooms(twirp_);
        VC_TRY_ASSIGN(auto found, rooms.list({o_.name}));
        look_.room = found.empty() ? std::nullopt : std::optional(std::move(found.front()));
        look_.people.clear();
        look_.egress.clear();
        if (!look_.room) return {};
        was_there_ = true;
        VC_TRY_ASSIGN(const auto people, rooms.participants(o_.name));
        look_.people = who_counts(people);
        look_.heard = listener_->heard();
        if (!needs(Kind::Egress)) return {};
        livekit::proto::ListEgressRequest request;
        request.set_room_name(o_.name);
        VC_TRY_ASSIGN(look_.egress, livekit::EgressApi(twirp_).list(request));
        return {};
    }

    bool all_hold() const {
        return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& one) { return holds(one, look_); });
    }

    // What cannot come any more is not waited for.
    Result<void> check_end() const {
        if (look_.room || needs(Kind::Gone)) return {};
        if (was_there_)
            return fail_with_hint(Errc::NotFound, fmt::format("room \"{}\" ended before {} came true", o_.name, fmt::join(missing(), ", ")), "voicectl room list shows the rooms there are");
        if (needs(Kind::Exists)) return {};
        return fail_with_hint(Errc::NotFound, fmt::format("there is no room \"{}\"", o_.name), "add --for exists to wait for it, too");
    }

    Result<void> start_listening() {
        if (listener_->joined() || !look_.room || !needs(Kind::Audio)) return {};
        VC_TRY_ASSIGN(const auto server, env_.server());
        if (!std::exchange(warned_, true)) warn_of_departure(env_, {*look_.room, look_.people});
        return listener_->join(server, o_.name);
    }

    Result<void> pause(TimePoint until) {
        const auto ended = listener_->wait(until);
        if (ended) return {};
        if (ended.error().code != Errc::NotFound) return std::unexpected(ended.error());
        // The room ended: the next look says what that means, and there may be one of that name again.
        listener_.reset();  // at most one listens to signals
        listener_ = std::make_unique<Listener>();
        VC_TRY(listener_->wait(until));
        return {};
    }

    std::vector<std::string> missing() const {
        std::vector<std::string> out;
        for (const auto& one : conditions_)
            if (!holds(one, look_)) out.push_back(terminal_safe(one.text));
        return out;
    }

    milliseconds passed(TimePoint now) const { return std::chrono::duration_cast<milliseconds>(now - begun_); }

    Result<void> report() {
        env_.out.progress("");
        const auto waited = passed(Clock::now());
        Json report{{"room", o_.name}, {"met", Json::array()}, {"waitedMs", waited.count()}, {"participants", Json::array()}, {"heard", Json::array()}};
        for (const auto& one : conditions_) report["met"].push_back(one.text);
        for (const auto& one : look_.people) report["participants"].push_back(one.identity());
        for (const auto& one : look_.heard) report["heard"].push_back(one);
        return env_.out.emit(report, fmt::format("room {} after {}: {}", terminal_safe(o_.name), format_duration(waited), in_words(look_)), o_.name);
    }

    const RoomWaitOptions& o_;
    Env& env_;
    livekit::TwirpClient& twirp_;
    std::vector<Condition> conditions_;
    milliseconds limit_;
    TimePoint begun_ = Clock::now();
    RoomLook look_;
    bool was_there_ = false, warned_ = false;
    std::unique_ptr<Listener> listener_ = std::make_unique<Listener>();
};

}  // namespace

void add_room_wait(Command room, Env& env, Run<RoomWaitOptions> run) {
    auto o = std::make_shared<RoomWaitOptions>();
    auto cmd = room.add_subcommand("wait", "Wait until a room is as it should be").footer(kRoomWaitHelp);
    cmd.add_option("name", o->name, "Room name").required().type_name("ROOM");
    cmd.add_option("--for", o->conditions, "What to wait for (repeat): exists, gone, empty, participants=N, agent[=NAME], audio[=ID], …")
        .required()
        .one_value().type_name("CONDITION");
    cmd.add_option("--timeout", o->limit, "How long to wait at most").capture_default().type_name("TIME");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_room_wait(const RoomWaitOptions& o, Env& env) {
    std::vector<Condition> conditions;
    for (const auto& text : o.conditions) {
        VC_TRY_ASSIGN(conditions.emplace_back(), parse_condition(text));
    }
    VC_TRY(check_together(conditions));
    VC_TRY_ASSIGN(const auto limit, time_of("--timeout", o.limit));
    VC_TRY_ASSIGN(auto* twirp, twirp_within(env, limit));
    return Wait(o, env, *twirp, std::move(conditions), limit).run();
}

}  // namespace voicectl::commands
