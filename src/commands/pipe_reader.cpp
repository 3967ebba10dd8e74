#include "commands/pipe_reader.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <tuple>

namespace voicectl::commands {

PipeReader::PipeReader(int descriptor) : descriptor_(descriptor), wake_(eventfd(0, EFD_CLOEXEC)) {}

PipeReader::~PipeReader() { close(wake_); }

void PipeReader::call_off() {
    const std::uint64_t one = 1;
    std::ignore = ::write(wake_, &one, sizeof one);
}

Result<std::string_view> PipeReader::read() {
    std::array<pollfd, 2> both{pollfd{descriptor_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
    while (poll(both.data(), both.size(), -1) < 0)
        if (errno != EINTR) return fail(Errc::Io, "cannot wait for standard input: {}", std::strerror(errno));
    if (both[1].revents != 0) return std::string_view{};
    const auto got = ::read(descriptor_, buffer_.data(), buffer_.size());
    if (got < 0) return fail(Errc::Io, "cannot read standard input: {}", std::strerror(errno));
    return std::string_view(buffer_.data(), static_cast<std::size_t>(got));
}

}  // namespace voicectl::commands
