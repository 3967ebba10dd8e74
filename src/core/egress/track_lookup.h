// What a track is, asked of the server's API within the time of a bid: requests for one track do not say whether it is audio. On
// the loop.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "voicectl/egress/worker.h"

namespace voicectl::egress {

struct TrackFound {
    bool audio = false;
    std::string publisher, source;  // identity; "microphone"
};

class TrackLookup {
 public:
    TrackLookup(const WorkerParts& parts, const livekit::Server& server) : parts_(parts), server_(server) {}
    /// `done` once, on the loop: nothing when it is not in the room, or the server did not say in time.
    void find(const std::string& room, const std::string& track_id, std::function<void(std::optional<TrackFound>)> done);

 private:
    const WorkerParts& parts_;
    const livekit::Server& server_;
};

}  // namespace voicectl::egress
