#include "voicectl/e2e/media_probe.h"

#include <cmath>
#include <future>
#include <numbers>
#include <optional>
#include <thread>

#include "rendezvous.h"
#include "voicectl/audio/pcm.h"
#include "voicectl/rtc/room.h"

namespace voicectl::e2e {
namespace {

using std::chrono::milliseconds;

constexpr int kProbeRate = 16000;
constexpr double kToneHz = 440;
constexpr std::size_t kWindow = kProbeRate / 5;      // 200 ms, 88 whole waves: long enough for a sharp look
constexpr double kPure = 0.5;                   // share of energy at the tone; noise has under 0.01
constexpr double kAudible = -50;                // dBFS; the tone is played at -9
constexpr std::chrono::seconds kToneLength{20};  // longer than anyone waits
constexpr std::chrono::minutes kProbeTokenLife{5};

audio::Samples tone() {
    audio::Samples out(static_cast<std::size_t>(kToneLength.count()) * kProbeRate);
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::int16_t>(16000 * std::sin(2 * std::numbers::pi * kToneHz * static_cast<double>(i) / kProbeRate));
    return out;
}

/// The share of the energy of `samples` that lies at the tone (Goertzel's single bin of a Fourier transform).
double purity_of(audio::SampleView samples) {
    const double turn = 2 * std::cos(2 * std::numbers::pi * kToneHz / kProbeRate);
    double before = 0, last = 0, energy = 0;
    for (const auto sample : samples) {
        const double now = static_cast<double>(sample) + turn * last - before;
        before = std::exchange(last, now);
        energy += static_cast<double>(sample) * static_cast<double>(sample);
    }
    if (energy == 0) return 0;
    const double power = last * last + before * before - turn * last * before;
    return 2 * power / (static_cast<double>(samples.size()) * energy);
}

std::string token_for(const livekit::Server& server, const std::string& room, const std::string& identity, bool speaks) {
    livekit::Claims claims;
    claims.identity = identity;
    claims.video.room_join = true;
    claims.video.room = room;
    claims.video.can_publish = speaks;
    claims.video.can_publish_data = false;
    claims.video.can_subscribe = !speaks;
    if (speaks) claims.video.can_publish_sources = {"microphone"};
    return livekit::mint(server.key, claims, kProbeTokenLife);
}

class Speaker final : public rtc::RoomObserver {
 public:
    Speaker(Rendezvous& meeting, std::optional<Error>& lost) : meeting_(meeting), lost_(lost) {}
    void on_closed(const rtc::Closed& closed) override {
        meeting_.change([&] {
            if (!lost_) lost_ = closed.error;
        });
    }

 private:
    Rendezvous& meeting_;
    std::optional<Error>& lost_;
};

/// Everything of rooms and tracks lives on its loop; the probing thread waits at the rendezvous.
class Probe final : private rtc::RoomObserver {
 public:
    Probe(const livekit::Server& server, const std::string& room, rtc::Core& core)
        : server_(server), name_(room), core_(core), loop_thread_([this] { loop_.run(); }) {}

    ~Probe() override {
        on_loop([this] {
            input_.reset();
            output_.reset();
            listening_.reset();
            speaking_.reset();
        });
        loop_.stop();
        loop_thread_.join();
    }

    Rendezvous& meeting() { return meeting_; }

    Result<MediaProbe> run(milliseconds timeout) {
        const auto begun = Clock::now();
        const auto end = Deadline::in(timeout);
        MediaProbe out;
        VC_TRY(join(listening_, *this, token_for(server_, name_, "voicectl-doctor-listener", false), end));
        VC_TRY(join(speaking_, speaker_, token_for(server_, name_, "voicectl-doctor-speaker", true), end));
        out.joined_after = since(begun);
        VC_TRY(publish(end));
        const auto heard = wait(end, [this] { return heard_at_.has_value(); });
        if (!heard && heard.error().code == Errc::Timeout) return nothing_heard();
        VC_TRY(heard);
        meeting_.read([&] {
            out.heard_after = std::chrono::duration_cast<milliseconds>(*heard_at_ - played_at_.value_or(*heard_at_));
            out.level_dbfs = level_;
            out.purity = purity_;
        });
        out.path = path(end);
        return out;
    }

 private:
    static milliseconds since(TimePoint time) { return std::chrono::duration_cast<milliseconds>(Clock::now() - time); }

    template<class F>
    void on_loop(F task) {
        std::promise<void> done;
        loop_.post([&] {
            task();
            done.set_value();
        });
        done.get_future().wait();
    }

    template<class Condition>
    Result<void> wait(Deadline end, Condition condition) {
        VC_TRY_ASSIGN(const bool in_time, meeting_.wait(end, [&] { return lost_.has_value() || condition(); }));
        if (const auto lost = meeting_.read([&] { return condition() ? std::nullopt : lost_; })) return std::unexpected(*lost);
        if (!in_time) return fail(Errc::Timeout, "nothing happened in time");
        return {};
    }

    Result<void> join(std::unique_ptr<rtc::Room>& room, rtc::RoomObserver& observer, std::string token, Deadline end) {
        auto answer = std::make_shared<std::optional<Result<void>>>();
        on_loop([&] {
            rtc::RoomOptions options;
            options.url = server_.url;
            options.token = std::move(token);
            options.join_timeout = std::chrono::duration_cast<milliseconds>(end.left());
            options.rejoin_for = milliseconds{0};
            room = core_.room(loop_, std::move(options), observer);
            room->join([this, answer](Result<void> result) { meeting_.change([&] { *answer = std::move(result); }); });
        });
        const auto grace = Deadline{end.at + std::chrono::seconds{2}};  // the room's own timeout says more
        VC_TRY_ASSIGN(const bool answered, meeting_.wait(grace, [&] { return answer->has_value(); }));
        if (!answered) return fail(Errc::Timeout, "no answer to the join");
        return meeting_.read([&] { return **answer; });
    }

    Result<void> publish(Deadline end) {
        auto failed = std::make_shared<std::optional<Error>>();
        auto there = std::make_shared<bool>(false);
        on_loop([&] {
            speaking_->publish_audio("voicectl-doctor", kProbeRate, [this, failed, there](Result<std::unique_ptr<rtc::AudioOutput>> output) {
                if (output) play(std::move(*output));
                meeting_.change([&] {
                    *there = output.has_value();
                    if (!output) *failed = output.error();
                });
            });
        });
        VC_TRY(wait(end, [&] { return *there || failed->has_value(); }));
        if (*failed) return std::unexpected(std::move(**failed).while_doing("publishing a track"));
        return {};
    }

    std::string path(Deadline end) {
        auto told = std::make_shared<std::optional<std::string>>();
        on_loop([&] {
            listening_->statistics([this, told](Result<rtc::Statistics> figures) {
                meeting_.change([&] { *told = figures ? figures->path : std::string(); });
            });
        });
        if (!wait(end, [&] { return told->has_value(); })) return {};
        return meeting_.read([&] { return **told; });
    }

    void play(std::unique_ptr<rtc::AudioOutput> output) {
        output_ = std::move(output);
        output_->on_started = [this](TimePoint at) { meeting_.change([&] { played_at_ = at; }); };
        output_->play(tone());
    }

    void on_track_subscribed(const rtc::TrackInfo& track) override {
        if (!track.audio || input_) return;
        meeting_.change([&] { subscribed_ = true; });
        input_ = listening_->listen(track.sid, kProbeRate, [this](const rtc::AudioFrame& frame) { hear(frame); });
    }

    void hear(const rtc::AudioFrame& frame) {
        window_.insert(window_.end(), frame.samples.begin(), frame.samples.end());
        if (window_.size() < kWindow) return;
        const auto level = audio::measure(window_).rms_dbfs;
        const auto purity = purity_of(window_);
        window_.clear();
        meeting_.change([&] {
            level_ = std::max(level_, level);
            purity_ = std::max(purity_, purity);
            if (!heard_at_ && level > kAudible && purity > kPure) heard_at_ = frame.received_at;
        });
    }

    void on_closed(const rtc::Closed& closed) override {
        meeting_.change([&] {
            if (!lost_) lost_ = closed.error;
        });
    }

    std::unexpected<Error> nothing_heard() {
        return meeting_.read([&] {
            if (!subscribed_) return fail_with_hint(Errc::CheckFailed, "both joined, but the track never reached the listener", "look at the server's log; is the node overloaded?");
            return fail_with_hint(Errc::CheckFailed, fmt::format("the track is there, but the tone was not heard (loudest {:.0f} dBFS, tone share {:.2f})", level_, purity_),
                                  "are the server's UDP ports and its TCP port (rtc.udp_port, rtc.port_range, rtc.tcp_port) open towards this machine?");
        });
    }

    const livekit::Server& server_;
    std::string name_;
    rtc::Core& core_;
    AsioLoop loop_;
    Rendezvous meeting_;

    // Under the lock of the rendezvous.
    std::optional<Error> lost_;
    bool subscribed_ = false;
    double level_ = -120, purity_ = 0;
    std::optional<TimePoint> played_at_, heard_at_;

    // Loop only.
    Speaker speaker_{meeting_, lost_};
    audio::Samples window_;
    std::unique_ptr<rtc::Room> listening_, speaking_;
    std::unique_ptr<rtc::AudioOutput> output_;
    std::unique_ptr<rtc::AudioInput> input_;

    std::thread loop_thread_;  // last: runs on all of the above
};

}  // namespace

Result<MediaProbe> probe_media(const livekit::Server& server, const std::string& room, milliseconds timeout, std::stop_token stop) {
    VC_TRY_ASSIGN(const auto core, rtc::Core::load());
    Probe probe(server, room, *core);
    const std::stop_callback interrupted(stop, [&] { probe.meeting().interrupt(2); });
    return probe.run(timeout);
}

}  // namespace voicectl::e2e
