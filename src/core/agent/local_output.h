// The agent's track in a room of this process, played by whoever drives the room. Lives on the loop.
#pragma once

#include <chrono>
#include <functional>

#include "voicectl/rtc/room.h"

namespace voicectl::agent {

class LocalOutput : public rtc::AudioOutput {
 public:
    ~LocalOutput() override {
        if (on_gone) on_gone();
    }
    /// So many times 10 ms go by.
    virtual void tick(int frames) = 0;
    virtual void repeat(std::chrono::milliseconds) {}
    std::function<void()> on_gone;
};

}  // namespace voicectl::agent
