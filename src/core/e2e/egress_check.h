// LiveKit's own recording of the call: asked for, ended, and judged like any other file. Judging thread.
#pragma once

#include <string>

#include "checks.h"
#include "voicectl/livekit/api.h"

namespace voicectl::e2e {

class EgressCheck {
 public:
    static void plan(Checks& checks);
    explicit EgressCheck(livekit::TwirpClient& twirp) : api_(twirp) {}

    /// Agent left, caller right, to an OGG of this machine.
    Result<Seen> start(const std::string& room);
    /// Ends it: complete, two live sides, and known to the store by LiveKit's webhook.
    void run(Checks& checks, const std::string& store_path);

 private:
    Result<Seen> complete();
    Result<Seen> heard() const;
    Result<Seen> bound(const std::string& store_path) const;
    livekit::EgressApi api_;
    livekit::proto::EgressInfo info_;
};

}  // namespace voicectl::e2e
