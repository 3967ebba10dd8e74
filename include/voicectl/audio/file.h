// Audio files by libsndfile: WAV, FLAC, OGG (Opus), MP3. Blocking; any thread, one at a time per object.
#pragma once

#include <memory>
#include <string>

#include "voicectl/audio/pcm.h"

namespace voicectl::audio {

/// What a file says of itself.
struct FileInfo {
    std::string container, codec;  // "ogg", "opus"
    int rate_hz = 0, channels = 0;
    std::int64_t frames = 0;  // as its header has it, which may be a lie; 0: not known
    std::int64_t bytes = 0;
};

/// Read piece by piece, so that its length does not matter.
class FileReader {
 public:
    /// NotFound, Io (unreadable, empty, no audio), Usage for an MP4.
    static Result<std::unique_ptr<FileReader>> open(const std::string& path);
    virtual ~FileReader() = default;
    virtual const FileInfo& info() const = 0;
    /// Whole frames, interleaved, into `out`; how many samples. 0: the end.
    virtual Result<std::size_t> read(std::span<std::int16_t> out) = 0;
    /// How many of the samples read so far are no numbers that can be played (NaN, infinite).
    virtual std::int64_t not_finite() const = 0;
    /// Back to the beginning.
    virtual Result<void> rewind() = 0;
};

/// The whole file at its own rate and channels. NotFound, Io (unreadable, unknown form), Usage when longer
/// than `max_seconds`.
Result<Pcm> read_file(const std::string& path, int max_seconds = 3600);

/// Written as it comes; the form is decided by the file's ending (.wav .flac .ogg .mp3). A WAV is
/// readable after a crash (its header is kept up to date).
class FileWriter {
 public:
    static Result<std::unique_ptr<FileWriter>> create(const std::string& path, int rate_hz, int channels);
    virtual ~FileWriter() = default;
    virtual Result<void> write(SampleView interleaved) = 0;
    /// Flushes and closes; also done by the destructor, which cannot tell of errors.
    virtual Result<void> close() = 0;
};

Result<void> write_file(const std::string& path, const Pcm& pcm);
/// "libsndfile-1.2.0".
std::string library_version();

}  // namespace voicectl::audio
