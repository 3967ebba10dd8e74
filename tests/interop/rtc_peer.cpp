// A participant on the rtc layer for tests that speak another language: joins $LIVEKIT_URL with
// $LIVEKIT_TOKEN, publishes a microphone, takes one JSON command per line and tells one JSON event per line.
//
//   {"do": "tone", "hz": 440, "ms": 1000}   {"do": "clear"}
//   {"do": "data", "topic": "t", "text": "…"}   {"do": "text", "topic": "t", "text": "…", "attributes": {}}
//   {"do": "attributes", "attributes": {}}   {"do": "leave"}
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>
#include <thread>

#include "voicectl/rtc/room.h"

namespace {

using namespace voicectl;
using nlohmann::json;

constexpr int kRateHz = 22050;  // of most synthetic voices, and the awkward one
constexpr int kListenHz = 16000;
constexpr double kLoudDbfs = -30;
constexpr int kFramesToJudge = 60;

void tell(const json& event) { std::cout << event.dump() << std::endl; }

json to_json(const rtc::Participant& who) {
    return {{"identity", who.identity},
            {"name", who.name},
            {"metadata", who.metadata},
            {"agent", who.kind == rtc::ParticipantKind::Agent},
            {"attributes", who.attributes}};
}

// Tells the pitch of a tone after 0.6 s of it.
class Ear {
 public:
    explicit Ear(std::string identity) : identity_(std::move(identity)) {}
    void hear(const rtc::AudioFrame& frame) {
        if (audio::measure(frame.samples).rms_dbfs < kLoudDbfs) {
            loud_ = 0;
            return;
        }
        if (++loud_ < 3) return;  // its beginning is the codec's
        for (const auto sample : frame.samples) {
            crossings_ += (last_ < 0) != (sample < 0);
            last_ = sample;
        }
        samples_ += frame.samples.size();
        if (++judged_ < kFramesToJudge) return;
        tell({{"event", "tone"},
              {"from", identity_},
              {"hz", crossings_ * kListenHz / (2.0 * static_cast<double>(samples_))}});
        judged_ = 0;
        crossings_ = 0;
        samples_ = 0;
    }

 private:
    std::string identity_;
    int loud_ = 0, judged_ = 0, crossings_ = 0;
    std::size_t samples_ = 0;
    std::int16_t last_ = 0;
};

class Peer final : public rtc::RoomObserver {
 public:
    Peer(AsioLoop& loop, rtc::Core& core, rtc::RoomOptions options)
        : loop_(loop), room_(core.room(loop, std::move(options), *this)) {}

    void start() {
        room_->join([this](Result<void> joined) {
            if (!joined) return end(joined.error());
            room_->publish_audio("mic", kRateHz, [this](Result<std::unique_ptr<rtc::AudioOutput>> made) {
                if (!made) return end(made.error());
                output_ = std::move(*made);
                output_->on_drained = [](TimePoint, std::uint64_t played) {
                    tell({{"event", "drained"}, {"played", played}});
                };
                tell({{"event", "ready"}, {"identity", room_->identity()}});
            });
        });
    }

    void obey(const json& order) {
        const auto what = order.at("do").get<std::string>();
        const auto answer = [what](Result<void> done) {
            tell({{"event", "done"}, {"do", what}, {"error", done ? "" : done.error().message}});
        };
        if (what == "tone") output_->play(tone(order.at("hz"), order.at("ms")));
        if (what == "clear") output_->clear();
        if (what == "data") room_->send_data(order.at("text"), order.at("topic"), {}, answer);
        if (what == "text")
            room_->send_text(order.at("text"), order.at("topic"), order.value("attributes", json::object()),
                             answer);
        if (what == "attributes") room_->set_attributes(order.at("attributes"), answer);
        if (what == "leave") room_->leave();
    }

 private:
    static audio::Samples tone(double hz, int ms) {
        audio::Samples samples(static_cast<std::size_t>(kRateHz * ms / 1000));
        for (std::size_t i = 0; i < samples.size(); ++i)
            samples[i] = static_cast<std::int16_t>(
                8000 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / kRateHz));
        return samples;
    }
    void end(const Error& why) {
        tell({{"event", "closed"}, {"why", to_string(why.code)}, {"message", why.message}});
        loop_.stop();
    }

    void on_joined(const rtc::Participant& who) override {
        tell({{"event", "joined"}, {"who", to_json(who)}});
    }
    void on_left(const rtc::Participant& who) override { tell({{"event", "left"}, {"who", to_json(who)}}); }
    void on_updated(const rtc::Participant& who) override {
        tell({{"event", "updated"}, {"who", to_json(who)}});
    }
    void on_own_track_heard(const std::string& name) override {
        tell({{"event", "own_track_heard"}, {"name", name}});
    }
    void on_track_subscribed(const rtc::TrackInfo& track) override {
        tell({{"event", "track"},
              {"from", track.participant_identity},
              {"name", track.name},
              {"microphone", track.microphone}});
        auto ear = std::make_shared<Ear>(track.participant_identity);
        inputs_[track.sid] =
            room_->listen(track.sid, kListenHz, [ear](const rtc::AudioFrame& frame) { ear->hear(frame); });
    }
    void on_data(const rtc::DataPacket& packet) override {
        tell({{"event", "data"},
              {"topic", packet.topic},
              {"text", packet.payload},
              {"from", packet.sender_identity}});
    }
    void on_text(const rtc::TextMessage& message) override {
        tell({{"event", "text"},
              {"topic", message.topic},
              {"text", message.text},
              {"from", message.sender_identity},
              {"attributes", message.attributes}});
    }
    void on_closed(const rtc::Closed& closed) override { end(closed.error); }

    AsioLoop& loop_;
    std::map<std::string, std::unique_ptr<rtc::AudioInput>> inputs_;
    std::unique_ptr<rtc::AudioOutput> output_;
    std::unique_ptr<rtc::Room> room_;
};

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

}  // namespace

int main() {
    auto core = rtc::Core::load();
    if (!core) {
        std::cerr << core.error().message << "\n" << core.error().hint << "\n";
        return 1;
    }
    AsioLoop loop;
    rtc::RoomOptions options;
    options.url = variable("LIVEKIT_URL");
    options.token = variable("LIVEKIT_TOKEN");
    auto peer = std::make_shared<Peer>(loop, **core, options);
    loop.post([peer] { peer->start(); });
    std::thread reader([&loop, weak = std::weak_ptr(peer)] {
        for (std::string line; std::getline(std::cin, line);) {
            loop.post([weak, order = json::parse(line)] {
                if (const auto alive = weak.lock()) alive->obey(order);
            });
        }
        loop.post([weak] {
            if (const auto alive = weak.lock()) alive->obey({{"do", "leave"}});
        });
    });
    loop.run();
    // What has a loop lives and dies on it.
    loop.post([&loop, peer = std::move(peer)]() mutable {
        peer.reset();
        loop.stop();
    });
    loop.run();
    core->reset();
    reader.detach();  // it still waits for a line
    std::_Exit(0);
}
