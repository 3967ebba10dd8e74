// What runs, in files: one for each job, so that a worker that died can finish or fail its recordings when it starts
// again. The files hold the keys of storages: mode 0600, in a folder of mode 0700 that one worker has at a time.
//
// Blocks for a disk's sync; any one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "voicectl/base/result.h"
#include "voicectl/livekit/egress_request.h"

namespace voicectl::egress {

struct JournalEntry {
    livekit::EgressRequest request;  // with its secrets
    livekit::proto::EgressInfo info;
    std::string file;       // the local copy
    std::string name;       // what it will be called, once that is known
    std::string upload_id;  // of an upload that has begun
    bool stored = false;    // nothing is left to be done with the file: only LiveKit may not know yet
    bool kept = false;      // no storage took the file: it waits for one
    bool reported = false;  // of a kept one: LiveKit knows that it failed
};

class Journal {
 public:
    /// Conflict while another worker has the folder.
    static Result<std::unique_ptr<Journal>> open(const std::string& folder);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    const std::string& folder() const { return folder_; }
    /// By egress id. What cannot be read is put aside as "….broken", and logged.
    Result<std::vector<JournalEntry>> entries();
    /// On the disk when it returns.
    Result<void> write(const JournalEntry& entry);
    /// Also when there is none.
    Result<void> remove(const std::string& egress_id);

 private:
    Journal(std::string folder, int lock) : folder_(std::move(folder)), lock_(lock) {}
    std::string path_of(const std::string& egress_id) const;
    std::string folder_;
    int lock_;  // descriptor whose lock says that we are here; gone with the process
};

}  // namespace voicectl::egress
