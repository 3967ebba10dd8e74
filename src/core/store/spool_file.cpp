#include "core/store/spool_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "voicectl/base/text.h"

namespace voicectl::store {
namespace {

constexpr std::string_view kEnding = ".jsonl";

std::unexpected<Error> failed(std::string_view what, const std::string& path, int error = errno) {
    return fail_with_hint(Errc::Io, fmt::format("cannot {} {}: {}", what, path, std::strerror(error)), "check its folder and the space on its disk");
}

Result<void> write_all(int file, std::string_view bytes, const std::string& path) {
    while (!bytes.empty()) {
        const auto written = write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failed("write", path);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (fdatasync(file) != 0) return failed("sync", path);
    return {};
}

// A name is on the disk once its folder is.
Result<void> sync_folder(const std::string& folder) {
    const int opened = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) return failed("open", folder);
    const bool synced = fsync(opened) == 0;
    const int error = errno;
    close(opened);
    if (!synced) return failed("sync", folder, error);
    return {};
}

Result<void> make_private_folder(const std::string& folder) {
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), error);
    if (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return failed("create", folder);
}

/// Where the last whole line ends.
Result<std::uint64_t> end_of_lines(int file, std::uint64_t size, const std::string& path) {
    std::array<char, 4096> chunk;
    while (size > 0) {
        const auto part = std::min<std::uint64_t>(size, chunk.size());
        if (pread(file, chunk.data(), part, static_cast<off_t>(size - part)) != static_cast<ssize_t>(part)) return failed("read", path);
        const auto end = std::string_view(chunk.data(), part).rfind('\n');
        if (end != std::string_view::npos) return size - part + end + 1;
        size -= part;
    }
    return 0;
}

// Sorted by name they are sorted by age.
std::string new_name() {
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
    return fmt::format("{:017}-{}", now.count(), random_id(8));
}

}  // namespace

Result<std::unique_ptr<LockedFile>> LockedFile::open(const std::string& path, int flags) {
    const int opened = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (opened < 0 && errno == ENOENT) return std::unique_ptr<LockedFile>();  // another one has just dealt with it
    if (opened < 0) return failed("open", path);
    std::unique_ptr<LockedFile> made(new LockedFile(opened));
    if (flock(opened, LOCK_EX | LOCK_NB) == 0) return made;
    if (errno == EWOULDBLOCK) return std::unique_ptr<LockedFile>();
    return failed("lock", path);
}

LockedFile::~LockedFile() { close(descriptor_); }

Result<std::unique_ptr<SpoolFile>> SpoolFile::create(const std::string& folder) {
    VC_TRY(make_private_folder(folder));
    const auto path = folder + "/" + new_name();
    // It gets its name when it is locked: nobody can take it for one that was left.
    VC_TRY_ASSIGN(auto file, LockedFile::open(path + ".new", O_RDWR | O_CREAT | O_EXCL | O_APPEND));
    if (!file) return fail(Errc::Io, "{} is not ours", path);
    const auto named = path + std::string(kEnding);
    if (rename((path + ".new").c_str(), named.c_str()) != 0) return failed("rename", path);
    VC_TRY(sync_folder(folder));
    return std::unique_ptr<SpoolFile>(new SpoolFile(named, std::move(file), 0));
}

Result<std::unique_ptr<SpoolFile>> SpoolFile::adopt(const std::string& path) {
    VC_TRY_ASSIGN(auto file, LockedFile::open(path, O_RDWR | O_APPEND));
    if (!file) return std::unique_ptr<SpoolFile>();
    struct stat status {};
    if (fstat(file->descriptor(), &status) != 0) return failed("read", path);
    VC_TRY_ASSIGN(const auto bytes, end_of_lines(file->descriptor(), static_cast<std::uint64_t>(status.st_size), path));
    if (ftruncate(file->descriptor(), static_cast<off_t>(bytes)) != 0) return failed("shorten", path);
    return std::unique_ptr<SpoolFile>(new SpoolFile(path, std::move(file), bytes));
}

Result<void> SpoolFile::append(std::string_view line) {
    const auto text = std::string(line) + "\n";
    if (auto written = write_all(file_->descriptor(), text, path_); !written) {
        if (ftruncate(file_->descriptor(), static_cast<off_t>(bytes_)) != 0) return failed("shorten", path_);
        return written;
    }
    bytes_ += text.size();
    return {};
}

Result<void> SpoolFile::read(std::uint64_t done, const std::function<Result<void>(std::string_view, std::uint64_t)>& each) const {
    constexpr std::size_t kChunk = 256 * 1024;
    std::string text;
    std::uint64_t at = done;
    const auto stop = bytes_;  // what `each` appends is not read
    while (at < stop) {
        const auto had = text.size();
        text.resize(had + std::min<std::uint64_t>(kChunk, stop - at));
        const auto got = pread(file_->descriptor(), text.data() + had, text.size() - had, static_cast<off_t>(at));
        if (got <= 0) return failed("read", path_);
        text.resize(had + static_cast<std::size_t>(got));
        at += static_cast<std::uint64_t>(got);
        std::size_t begin = 0;
        for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
            VC_TRY(each(std::string_view(text).substr(begin, end - begin), at - text.size() + end + 1));
            begin = end + 1;
        }
        text.erase(0, begin);
    }
    return {};
}

Result<void> SpoolFile::remove() {
    if (unlink(path_.c_str()) != 0) return failed("remove", path_);
    return sync_folder(std::filesystem::path(path_).parent_path().string());
}

std::vector<std::string> spool_files(const std::string& folder) {
    std::vector<std::string> out;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        const auto name = entry.path().filename().string();
        if (name.ends_with(kEnding) && std::isdigit(static_cast<unsigned char>(name.front())) != 0) out.push_back(entry.path().string());
    }
    std::sort(out.begin(), out.end());
    return out;
}

Result<void> append_rejected(const std::string& folder, std::string_view line) {
    const auto path = folder + "/rejected.jsonl";
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return failed("open", path);
    const auto written = write_all(file, std::string(line) + "\n", path);
    close(file);
    return written;
}

}  // namespace voicectl::store
