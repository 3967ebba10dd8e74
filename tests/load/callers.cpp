// Many callers in one process (LiveKit's core should carry 12 at most), for benchmarks and tests that measure what callers
// hear, by its energy alone: whoever made the agent, the judge is the same. Takes one JSON command a line, tells one JSON
// event a line; every time is seconds of CLOCK_MONOTONIC, as Python's time.monotonic() has it.
//
//   {"do": "join", "as": "ann", "url": URL, "token": JWT, "record": "heard.wav"}
//                                 "deaf": true hears nobody
//                               → joined; heard (our track, by somebody); track (from); left (who)
//   {"do": "play", "as": "ann", "file": "question.wav"}   → playing {at: first sample}, played {at: end of the last}
//   {"do": "stop", "as": "ann"}                           falls silent in mid-word
//   {"do": "leave", "as": "ann"}                          → gone {lost: packets}; closed
//   (by itself)                  late {at, ms: nothing of ours was sent for so long, the machine is too full};
//                                speech {from, at: first audible frame}, silence {from, at: end of the last one, began,
//                                gapsMs: of 20 ms and more within it, stallMs: longest without a frame}
#include <cstdlib>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "voicectl/audio/file.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/json.h"
#include "voicectl/rtc/room.h"

namespace {

using namespace voicectl;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kRateHz = audio::kSpeechRateHz;
constexpr double kAudibleDbfs = -45;         // as e2e-call has it
constexpr milliseconds kFrame{10};
constexpr int kFramesToBegin = 3;            // a click is no speech
constexpr milliseconds kSilence{800};        // longer than the pauses between an agent's sentences
constexpr milliseconds kLeastGap{20};

double seconds(TimePoint at) { return std::chrono::duration<double>(at.time_since_epoch()).count(); }
double ms(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

void tell(const std::string& event, const std::string& who, json more = json::object()) {
    more["event"] = event;
    more["as"] = who;
    std::cout << json_text(more) << std::endl;
}

/// Finds begin, end and gaps of what one agent says.
class Ear {
 public:
    Ear(std::string who, std::string from, const std::string& record) : who_(std::move(who)), from_(std::move(from)) {
        if (record.empty()) return;
        auto made = audio::FileWriter::create(record, kRateHz, 1);
        if (made) file_ = std::move(*made);
        else tell("error", who_, {{"message", made.error().message}});
    }

    void hear(const rtc::AudioFrame& frame) {
        if (file_) std::ignore = file_->write(frame.samples);
        const auto at = frame.received_at;
        if (speaking_ && last_frame_) stall_ = std::max(stall_, at - *last_frame_);
        last_frame_ = at;
        if (audio::measure(frame.samples).rms_dbfs >= kAudibleDbfs) on_audible(at);
        else on_inaudible();
    }

 private:
    void on_audible(TimePoint at) {
        if (audible_++ == 0) began_ = at;
        // Counted in frames: a frame is 10 ms of the agent's sound, whenever it comes.
        if (speaking_ && quiet_ * kFrame >= kLeastGap) gaps_.push_back(ms(quiet_ * kFrame));
        quiet_ = 0;
        last_audible_ = at;
        if (speaking_ || audible_ < kFramesToBegin) return;
        speaking_ = true;
        speech_began_ = began_;
        stall_ = {};
        gaps_.clear();
        tell("speech", who_, {{"from", from_}, {"at", seconds(speech_began_)}});
    }

    void on_inaudible() {
        audible_ = 0;
        if (!speaking_ || ++quiet_ * kFrame < kSilence) return;
        speaking_ = false;
        tell("silence", who_, {{"from", from_}, {"at", seconds(last_audible_ + kFrame)}, {"began", seconds(speech_began_)}, {"gapsMs", gaps_}, {"stallMs", ms(stall_)}});
        quiet_ = 0;
    }

    std::string who_, from_;
    std::unique_ptr<audio::FileWriter> file_;
    bool speaking_ = false;
    int audible_ = 0, quiet_ = 0;
    TimePoint began_, speech_began_, last_audible_;
    std::optional<TimePoint> last_frame_;
    Duration stall_{};
    std::vector<double> gaps_;
};

class Caller final : public rtc::RoomObserver {
 public:
    Caller(Loop& loop, rtc::Core& core, std::string who, const json& order)
        : loop_(loop), who_(std::move(who)), record_(order.value("record", std::string())) {
        rtc::RoomOptions options;
        options.url = order.at("url").get<std::string>();
        options.token = order.at("token").get<std::string>();
        if (order.value("deaf", false)) options.subscribe = rtc::Subscribe::None;
        room_ = core.room(loop, std::move(options), *this);
    }

    void join() {
        room_->join([this](Result<void> joined) {
            if (!joined) return tell("failed", who_, {{"message", joined.error().message}});
            room_->publish_audio("microphone", kRateHz, [this](Result<std::unique_ptr<rtc::AudioOutput>> made) {
                if (!made) return tell("failed", who_, {{"message", made.error().message}});
                output_ = std::move(*made);
                output_->on_started = [this](TimePoint at) { tell("playing", who_, {{"at", seconds(at)}}); };
                output_->on_late = [this](milliseconds gap) { tell("late", who_, {{"at", seconds(loop_.now())}, {"ms", gap.count()}}); };
                output_->on_drained = [this](TimePoint at, std::uint64_t) { tell("played", who_, {{"at", seconds(at)}}); };
                tell("joined", who_, {{"at", seconds(loop_.now())}});
            });
        });
    }

    void play(const audio::Samples& samples) {
        if (output_) output_->play(samples);
        else tell("error", who_, {{"message", "not in the room"}});
    }
    void stop() {
        if (output_) output_->clear();
    }

    /// `done`: nothing more comes of this caller.
    void leave(std::function<void(json report)> done) {
        room_->statistics([this, done = std::move(done)](const Result<rtc::Statistics>& told) {
            json report{{"lost", 0}};
            if (told) {
                std::int64_t lost = 0;
                for (const auto& track : told->tracks)
                    if (!track.outgoing && track.kind == "audio") lost += track.packets_lost;
                report["lost"] = lost;
            }
            room_->leave();
            done(std::move(report));
        });
    }

 private:
    void on_left(const rtc::Participant& who) override { tell("left", who_, {{"who", who.identity}, {"at", seconds(loop_.now())}}); }
    void on_own_track_heard(const std::string&) override { tell("heard", who_, {{"at", seconds(loop_.now())}}); }
    void on_track_subscribed(const rtc::TrackInfo& track) override {
        if (!track.audio) return;
        tell("track", who_, {{"from", track.participant_identity}, {"at", seconds(loop_.now())}});
        auto ear = std::make_shared<Ear>(who_, track.participant_identity, std::exchange(record_, {}));
        inputs_[track.sid] = room_->listen(track.sid, kRateHz, [ear](const rtc::AudioFrame& frame) { ear->hear(frame); });
    }
    void on_closed(const rtc::Closed& closed) override { tell("closed", who_, {{"message", closed.error.message}}); }

    Loop& loop_;
    std::string who_, record_;
    std::map<std::string, std::unique_ptr<rtc::AudioInput>> inputs_;
    std::unique_ptr<rtc::AudioOutput> output_;
    std::unique_ptr<rtc::Room> room_;
};

/// All of them, on the loop.
class House {
 public:
    House(AsioLoop& loop, rtc::Core& core) : loop_(loop), core_(core) {}

    void obey(const std::string& line) {
        const auto order = json::parse(line, nullptr, false);
        if (!order.is_object() || !order.contains("do") || !order.contains("as")) return tell("error", "", {{"message", "not understood: " + line}});
        const auto who = order["as"].get<std::string>();
        const auto what = order["do"].get<std::string>();
        if (what == "join") {
            auto& caller = callers_[who] = std::make_unique<Caller>(loop_, core_, who, order);
            return caller->join();
        }
        const auto found = callers_.find(who);
        if (found == callers_.end()) return tell("error", who, {{"message", "nobody of that name"}});
        if (what == "play") return play(*found->second, who, order.value("file", std::string()));
        if (what == "stop") return found->second->stop();
        if (what == "leave")
            found->second->leave([this, who](json report) { loop_.post([this, who, report = std::move(report)]() mutable { drop(who, std::move(report)); }); });
    }

    /// End of orders.
    void close() {
        callers_.clear();
        loop_.stop();
    }

 private:
    /// Told last: from then on somebody else may have the name.
    void drop(const std::string& who, json report) {
        callers_.erase(who);
        tell("gone", who, std::move(report));
    }

    void play(Caller& caller, const std::string& who, const std::string& file) {
        if (!clips_.contains(file)) {
            const auto read = audio::read_file(file, 600);
            if (!read) return tell("error", who, {{"message", read.error().message}});
            clips_[file] = audio::resample(audio::to_mono(*read), kRateHz).samples;
        }
        caller.play(clips_[file]);
    }

    AsioLoop& loop_;
    rtc::Core& core_;
    std::map<std::string, audio::Samples> clips_;
    std::map<std::string, std::unique_ptr<Caller>> callers_;
};

}  // namespace

int main() {
    auto core = rtc::Core::load();
    if (!core) {
        std::cerr << core.error().message << "\n" << core.error().hint << "\n";
        return 1;
    }
    AsioLoop loop;
    auto house = std::make_shared<House>(loop, **core);
    std::thread reader([&loop, house] {
        for (std::string line; std::getline(std::cin, line);) loop.post([house, line] { house->obey(line); });
        loop.post([house] { house->close(); });
    });
    loop.run();
    reader.join();
    house.reset();
    core->reset();
    std::_Exit(0);
}
