// Keys that a caller presses on a telephone, gathered until it is clear that no more belong to them. Lives on the loop.
#pragma once

#include <functional>
#include <string>

#include "voicectl/agent/config.h"
#include "voicectl/base/loop.h"

namespace voicectl::agent {

class KeyPad {
 public:
    struct Handlers {
        std::function<void()> on_first;                              // a key is pressed, and others may follow
        std::function<void(const std::string& keys, TimePoint began)> on_keys;  // without the end key
    };
    KeyPad(Loop& loop, const DtmfSettings& settings, Handlers handlers)
        : loop_(loop), settings_(settings), handlers_(std::move(handlers)), timer_(loop) {}

    /// "0" to "9", "*", "#", "A" to "D"; anything else is nothing.
    void press(const std::string& digit);
    void forget();

 private:
    void finish();

    Loop& loop_;
    const DtmfSettings& settings_;
    Handlers handlers_;
    std::string keys_;
    TimePoint began_;
    Timer timer_;
};

}  // namespace voicectl::agent
