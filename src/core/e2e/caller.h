// The caller of a test call: joins like any participant, speaks, and listens. Methods block the judging
// thread; the room lives on the loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ears.h"
#include "rendezvous.h"
#include "voicectl/rtc/room.h"

namespace voicectl::e2e {

/// A clip that the caller played, with the moment of its first and last speech sample.
struct Said {
    audio::Pcm audio;
    TimePoint first_sound, last_sound;
};

class Caller final : private rtc::RoomObserver {
 public:
    /// `agent_name` empty: any agent will do.
    Caller(AsioLoop& loop, rtc::Core& core, Rendezvous& meeting, std::string agent_name)
        : loop_(loop), core_(core), meeting_(meeting), agent_name_(std::move(agent_name)), ears_(meeting) {}
    ~Caller() override;

    Result<void> join(const std::string& url, const std::string& token, std::chrono::milliseconds timeout);
    /// Publishes the microphone.
    Result<void> open_microphone(int rate_hz);
    /// A participant of kind AGENT (with that agent name, when given), or NotFound when none came in time.
    Result<rtc::Participant> wait_for_agent(std::chrono::milliseconds timeout);
    /// Its audio track reaches us.
    Result<void> wait_for_agent_audio(std::chrono::milliseconds timeout);
    /// Plays the clip to its end; mono at the microphone's rate.
    Result<Said> say(const audio::Pcm& clip);
    /// See Ears::listen(). Fails when the connection is lost.
    Result<std::optional<Heard>> listen(std::size_t from, std::chrono::milliseconds start_in, std::chrono::milliseconds end_in,
                                        std::chrono::milliseconds end_silence);
    /// See Ears::await_speech(). Fails when the connection is lost.
    Result<std::optional<TimePoint>> await_speech(std::size_t from, std::chrono::milliseconds start_in);
    /// As listen(), for the last words of a call: it may end with them.
    Result<std::optional<Heard>> listen_to_the_end(std::size_t from, std::chrono::milliseconds start_in, std::chrono::milliseconds end_in,
                                                   std::chrono::milliseconds end_silence);
    /// The agent has left, or the room is gone.
    Result<void> wait_for_the_end(std::chrono::milliseconds timeout);
    /// Fails when the connection is lost.
    Result<void> pause_until(TimePoint time);
    Ears& ears() { return ears_; }
    /// Everybody in the room, for messages when the agent does not come.
    std::string who_is_there();
    void leave();

 private:
    void on_state(rtc::ConnectionState state) override;
    void on_joined(const rtc::Participant& participant) override;
    void on_updated(const rtc::Participant& participant) override;
    void on_left(const rtc::Participant& participant) override;
    void on_track_subscribed(const rtc::TrackInfo& track) override;
    void on_track_unsubscribed(const rtc::TrackInfo& track) override;
    void on_closed(const rtc::Closed& closed) override;

    template<class Done>
    Result<void> wait_until(Deadline deadline, const char* what, Done done);
    std::optional<Error> broken();
    bool agent_is_gone() const;
    bool is_our_agent(const rtc::Participant& participant) const;
    void meet(const rtc::Participant& participant);
    void hear_agent();
    template<class F>
    void on_loop(F task);

    AsioLoop& loop_;
    rtc::Core& core_;
    Rendezvous& meeting_;
    std::string agent_name_;
    Ears ears_;
    Timer lost_timer_{loop_};

    // Loop only.
    std::unique_ptr<rtc::Room> room_;
    std::unique_ptr<rtc::AudioOutput> microphone_;
    std::unique_ptr<rtc::AudioInput> input_;
    std::vector<rtc::TrackInfo> tracks_;

    // Under the lock of the rendezvous.
    std::vector<rtc::Participant> people_;
    std::optional<rtc::Participant> agent_;
    std::optional<Error> lost_;
    bool hearing_ = false, agent_left_ = false;
    std::optional<TimePoint> play_began_, play_ended_;
};

}  // namespace voicectl::e2e
