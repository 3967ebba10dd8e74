// One speaker's track as a WAV file whose time is that of the recording: the file begins when the recording did.
// On the loop: a write of some 20 kB goes to the page cache; a disk that stands still for up to 10 s loses nothing.
#pragma once

#include <memory>
#include <string>

#include "commands/room/event_json.h"
#include "commands/room/timeline.h"
#include "voicectl/audio/file.h"
#include "voicectl/rtc/room.h"

namespace voicectl::commands {

inline constexpr int kRecordHz = 48000;

/// As a part of a file's name: no separators, no leading dot, at most 80 bytes, never empty.
std::string safe_file_name(std::string_view text);
/// Makes FOLDER/STEM.wav, or STEM-2.wav, … : never one that is there already. Its path.
Result<std::string> claim_wav(const std::string& folder, const std::string& stem);

class TrackRecorder {
 public:
    static Result<std::unique_ptr<TrackRecorder>> create(const std::string& folder, const rtc::TrackInfo& track, TimePoint begin);

    void hear(const rtc::AudioFrame& frame) { timeline_.push(frame.samples, frame.received_at); }
    /// Now and then: writes what came, also when nothing came.
    void advance(TimePoint now);
    /// Closes the file; the event that tells of it, or why it is not whole.
    Result<Json> finish(TimePoint end);
    const rtc::TrackInfo& track() const { return track_; }

 private:
    TrackRecorder(std::string path, rtc::TrackInfo track, std::unique_ptr<audio::FileWriter> file, TimePoint begin);
    void take(std::uint64_t silence, audio::SampleView samples);
    void flush();

    std::string path_;
    rtc::TrackInfo track_;
    std::unique_ptr<audio::FileWriter> file_;
    Timeline timeline_;
    audio::Samples pending_;
    int peak_ = 0;
    std::uint64_t silent_ = 0, first_sound_ = 0;
    bool sounded_ = false;
    Result<void> state_;
};

}  // namespace voicectl::commands
