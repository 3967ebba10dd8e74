// A file that appears whole or not at all: written beside its path and renamed over it by commit(). What is
// no regular file (a device, a pipe) is written straight. One owner, any one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "voicectl/base/result.h"

namespace voicectl {

class AtomicFile {
 public:
    static Result<AtomicFile> create(const std::string& path, int mode = 0644);
    /// Without commit() before, nothing is left behind.
    ~AtomicFile();
    AtomicFile(AtomicFile&& other) noexcept;
    AtomicFile& operator=(AtomicFile&&) = delete;

    Result<void> write(std::string_view bytes);
    /// Synced to the disk, then renamed. Once.
    Result<void> commit();

 private:
    AtomicFile(std::string path, std::string beside, int file)
        : path_(std::move(path)), beside_(std::move(beside)), file_(file) {}
    std::unexpected<Error> failed(int error) const;
    std::string path_;
    std::string beside_;  // empty: written straight
    int file_;
};

/// What was made, renamed or removed in this folder outlives a loss of power.
void sync_folder(const std::string& path);

}  // namespace voicectl
