// How long to wait after the caller's last sound before the turn counts as over. Fixed, or adapted to how this
// caller pauses within a turn; longer after words that cannot be the end, shorter after words that are one. Pure.
#pragma once

#include <chrono>

#include "voicectl/agent/config.h"
#include "voicectl/agent/turn_judge.h"

namespace voicectl::agent {

class Endpointing {
 public:
    using Milliseconds = std::chrono::milliseconds;

    explicit Endpointing(const TurnSettings& settings);

    /// The caller was silent for so long and then went on.
    void on_pause(Milliseconds pause);
    /// A turn of some length without any pause.
    void on_fluent_turn();

    /// `recogniser_done`: it has an endpointing of its own, and takes the words so far for all.
    Milliseconds delay(Completeness words, bool recogniser_done) const;

 private:
    Milliseconds usual() const;

    const bool adaptive_;
    const Milliseconds fixed_, shortest_, longest_;
    // Of the pauses within turns, in ms: moving average, and moving average of the distance from it.
    double mean_, spread_;
};

}  // namespace voicectl::agent
