#include "voicectl/egress/recording.h"

#include <algorithm>
#include <map>

#include "cast.h"
#include "file_queue.h"
#include "voicectl/base/log.h"
#include "voicectl/egress/mixer.h"

namespace voicectl::egress {
namespace {

using namespace std::chrono_literals;
using SystemClock = std::chrono::system_clock;

constexpr auto kTick = 100ms;
// What was said before a stop is still on its way: a network, a jitter buffer.
constexpr auto kOnItsWay = 250ms;
constexpr int kSound = 100;  // over it (-50 dBFS) what came after the stop is kept
constexpr auto kTracksGone = 500ms;
// After the server was away everybody comes back with new sids, each by a back-off of up to 30 s (rtc/room.h).
constexpr auto kSettle = 35s;
constexpr auto kLook = 500ms;  // at the figures of what comes; half of what the mixer waits
constexpr std::int64_t kMaxWaiting = 30 * Mixer::kRateHz;

std::int64_t frames_in(std::chrono::nanoseconds time) { return time.count() / 1000 * Mixer::kRateHz / 1'000'000; }
std::chrono::nanoseconds time_of(std::int64_t frames) { return std::chrono::nanoseconds(frames * 1'000'000'000 / Mixer::kRateHz); }

bool is_silent(audio::SampleView samples) {
    return std::all_of(samples.begin(), samples.end(), [](auto one) { return one == 0; });
}
bool has_sound(audio::SampleView samples) {
    return std::any_of(samples.begin(), samples.end(), [](int one) { return std::abs(one) > kSound; });
}

class RoomRecording final : public Recording, private rtc::RoomObserver {
 public:
    RoomRecording(Loop& loop, rtc::Core& core, Workers& workers, Plan plan, RoomSettings room, Limits limits, std::string path, Events events)
        : loop_(loop),
          workers_(workers),
          plan_(std::move(plan)),
          limits_(limits),
          path_(std::move(path)),
          events_(std::move(events)),
          cast_(plan_),
          tick_(loop),
          end_timer_(loop),
          appear_timer_(loop),
          gone_timer_(loop),
          look_timer_(loop) {
        room_ = core.room(loop, {.url = std::move(room.url),
                                 .token = std::move(room.token),
                                 .subscribe = rtc::Subscribe::None,
                                 .rejoin_for = room.rejoin_for,
                                 .fresh_token = std::move(room.fresh_token)},
                          *this);
        room_->join(lifeline_.guard([this](Result<void> joined) { handle_joined(std::move(joined)); }));
    }

    void stop() override {
        loop_.assert_current();
        end(Ended::Why::Stopped);
    }

    Stats stats() const override {
        Stats out;
        out.tracks = heard_.size();
        if (mixer_) {
            const auto& mixed = mixer_->stats();
            out.lost_samples = mixed.lost_samples;
            out.gaps = mixed.gaps;
            out.cuts = mixed.cuts;
            out.limited = mixed.limited;
            out.peak = mixed.peak;
            out.bytes = file_->bytes();
            out.recorded = std::chrono::duration_cast<std::chrono::milliseconds>(time_of(written_));
            out.waiting = std::chrono::duration_cast<std::chrono::milliseconds>(time_of(file_->waiting()));
        }
        return out;
    }

 private:
    struct Heard {
        std::string key;
        Mixer::SourceId source = 0;  // 0: nothing of it was mixed yet
        Side side = Side::Both;
        std::unique_ptr<rtc::AudioInput> input;
        struct {
            std::chrono::duration<double> time{0};  // summed over the samples
            std::uint64_t samples = 0;
        } held_back;  // by the core's jitter buffer
    };

    // ---- the room ----

    void handle_joined(Result<void> joined) {
        if (ending_) return;
        if (!joined) return end(Ended::Why::Failed, std::move(joined).error());
        appear_timer_.after(plan_.must_appear_in, [this] {
            if (auto missing = cast_.missing(); !missing.empty()) end(Ended::Why::NotThere, {Errc::NotFound, std::move(missing), {}});
        });
        look_timer_.every(kLook, [this] { look(); });
    }

    void on_joined(const rtc::Participant& who) override { cast_.meet(who); }

    void on_track_published(const rtc::TrackInfo& track) override {
        const auto side = cast_.side_of(track);
        if (!side) return;
        wanted_[track.sid] = *side;
        gone_timer_.cancel();
        subscribe(track.sid);
    }

    void on_track_unpublished(const rtc::TrackInfo& track) override {
        cast_.forget(track.sid);
        if (wanted_.erase(track.sid) == 0 || !wanted_.empty() || !plan_.ends_with_tracks || ending_) return;
        const bool settling = loop_.now() < settled_at_ || room_->state() != rtc::ConnectionState::Connected;
        end_at_ = loop_.now();
        gone_timer_.after(settling ? Duration(kSettle) : Duration(kTracksGone), [this] { end(Ended::Why::TracksGone); });
    }

    void on_track_subscribed(const rtc::TrackInfo& track) override {
        const auto wanted = wanted_.find(track.sid);
        if (wanted == wanted_.end() || ending_) return;
        const auto key = key_of(track);
        // After a reconnect of the core the old one may not be told as gone, and its input goes on with this track by itself.
        std::erase_if(heard_, [&](auto& one) {
            const bool over = one.first == track.sid || (one.second.key == key && (!wanted_.contains(one.first) || loop_.now() < settled_at_));
            if (over) unmix(one.second);
            return over;
        });
        auto& heard = heard_[track.sid];
        heard.key = key;
        heard.side = wanted->second;
        heard.input = room_->listen(track.sid, Mixer::kRateHz, [this, sid = track.sid](const rtc::AudioFrame& frame) { handle_frame(sid, frame); });
    }

    void on_track_unsubscribed(const rtc::TrackInfo& track) override {
        const auto at = heard_.find(track.sid);
        if (at == heard_.end()) return;
        unmix(at->second);
        heard_.erase(at);
    }

    void on_state(rtc::ConnectionState state) override {
        if (state == rtc::ConnectionState::Reconnecting) settled_at_ = TimePoint::max();
        if (state != rtc::ConnectionState::Connected) return;
        if (settled_at_ == TimePoint::max()) settled_at_ = loop_.now() + kSettle;
        // A new session has no subscriptions of the old one.
        for (const auto& [sid, side] : wanted_) subscribe(sid);
    }

    void on_closed(const rtc::Closed& closed) override {
        if (closed.reason == "duplicate_identity") return end(Ended::Why::Duplicate);
        if (closed.reason == "participant_removed" || closed.error.code == Errc::NotFound) return end(Ended::Why::SourceClosed);
        if (closed.error.code != Errc::Cancelled) end(Ended::Why::RoomLost, closed.error);
    }

    void subscribe(const std::string& sid) {
        if (const auto asked = room_->subscribe(sid, true); !asked)
            log::warn("egress", "a track cannot be subscribed to", {{"egress", plan_.egress_id}, {"track", sid}, {"why", asked.error().message}});
    }

    // ---- from frames to the file ----

    void handle_frame(const std::string& sid, const rtc::AudioFrame& frame) {
        if (finished_) return;
        // The core gives silence from the subscription on; a packet of silence is found by look().
        if (!mixer_ && (ending_ || is_silent(frame.samples))) return;
        if (!mixer_) begin(frame.received_at);
        const auto at = heard_.find(sid);
        if (at == heard_.end()) return;
        auto& heard = at->second;
        if (heard.source == 0) heard.source = mixer_->add(heard.side);
        mixer_->push(heard.source, frame.samples, frame.received_at);
    }

    void unmix(const Heard& heard) {
        if (mixer_ && heard.source != 0) mixer_->remove(heard.source);
    }

    void look() {
        for (const auto& [sid, heard] : heard_)
            heard.input->statistics(lifeline_.guard([this, sid = sid, asked = loop_.now()](const rtc::TrackStatistics& figures) {
                if (!finished_) handle_figures(sid, figures, asked);
            }));
    }

    void handle_figures(const std::string& sid, const rtc::TrackStatistics& figures, TimePoint at) {
        const auto found = heard_.find(sid);
        if (found == heard_.end()) return;
        if (!mixer_ && !ending_ && figures.packets > 0) begin(at);
        auto& heard = found->second;
        const auto before = std::exchange(heard.held_back, {figures.held_back, figures.held_samples});
        if (!mixer_ || heard.source == 0 || figures.held_samples <= before.samples) return;
        const auto mean = (figures.held_back - before.time) / static_cast<double>(figures.held_samples - before.samples);
        mixer_->held_back(heard.source, at, std::chrono::duration_cast<std::chrono::nanoseconds>(mean));
    }

    void begin(TimePoint at) {
        mixer_ = std::make_unique<Mixer>(plan_.channels, at);
        began_ = (SystemClock::now() - (loop_.now() - at)).time_since_epoch();
        file_ = std::make_unique<FileQueue>(loop_, workers_, path_,
                                            FileQueue::Form{Mixer::kRateHz, plan_.channels, {.rate_hz = plan_.rate_hz, .bit_rate = plan_.bit_rate, .mode = 0600}},
                                            [this](const Error& error) { end(Ended::Why::Failed, error); });
        // Frames that waited for the loop go before the mixing, so that a loop that was held up loses nothing.
        tick_.every(kTick, [this] { loop_.post(lifeline_.guard([this] { mix(); })); });
        if (events_.on_first_audio) events_.on_first_audio(SystemClock::time_point(std::chrono::duration_cast<SystemClock::duration>(began_)));
    }

    void mix() {
        if (finished_) return;
        const auto now = std::min(loop_.now(), ending_ ? end_at_ + Mixer::kDelay : TimePoint::max());
        for (auto block = mixer_->render(now); !block.empty(); block = mixer_->render(now)) {
            add(block);
            if (over_limit()) break;
        }
        flush();
        if (ending_) return;
        if (over_limit() || (limits_.bytes > 0 && file_->bytes() >= limits_.bytes)) return end(Ended::Why::Limit);
        if (file_->waiting() > kMaxWaiting)
            end(Ended::Why::Failed, {Errc::Io, fmt::format("{} is written too slowly: 30 seconds of sound wait for the disk", path_), "is the disk, or the CPU, too busy?"});
    }

    bool over_limit() const { return limits_.duration.count() > 0 && written_ >= frames_in(limits_.duration); }

    void add(audio::SampleView block) {
        const auto channels = static_cast<std::size_t>(plan_.channels);
        auto frames = static_cast<std::int64_t>(block.size() / channels);
        if (limits_.duration.count() > 0) frames = std::min(frames, frames_in(limits_.duration) - written_);
        if (frames <= 0) return;
        chunk_.insert(chunk_.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(frames) * channels));
        written_ += frames;
    }

    void flush() {
        file_->write(chunk_);
        chunk_.clear();
    }

    // ---- the end ----

    void end(Ended::Why why, Error error = {}) {
        if (std::exchange(ending_, true)) return;
        ended_.why = why;
        ended_.error = std::move(error);
        appear_timer_.cancel();
        look_timer_.cancel();
        gone_timer_.cancel();
        if (why != Ended::Why::TracksGone) end_at_ = loop_.now();
        const bool more_to_come = mixer_ && (why == Ended::Why::Stopped || why == Ended::Why::TracksGone);
        // Never inside the call: the room, too, may have called us.
        end_timer_.after(more_to_come ? Duration(kOnItsWay) : Duration::zero(), [this] { loop_.post(lifeline_.guard([this] { finish(); })); });
    }

    void finish() {
        finished_ = true;
        tick_.cancel();
        if (mixer_ && ended_.why != Ended::Why::Limit && ended_.why != Ended::Why::Failed) mix_rest();
        heard_.clear();
        room_.reset();
        if (!mixer_) return tell({});
        flush();
        file_->close([this](const FileQueue::Closed& closed) { tell(closed); });
    }

    /// Up to the end, and what was said before it and came after it.
    void mix_rest() {
        for (auto block = mixer_->drain(end_at_); !block.empty(); block = mixer_->drain(end_at_)) add(block);
        audio::Samples quiet;
        for (auto block = mixer_->drain(end_at_ + kOnItsWay); !block.empty(); block = mixer_->drain(end_at_ + kOnItsWay)) {
            quiet.insert(quiet.end(), block.begin(), block.end());
            if (!has_sound(block)) continue;
            add(quiet);
            quiet.clear();
        }
    }

    void tell(const FileQueue::Closed& closed) {
        ended_.has_file = closed.frames > 0;
        ended_.bytes = closed.bytes;
        if (!closed.result && ended_.why != Ended::Why::Duplicate && ended_.why != Ended::Why::Failed) {
            ended_.why = Ended::Why::Failed;
            ended_.error = closed.result.error();
        }
        ended_.duration = time_of(closed.frames);
        ended_.began = began_;
        ended_.ended = began_.count() == 0 ? began_ : began_ + ended_.duration;
        const auto on_ended = std::move(events_.on_ended);  // it may be the end of us
        const auto ended = ended_;
        loop_.post(lifeline_.guard([on_ended, ended] {
            if (on_ended) on_ended(ended);
        }));
    }

    Loop& loop_;
    Workers& workers_;
    const Plan plan_;
    const Limits limits_;
    const std::string path_;
    Events events_;
    Cast cast_;
    std::map<std::string, Side> wanted_;   // tracks that are there, by sid
    std::map<std::string, Heard> heard_;   // by sid
    std::unique_ptr<Mixer> mixer_;         // from the first audio on
    audio::Samples chunk_;                 // mixed in this tick
    std::int64_t written_ = 0;             // frames
    std::chrono::nanoseconds began_{0};    // system time
    TimePoint end_at_{}, settled_at_{};
    bool ending_ = false, finished_ = false;
    Ended ended_;
    std::unique_ptr<FileQueue> file_;
    std::unique_ptr<rtc::Room> room_;
    Timer tick_, end_timer_, appear_timer_, gone_timer_, look_timer_;
    Lifeline lifeline_;
};

}  // namespace

std::unique_ptr<Recording> Recording::create(Loop& loop, rtc::Core& core, Workers& workers, Plan plan, RoomSettings room, Limits limits,
                                             std::string path, Events events) {
    loop.assert_current();
    return std::make_unique<RoomRecording>(loop, core, workers, std::move(plan), std::move(room), limits, std::move(path), std::move(events));
}

}  // namespace voicectl::egress
