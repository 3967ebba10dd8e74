// A small object written to, read from and deleted in a bucket by signed requests. Blocking, any thread.
#pragma once

#include <string>
#include <vector>

#include "voicectl/base/result.h"
#include "voicectl/livekit/api.h"
#include "voicectl/net/http.h"

namespace voicectl::commands {

struct ProbeStep {
    std::string name;  // write, read, delete
    std::chrono::milliseconds elapsed{0};
    int status = 0;
    std::optional<Error> error;
};

struct ProbeReport {
    std::string place;  // where the object is, or was: bucket and key
    std::string url;
    std::vector<ProbeStep> steps;
    bool left_behind = false;
};

/// Runs until a step fails; what was written is deleted whatever happens in between.
Result<ProbeReport> probe_s3(net::HttpClient& http, const livekit::proto::S3Upload& store, const std::string& key);

}  // namespace voicectl::commands
