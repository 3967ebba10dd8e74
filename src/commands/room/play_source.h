// Where the samples of a published track come from: a file that is read block by block, or a pipe. Mono, at a
// rate that a track can have. Main thread; the pipe is read on a thread of its own.
#pragma once

#include <memory>
#include <string>

#include "voicectl/audio/pcm.h"

namespace voicectl::commands {

class PlaySource {
 public:
    virtual ~PlaySource() = default;
    virtual int rate_hz() const = 0;
    /// At most about so many samples; never waits. Nothing: nothing there yet, or ended().
    virtual Result<audio::Samples> read(std::size_t samples) = 0;
    virtual bool ended() const = 0;
    /// Back to the beginning.
    virtual Result<void> rewind() = 0;
    const std::string& name() const { return name_; }

 protected:
    explicit PlaySource(std::string name) : name_(std::move(name)) {}

 private:
    std::string name_;
};

/// Usage when it cannot be read.
Result<std::unique_ptr<PlaySource>> open_play_file(const std::string& path);
/// Raw s16le of that form, or a WAV. Returns when its first bytes told which. The descriptor stays the caller's.
Result<std::unique_ptr<PlaySource>> open_play_pipe(int descriptor, int rate_hz, int channels);

}  // namespace voicectl::commands
