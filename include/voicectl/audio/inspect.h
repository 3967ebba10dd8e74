// What is in a recording: levels, silence, voice, clipping, and whether its channels differ. Read piece by
// piece, so that two hours need no more memory than two seconds. Blocking, any thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/audio/file.h"

namespace voicectl::audio {

struct InspectOptions {
    double silence_dbfs = -50;  // windows of 20 ms whose loudest channel is below this are silence
    std::size_t slices = 60;    // of the picture of levels
    /// Time read so far, now and then.
    std::function<void(std::chrono::milliseconds)> on_progress;
};

struct ChannelReport {
    double peak_dbfs = -120, rms_dbfs = -120;
    double active_share = 0;  // of the time over the silence threshold
    double voice_share = 0;   // of the time with speech
    std::vector<double> slices;  // peak of each slice of the time, dBFS
    bool alive() const { return active_share > 0; }
};

struct Inspection {
    FileInfo file;
    std::chrono::milliseconds duration{0};
    double peak_dbfs = -120, rms_dbfs = -120;
    double active_rms_dbfs = -120;  // without the silence: how loud it is when there is something to hear
    std::chrono::milliseconds silence{0}, longest_silence{0}, longest_silence_at{0}, leading_silence{0}, trailing_silence{0};
    std::chrono::milliseconds voice{0};  // at least one channel speaks
    std::int64_t frames = 0;             // as read
    std::int64_t not_finite_samples = 0; // NaN and infinite ones, which cannot be played
    std::int64_t clipped_samples = 0;    // in runs of three or more at full scale
    std::vector<ChannelReport> channels;
    std::optional<double> correlation;  // of two channels, -1 to 1; nothing when one of them is silent
    std::string incomplete;             // why the file looks cut off; empty: it looks whole

    double silence_share() const;
    double voice_share() const;
    /// Two live sides that are not one and the same sound.
    bool channels_differ() const;
};

Result<Inspection> inspect_file(const std::string& path, const InspectOptions& options = {});

}  // namespace voicectl::audio
