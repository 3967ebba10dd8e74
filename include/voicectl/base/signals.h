// SIGINT and SIGTERM, delivered on a loop. At most one instance; owned by whoever runs the loop.
#pragma once

#include <functional>
#include <memory>

#include "voicectl/base/loop.h"

namespace voicectl {

class Signals {
 public:
    /// `handle(number, count)` runs on `loop`; count is 1 for the first signal, 2 for the second, …
    /// `on_hangup` takes SIGHUP, which else ends the process.
    Signals(AsioLoop& loop, std::function<void(int number, int count)> handle, std::function<void()> on_hangup = {});
    ~Signals();

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace voicectl
