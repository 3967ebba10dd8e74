// What goes to the room in order. The core may finish requests in any order, so one waits for the other; what is out
// of date before it was sent gives way to what replaces it. Lives on the loop.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::agent {

class SendQueue {
 public:
    using Done = std::function<void(Result<void>)>;
    using Send = std::function<void(Done done)>;

    /// `kind` names what replaces each other ("state", "interim"); empty: never replaced.
    void add(Send send, std::string kind = {});
    bool idle() const { return !sending_ && waiting_.empty(); }

 private:
    struct Waiting {
        Send send;
        std::string kind;
    };
    void next();

    std::deque<Waiting> waiting_;
    bool sending_ = false;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
