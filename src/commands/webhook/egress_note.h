// Notes an egress in the metadata of its room on the server, so that whoever is in the room knows of it. The room may be
// gone by then, and the metadata may be of others: then nothing is changed. Lives on a loop; the API is asked on a thread.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "voicectl/base/loop.h"
#include "voicectl/base/workers.h"
#include "voicectl/livekit/twirp.h"

namespace voicectl::commands {

class EgressNotes {
 public:
    EgressNotes(Loop& loop, livekit::Server server) : loop_(loop), server_(std::move(server)) {}
    ~EgressNotes() { stop_.request_stop(); }
    void note(const std::string& room, const std::string& egress_id);
    std::function<void(const std::string& room, const Error&)> on_trouble;

 private:
    Loop& loop_;
    livekit::Server server_;
    std::stop_source stop_;
    Workers workers_{1, "vc-egress"};
    Lifeline lifeline_;
};

}  // namespace voicectl::commands
