// The file in which one process keeps writes that wait. Whole lines only: one that a crash cut off was never
// acknowledged. Blocking; one owner.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::store {

/// A descriptor with a lock on its file, both gone with it.
class LockedFile {
 public:
    /// Nothing: another one, of whatever process, has it.
    static Result<std::unique_ptr<LockedFile>> open(const std::string& path, int flags);
    ~LockedFile();
    LockedFile(const LockedFile&) = delete;
    LockedFile& operator=(const LockedFile&) = delete;
    int descriptor() const { return descriptor_; }

 private:
    explicit LockedFile(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

class SpoolFile {
 public:
    /// A new one in `folder`, which is made when it is not there. It is ours while we live.
    static Result<std::unique_ptr<SpoolFile>> create(const std::string& folder);
    /// One that was left; nothing when its process lives.
    static Result<std::unique_ptr<SpoolFile>> adopt(const std::string& path);

    /// On the disk when it returns; on failure the file is as before.
    Result<void> append(std::string_view line);
    /// The lines after the first `done` bytes, each with where it ends.
    Result<void> read(std::uint64_t done, const std::function<Result<void>(std::string_view line, std::uint64_t end)>& each) const;
    Result<void> remove();
    std::uint64_t bytes() const { return bytes_; }

 private:
    SpoolFile(std::string path, std::unique_ptr<LockedFile> file, std::uint64_t bytes) : path_(std::move(path)), file_(std::move(file)), bytes_(bytes) {}
    std::string path_;
    std::unique_ptr<LockedFile> file_;
    std::uint64_t bytes_;
};

/// Oldest first.
std::vector<std::string> spool_files(const std::string& folder);
/// One line at the end of a file that several processes write.
Result<void> append_rejected(const std::string& folder, std::string_view line);

}  // namespace voicectl::store
