// Transfers callers for sessions, which have no API secret, by LiveKit's SIP service. Asks the server on threads of its
// own. Lives on the loop.
#pragma once

#include <stop_token>

#include "voicectl/agent/host.h"
#include "voicectl/base/workers.h"
#include "voicectl/livekit/twirp.h"

namespace voicectl::commands {

class Transfers {
 public:
    Transfers(Loop& loop, livekit::Server server) : loop_(loop), server_(std::move(server)) {}
    ~Transfers() { stop_.request_stop(); }  // an end does not wait for the server
    /// `done` on the loop, later, unless we are gone.
    void ask(const agent::Transfer& wanted, agent::TransferDone done);

 private:
    Loop& loop_;
    livekit::Server server_;
    std::stop_source stop_;
    Workers workers_{4, "vc-transfer"};
    Lifeline lifeline_;
};

}  // namespace voicectl::commands
