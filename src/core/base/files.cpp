#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "voicectl/base/atomic_file.h"
#include "voicectl/base/text.h"

namespace voicectl {
namespace {

// Links are followed, so that the file they name is replaced and not the link.
std::string resolved(const std::string& path) {
    char* real = realpath(path.c_str(), nullptr);
    if (real == nullptr) return path;
    std::string out(real);
    std::free(real);
    return out;
}

bool is_special(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::string& path, int mode) {
    const bool straight = is_special(path);
    const auto target = straight ? path : resolved(path);
    const auto beside = straight ? std::string() : target + "." + random_id(8) + ".part";
    const int flags = straight ? O_WRONLY : O_WRONLY | O_CREAT | O_EXCL;
    const int file = ::open(straight ? target.c_str() : beside.c_str(), flags | O_CLOEXEC, mode);
    if (file < 0) return fail(Errc::Io, "cannot write {}: {}", path, std::strerror(errno));
    return AtomicFile(target, beside, file);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)), beside_(std::exchange(other.beside_, {})), file_(std::exchange(other.file_, -1)) {}

AtomicFile::~AtomicFile() {
    if (file_ >= 0) close(file_);
    if (!beside_.empty()) unlink(beside_.c_str());
}

std::unexpected<Error> AtomicFile::failed(int error) const {
    return fail(Errc::Io, "cannot write {}: {}", path_, std::strerror(error));
}

Result<void> AtomicFile::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto put = ::write(file_, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return failed(errno);
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
}

Result<void> AtomicFile::commit() {
    if (!beside_.empty() && fsync(file_) != 0) return failed(errno);
    if (close(std::exchange(file_, -1)) != 0) return failed(errno);
    if (beside_.empty()) return {};
    if (rename(beside_.c_str(), path_.c_str()) != 0) return failed(errno);
    beside_.clear();
    return {};
}

void sync_folder(const std::string& path) {
    const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    fsync(folder);
    close(folder);
}

Result<void> write_file_atomically(const std::string& path, std::string_view bytes, int mode) {
    VC_TRY_ASSIGN(auto file, AtomicFile::create(path, mode));
    VC_TRY(file.write(bytes));
    return file.commit();
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        const auto code = errno == ENOENT ? Errc::NotFound : Errc::Io;
        return fail(code, "cannot read {}: {}", path, std::strerror(errno));
    }
    std::string out;
    std::array<char, 65536> chunk{};
    int error = 0;
    while (out.size() <= limit) {
        const auto got = read(file, chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) error = errno;
        if (got <= 0) break;
        out.append(chunk.data(), static_cast<std::size_t>(got));
    }
    close(file);
    if (error != 0) return fail(Errc::Io, "cannot read {}: {}", path, std::strerror(error));
    if (out.size() > limit) return fail(Errc::Io, "{} is larger than {} bytes", path, limit);
    return out;
}

}  // namespace voicectl
