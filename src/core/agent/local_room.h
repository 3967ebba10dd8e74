// A room of two in this process: the agent, and a caller who is driven by hand. What a call session does in it is what
// it does in LiveKit's; there is only no network, and no clock but that of whoever drives it. Lives on the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "voicectl/rtc/room.h"

namespace voicectl::agent {

/// How the agent's voice is played: RealTime and Ahead by tick(), in the latter a little is handed out before its time
/// (ahead_output.h).
enum class Pace { AtOnce, RealTime, Ahead };

struct LocalCaller {
    std::string identity;
    bool has_microphone = false;
    std::string room = "console";
};

/// What is said, as it becomes known: each one replaces those of the same id.
struct LocalCaption {
    bool agent = false;
    std::string id, text;
    bool final = false;
};

class LocalRoom;

class LocalCore final : public rtc::Core {
 public:
    LocalCore(LocalCaller caller, Pace pace) : caller_(std::move(caller)), pace_(pace) {}
    std::unique_ptr<rtc::Room> room(Loop& loop, rtc::RoomOptions options, rtc::RoomObserver& observer) override;

    /// All the following: nothing where no room is open.
    void type(const std::string& text);
    void press(char key);
    void leave();
    /// The caller's connection is lost, or there again.
    void connected(bool there);
    /// So many times 10 ms go by, in which the agent is heard.
    void play(int frames);
    /// The caller says `samples`, 10 ms at 16 kHz.
    void hear(audio::SampleView samples);
    /// The caller is given so much of the agent's voice again: nothing new is played meanwhile. Pace::Ahead.
    void repeat(std::chrono::milliseconds time);

    std::function<void(audio::SampleView)> on_audio;         // Pace::Ahead: at 16 kHz, at most 100 ms
    std::function<void()> on_clear;                          // what was handed out ahead is not said. Pace::Ahead
    std::function<void(const LocalCaption&)> on_caption;
    std::function<void(const std::string& state)> on_state;  // the attribute lk.agent.state

 private:
    friend class LocalRoom;
    LocalCaller caller_;
    Pace pace_;
    LocalRoom* open_ = nullptr;
};

}  // namespace voicectl::agent
