// Watches that an agent that should be heard is heard: while something is to be said, sound must go out. Whatever the
// reason (a voice that never ends its stream, a model that stalls in mid-sentence, a track that takes nothing), after
// 5 s without it the owner is told. Lives on the loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "voicectl/base/loop.h"

namespace voicectl::agent {

class SpeechWatch {
 public:
    struct Handlers {
        std::function<bool()> should_sound;              // something is to be said at this moment
        std::function<std::uint64_t()> played_samples;  // goes up while sound goes out
        std::function<void()> on_silent;                // stop() was called before
    };
    static constexpr std::chrono::seconds kLongestSilence{5};

    SpeechWatch(Loop& loop, Handlers handlers) : loop_(loop), handlers_(std::move(handlers)), timer_(loop) {}

    void start();
    void stop() { timer_.cancel(); }

 private:
    void look();

    Loop& loop_;
    Handlers handlers_;
    std::uint64_t played_ = 0;
    TimePoint last_good_{};  // sound went out, or none had to
    Timer timer_;
};

}  // namespace voicectl::agent
