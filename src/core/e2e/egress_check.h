// LiveKit's own recording of the call: asked for, ended, and judged like any other file. Judging thread.
#pragma once

#include <optional>
#include <string>

#include "checks.h"
#include "voicectl/livekit/api.h"
#include "voicectl/net/http.h"

namespace voicectl::e2e {

class EgressCheck {
 public:
    static void plan(Checks& checks);
    /// `storage`: where the recorder puts it, if not in a folder of this machine; it is fetched from there into `folder`.
    EgressCheck(livekit::TwirpClient& twirp, net::HttpClient& http, std::optional<livekit::proto::S3Upload> storage, std::string folder)
        : api_(twirp), http_(http), storage_(std::move(storage)), folder_(std::move(folder)) {}

    /// Agent left, caller right, to an OGG.
    Result<Seen> start(const std::string& room);
    /// Ends it: complete, two live sides, and known to the store by LiveKit's webhook.
    void run(Checks& checks, const std::string& store_path);

 private:
    Result<Seen> complete();
    Result<Seen> heard() const;
    Result<Seen> bound(const std::string& store_path) const;
    Result<std::string> fetch() const;
    livekit::EgressApi api_;
    net::HttpClient& http_;
    const std::optional<livekit::proto::S3Upload> storage_;
    const std::string folder_;
    livekit::proto::EgressInfo info_;
};

}  // namespace voicectl::e2e
