// Where finished recordings go: a folder of this machine, or a bucket of S3 and what is compatible with it. Blocks, for as
// long as an upload takes; any thread. At most one part of a file is in memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "voicectl/base/result.h"
#include "voicectl/egress/plan.h"
#include "voicectl/net/http.h"

namespace voicectl::egress {

struct StoreJob {
    std::string file;  // the local copy, which stays; empty: `text` is stored
    std::string text;
    std::string name;  // as file_name() makes it: a path, or the key of an object
    std::string content_type;
    livekit::proto::StorageConfig storage;  // empty: a file of this machine
    std::string root;                       // then: its folder
    bool absolute_paths = false;
    std::string upload_id;  // of an upload that a former process has begun; it goes on
};

struct Stored {
    std::string location;  // absolute path or URL
    std::int64_t bytes = 0;
    bool backup = false;
};

/// Called on the thread of store().
struct StoreHooks {
    /// An upload of several parts has begun and should be written down; "": there is none any more.
    std::function<void(const std::string& upload_id)> on_upload;
    std::function<void(std::int64_t stored, std::int64_t total)> on_progress;
};

/// How long a storage is waited for. Between attempts: anything from nothing to `first`, doubled up to `longest`.
struct Patience {
    int attempts = 5;
    std::chrono::milliseconds first{250}, longest{5000};
    std::chrono::milliseconds connect{5000}, silence{30000};
};

/// Never over an existing file: that of this machine gets another number then ("a-2.ogg"). Objects are replaced, as S3 does it.
/// Cancelled soon after `stop`; an upload stays open then, to go on with. Any other failure gives it up.
Result<Stored> store(net::HttpClient& http, const StoreJob& job, const StoreHooks& hooks = {}, const Patience& patience = {}, std::stop_token stop = {});

/// The backup takes what its primary could not; both errors are told when neither can.
Result<Stored> store_with_backup(net::HttpClient& http, const StoreJob& job, const std::optional<livekit::proto::StorageConfig>& backup, const StoreHooks& hooks = {},
                                 const Patience& patience = {}, std::stop_token stop = {});

/// What lies beside a recording, in LiveKit's own form.
struct Manifest {
    std::string egress_id, room_id, room_name, url, publisher_identity, track_id, track_kind, track_source, audio_track_id;
    std::chrono::system_clock::time_point started_at, ended_at;
    std::string filename, location;
};
std::string manifest_text(const Manifest& manifest);

}  // namespace voicectl::egress
