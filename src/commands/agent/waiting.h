// Is somebody waiting in a room whose agent was killed? Asks the server on a thread of its own. Lives on the loop.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "voicectl/agent/host.h"
#include "voicectl/base/workers.h"
#include "voicectl/livekit/twirp.h"

namespace voicectl::commands {

class WaitingRooms {
 public:
    WaitingRooms(Loop& loop, livekit::Server server) : loop_(loop), server_(std::move(server)) {}
    ~WaitingRooms() { stop_.request_stop(); }  // an end does not wait for the server
    /// `done` on the loop: a caller is there, or not (nor perhaps the room).
    void ask(const std::string& room, std::function<void(Result<bool>)> done);
    /// To go on with a call in such a room.
    agent::CallTicket ticket(const store::Call& call) const;

 private:
    Loop& loop_;
    livekit::Server server_;
    std::stop_source stop_;
    Workers workers_{1, "vc-rescue"};
    Lifeline lifeline_;
};

}  // namespace voicectl::commands
