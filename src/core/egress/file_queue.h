// The file of a recording, behind a queue: encoded and written on the Workers, in order. Loop thread; told on the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "voicectl/audio/file.h"
#include "voicectl/base/loop.h"
#include "voicectl/base/workers.h"

namespace voicectl::egress {

class FileQueue {
 public:
    struct Form {
        int rate_hz, channels;  // of the samples
        audio::FileOptions options;
    };
    struct Closed {
        Result<void> result;
        std::int64_t bytes = 0;
        std::int64_t frames = 0;  // encoded
    };
    /// `on_error` once, at the first error; nothing is written after it.
    FileQueue(Loop& loop, Workers& workers, std::string path, Form form, std::function<void(const Error&)> on_error);

    void write(audio::SampleView interleaved);
    /// What is queued, then the end of the file.
    void close(std::function<void(const Closed&)> done);
    std::int64_t bytes() const;
    /// Frames that wait to be encoded.
    std::int64_t waiting() const;

 private:
    struct File;
    Loop& loop_;
    std::size_t channels_;
    std::shared_ptr<File> file_;
    SerialQueue queue_;
    Lifeline lifeline_;
};

}  // namespace voicectl::egress
