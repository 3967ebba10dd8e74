// Bytes from a descriptor, standard input mostly; a wait for them can be called off. One thread reads, any may call off.
#pragma once

#include <array>
#include <string_view>

#include "voicectl/base/result.h"

namespace voicectl::commands {

class PipeReader {
 public:
    explicit PipeReader(int descriptor);
    ~PipeReader();
    PipeReader(const PipeReader&) = delete;
    PipeReader& operator=(const PipeReader&) = delete;

    /// From now on read() gives nothing.
    void call_off();
    /// Waits. Empty: the end, or called off. Valid until the next read.
    Result<std::string_view> read();

 private:
    int descriptor_, wake_;
    std::array<char, 16384> buffer_{};
};

}  // namespace voicectl::commands
