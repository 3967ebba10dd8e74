// What the contract of rtc is tried on: one server, one core and one loop for the whole program, and peers
// that write down everything they are told.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/live_loop.h"
#include "voicectl/livekit/local_server.h"
#include "voicectl/livekit/token.h"
#include "voicectl/rtc/room.h"

namespace voicectl::test {

using namespace std::chrono_literals;

class World {
 public:
    static World& get();
    livekit::LocalServer& server() { return *server_; }
    rtc::Core& core() { return *core_; }
    LiveLoop& loop() { return *loop_; }
    /// A name that no other case uses.
    std::string new_room();
    std::string token(const std::string& room, const std::string& identity, const livekit::Claims& more = {});
    /// The server API, Twirp with JSON. The HTTP status.
    int call(const std::string& method, const std::string& json, const std::string& room);

 private:
    World();
    std::unique_ptr<livekit::LocalServer> server_;
    std::unique_ptr<rtc::Core> core_;
    std::unique_ptr<LiveLoop> loop_;
    int rooms_ = 0;
};

/// Frames of one track, with the times at which they came.
struct Heard {
    struct Frame {
        audio::Samples samples;
        TimePoint at;
        double level_dbfs;
    };
    std::vector<Frame> frames;
    int rate_hz = 0;

    std::size_t loud() const;
    /// Of the loud part, by zero crossings.
    double hz() const;
    double level_dbfs() const;
    std::optional<TimePoint> last_loud() const;
    /// How many frames came since the last loud one.
    std::size_t quiet_since() const;
};

class Peer : public rtc::RoomObserver {
 public:
    explicit Peer(std::string room, std::string identity, livekit::Claims more = {});
    ~Peer() override;

    Result<void> join(rtc::RoomOptions options = {});
    /// For cases of joining itself: told when it is done.
    void start_join(rtc::RoomOptions options);
    void drop();
    void leave();

    /// Publishes something, waits until `other` sees us. The server tells others of a newcomer who publishes
    /// at once, and of one who does not only every 3 s.
    bool show_to(Peer& other);
    /// Publishes and waits.
    Result<void> publish(int rate_hz, const std::string& name = "mic");
    void play(const audio::Samples& samples);
    template<class F>
    auto on_loop(F task) {
        return World::get().loop().on_loop(std::move(task));
    }
    template<class Condition>
    bool wait(Condition condition, std::chrono::milliseconds limit = 20s) {
        return waiter_.wait(condition, limit);
    }
    template<class F>
    void change(F apply) {
        waiter_.change(std::move(apply));
    }
    /// What `read` gives, while nothing is written.
    template<class F>
    auto look(F read) {
        decltype(read()) out;
        change([&] { out = read(); });
        return out;
    }
    /// What was heard of them until now.
    Heard heard_from(const std::string& identity) {
        return look([&] { return heard[identity]; });
    }
    rtc::Room& room() { return *room_; }
    rtc::AudioOutput& output() { return *output_; }
    void drop_output();
    bool left(const std::string& identity) const;
    bool knows(const std::string& identity) const;

    // Written on the loop, read in wait().
    std::optional<Result<void>> joined_result;
    std::vector<rtc::ConnectionState> states;
    std::vector<rtc::Participant> joined, gone, updated;
    std::vector<rtc::TrackInfo> subscribed, unsubscribed;
    std::vector<std::string> heard_tracks;
    std::vector<rtc::DataPacket> data;
    std::vector<rtc::TextMessage> texts;
    std::vector<rtc::Transcription> transcriptions;
    std::optional<Error> closed;
    std::string close_reason;
    std::map<std::string, Heard> heard;  // by identity
    std::vector<std::string> audio_events;
    std::vector<TimePoint> audio_times;
    int late = 0;  // times that the machine was too full to send in time
    std::uint64_t drained_samples = 0;
    int tries = 0;  // of the watchdog
    int listen_rate_hz = 16000;
    bool listen_once = false;  // the first track only: later ones are to come back by themselves
    std::map<std::string, std::unique_ptr<rtc::AudioInput>> inputs;  // by sid; on the loop

 protected:
    void on_state(rtc::ConnectionState state) override;
    void on_joined(const rtc::Participant& who) override;
    void on_left(const rtc::Participant& who) override;
    void on_updated(const rtc::Participant& who) override;
    void on_track_subscribed(const rtc::TrackInfo& track) override;
    void on_track_unsubscribed(const rtc::TrackInfo& track) override;
    void on_own_track_heard(const std::string& name) override;
    void on_data(const rtc::DataPacket& packet) override;
    void on_text(const rtc::TextMessage& message) override;
    void on_transcription(const rtc::Transcription& packet) override;
    void on_closed(const rtc::Closed& why) override;

 private:
    Waiter waiter_;
    std::string room_name_, identity_;
    livekit::Claims claims_;
    std::unique_ptr<rtc::Room> room_;
    std::unique_ptr<rtc::AudioOutput> output_;
};

audio::Samples tone(int rate_hz, double hz, std::chrono::milliseconds duration);

}  // namespace voicectl::test
