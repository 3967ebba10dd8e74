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

/// How a file is to be written; what is not said is left to the form.
struct FileOptions {
    int rate_hz = 0;   // of the file; 0: that of the samples, or the next one that the form knows
    int bit_rate = 0;  // of all channels, bits per second; OGG (on average, 6,000 to 256,000 a channel) and MP3 (constant). 0: the encoder's own
    std::chrono::milliseconds flush{1000};  // an OGG page is given to the kernel when it holds so much (50 to 1600 ms)
    unsigned mode = 0644;                   // of a new file, before the umask
};

/// Written as it comes; the form is decided by the file's ending (.wav .flac .ogg .mp3). Readable after a crash: a WAV up to the last
/// write (its header is kept up to date), an OGG up to the last page, an MP3 up to the last frame; none of it waits in a buffer of ours.
class FileWriter {
 public:
    static Result<std::unique_ptr<FileWriter>> create(const std::string& path, int rate_hz, int channels, const FileOptions& options = {});
    virtual ~FileWriter() = default;
    /// Io with the system's reason (disk full) as soon as it says so; what was written before stays. From then on every write fails.
    virtual Result<void> write(SampleView interleaved) = 0;
    /// Given to the system so far.
    virtual std::int64_t bytes() const = 0;
    /// Flushes and closes; also done by the destructor, which cannot tell of errors.
    virtual Result<void> close() = 0;
};

Result<void> write_file(const std::string& path, const Pcm& pcm);
/// "libsndfile-1.2.0".
std::string library_version();

}  // namespace voicectl::audio
