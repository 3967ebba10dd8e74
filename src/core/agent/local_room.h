// A room of two in this process: the agent, and a caller who is driven by hand. What a call session does in it is what
// it does in LiveKit's; there is only no network, and no clock but that of whoever drives it. Lives on the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "voicectl/rtc/room.h"

namespace voicectl::agent {

/// How the agent's voice is played.
enum class Pace { AtOnce, RealTime };

struct LocalCaller {
    std::string identity;
    bool has_microphone = false;
};

class LocalRoom;

class LocalCore final : public rtc::Core {
 public:
    LocalCore(LocalCaller caller, Pace pace) : caller_(std::move(caller)), pace_(pace) {}
    std::unique_ptr<rtc::Room> room(Loop& loop, rtc::RoomOptions options, rtc::RoomObserver& observer) override;

    /// All the following: nothing where no room is open.
    void type(const std::string& text);
    void leave();
    /// 10 ms go by, in which the caller says `samples` (at 16 kHz); what the agent says in them goes to on_audio.
    void tick(audio::SampleView samples);

    std::function<void(audio::SampleView)> on_audio;
    std::function<void(const std::string& state)> on_state;  // the attribute lk.agent.state

 private:
    friend class LocalRoom;
    LocalCaller caller_;
    Pace pace_;
    LocalRoom* open_ = nullptr;
};

}  // namespace voicectl::agent
