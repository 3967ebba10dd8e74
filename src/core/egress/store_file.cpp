// A recording becomes a file of this machine: linked into its place, or copied beside it and then linked, so that nobody
// sees a part of it and nothing is ever written over.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <filesystem>
#include <utility>

#include "source.h"
#include "voicectl/base/atomic_file.h"
#include "voicectl/base/text.h"
#include "voicectl/egress/names.h"

namespace voicectl::egress {
namespace {

constexpr std::int64_t kCopied = 1 << 20;  // bytes at a time
constexpr int kMostNumbers = 1000;         // of one name: "a-1000.ogg"
constexpr mode_t kFolderMode = 0755, kFileMode = 0644;  // before the umask

Error cannot_write(const std::string& path, int error, const std::string& kept) {
    const auto stays = kept.empty() ? std::string() : fmt::format("; the recording is kept in {}", kept);
    switch (error) {
        case ENOSPC:
        case EDQUOT: return {Errc::Io, fmt::format("no space left for {}{}", path, stays), "make room on that disk"};
        case EACCES:
        case EPERM: return {Errc::Io, fmt::format("no right to write {}{}", path, stays), "give the user of this worker the right to write there"};
        case EROFS: return {Errc::Io, fmt::format("{} is on a disk that can only be read{}", path, stays), "name another folder"};
        case ENOTDIR: return {Errc::Io, fmt::format("cannot write {}: a part of the path is a file{}", path, stays), "name another folder"};
        default: return {Errc::Io, fmt::format("cannot write {}: {}{}", path, std::strerror(error), stays), {}};
    }
}

/// Gone unless it was put into its place.
class Beside {
 public:
    /// Beside `target`.
    static Result<Beside> create(const std::filesystem::path& target, const std::string& kept) {
        auto path = (target.parent_path() / ("." + random_id(12) + ".part")).string();
        const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode);
        if (file < 0) return std::unexpected(cannot_write(target.string(), errno, kept));
        return Beside(std::move(path), file);
    }
    ~Beside() {
        if (file_ < 0) return;
        close(file_);
        unlink(path_.c_str());
    }
    Beside(Beside&& other) noexcept : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}
    Beside& operator=(Beside&&) = delete;
    const std::string& path() const { return path_; }

    /// errno, or 0.
    int append(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto put = ::write(file_, bytes.data(), bytes.size());
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return errno;
            bytes.remove_prefix(static_cast<std::size_t>(put));
        }
        return 0;
    }
    int sync() { return fsync(file_) == 0 ? 0 : errno; }

 private:
    Beside(std::string path, int file) : path_(std::move(path)), file_(file) {}
    std::string path_;
    int file_;
};

bool same_file(const std::string& a, const std::string& b) {
    struct stat one {}, other {};
    return stat(a.c_str(), &one) == 0 && stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

// link() alone never replaces; where a file system has no links, the kernel's own way of not replacing.
int put_into_place(const std::string& from, const std::string& to, bool may_move) {
    if (link(from.c_str(), to.c_str()) == 0) return 0;
    const int error = errno;
    const bool no_links = error == EPERM || error == EOPNOTSUPP || error == ENOSYS || error == EMLINK;
    if (!may_move || !no_links) return error;
    return renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 ? 0 : errno;
}

std::string numbered(const std::filesystem::path& path, int number) {
    if (number == 1) return path.string();
    return (path.parent_path() / fmt::format("{}-{}{}", path.stem().string(), number, path.extension().string())).string();
}

/// The path it got, or errno.
std::expected<std::string, int> place(const std::string& from, const std::filesystem::path& path, bool may_move) {
    for (int number = 1; number <= kMostNumbers; ++number) {
        const auto target = numbered(path, number);
        const int error = put_into_place(from, target, may_move);
        if (error == 0) return target;
        if (error != EEXIST) return std::unexpected(error);
        if (same_file(from, target)) return target;  // by a former process, which died before it could say so
    }
    return std::unexpected(EEXIST);
}

/// Of this process; asking umask() itself would change it, for all threads.
mode_t umask_now() {
    const auto about = read_file("/proc/self/status").value_or("");
    const auto at = about.find("\nUmask:");
    return at == std::string::npos ? 077 : static_cast<mode_t>(std::strtoul(about.c_str() + at + 7, nullptr, 8));
}

Result<void> make_folder(const std::filesystem::path& folder, const std::string& kept) {
    std::filesystem::path made;
    for (const auto& part : folder) {
        made /= part;
        if (mkdir(made.c_str(), kFolderMode) == 0 || errno == EEXIST || errno == EISDIR) continue;
        struct stat status {};
        const int error = errno;
        if (stat(made.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return std::unexpected(cannot_write(folder.string(), error, kept));
    }
    return {};
}

Result<void> copy(const Source& source, Beside& to, const std::string& path, const StoreHooks& hooks, const std::stop_token& stop) {
    for (std::int64_t at = 0; at < source.size(); at += kCopied) {
        if (stop.stop_requested()) return fail(Errc::Cancelled, "storing {} was given up", path);
        VC_TRY_ASSIGN(const auto bytes, source.read(at, kCopied));
        if (const int error = to.append(bytes); error != 0) return std::unexpected(cannot_write(path, error, source.path()));
        if (hooks.on_progress) hooks.on_progress(at + static_cast<std::int64_t>(bytes.size()), source.size());
    }
    if (const int error = to.sync(); error != 0) return std::unexpected(cannot_write(path, error, source.path()));
    return {};
}

}  // namespace

Result<Stored> store_file(const StoreJob& job, const StoreHooks& hooks, const std::stop_token& stop) {
    VC_TRY_ASSIGN(const auto source, Source::open(job));
    VC_TRY_ASSIGN(const auto text, local_path(job.name, job.root, job.absolute_paths));
    const std::filesystem::path path(text);
    VC_TRY(make_folder(path.parent_path(), source.path()));
    std::expected<std::string, int> placed = std::unexpected(EXDEV);
    if (source.file() >= 0) {
        if (fsync(source.file()) != 0) return std::unexpected(cannot_write(source.path(), errno, {}));
        placed = place(source.path(), path, /*may_move=*/false);
        if (placed) fchmod(source.file(), kFileMode & ~umask_now());  // the working copy was for its owner alone
    }
    // Another disk, or one without links.
    if (!placed && placed.error() != EEXIST) {
        auto beside = Beside::create(path, source.path());
        if (!beside) return std::unexpected(std::move(beside).error());
        VC_TRY(copy(source, *beside, text, hooks, stop));
        placed = place(beside->path(), path, /*may_move=*/true);
    }
    if (!placed) return std::unexpected(cannot_write(text, placed.error(), source.path()));
    sync_folder(path.parent_path().string());
    if (hooks.on_progress) hooks.on_progress(source.size(), source.size());
    return Stored{*placed, source.size(), false};
}

}  // namespace voicectl::egress
