#include "commands/room/track_recorder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr std::size_t kBlock = kRecordHz / 5;  // 200 ms, and the header with it
constexpr double kSilentDbfs = -60;
constexpr std::size_t kMaxName = 80;

double rounded(double value, double steps) { return std::round(value * steps) / steps; }
double seconds(std::uint64_t samples) { return rounded(static_cast<double>(samples) / kRecordHz, 1000); }

}  // namespace

std::string safe_file_name(std::string_view text) {
    std::string out;
    for (const char c : valid_utf8(text)) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '@' || c == '+' || byte >= 0x80;
        out += plain ? c : '_';
    }
    if (out.starts_with('.') || out.starts_with('-')) out[0] = '_';
    if (out.size() > kMaxName) {
        std::size_t end = kMaxName;
        while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;  // not inside a character
        out.resize(end);
    }
    return out.empty() ? "unnamed" : out;
}

Result<std::string> claim_wav(const std::string& folder, const std::string& stem) {
    for (int number = 1; number < 10000; ++number) {
        const auto name = number == 1 ? stem + ".wav" : fmt::format("{}-{}.wav", stem, number);
        const auto path = (std::filesystem::path(folder) / name).string();
        const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (file >= 0) {
            close(file);
            return path;
        }
        if (errno != EEXIST) return fail(Errc::Io, "cannot write {}: {}", path, std::strerror(errno));
    }
    return fail(Errc::Io, "{} has too many recordings of {}", folder, stem);
}

Result<std::unique_ptr<TrackRecorder>> TrackRecorder::create(const std::string& folder, const rtc::TrackInfo& track, TimePoint begin) {
    const auto stem = safe_file_name(track.participant_identity) + "-" + safe_file_name(track.name);
    VC_TRY_ASSIGN(const auto path, claim_wav(folder, stem));
    VC_TRY_ASSIGN(auto file, audio::FileWriter::create(path, kRecordHz, 1));
    return std::unique_ptr<TrackRecorder>(new TrackRecorder(path, track, std::move(file), begin));
}

TrackRecorder::TrackRecorder(std::string path, rtc::TrackInfo track, std::unique_ptr<audio::FileWriter> file, TimePoint begin)
    : path_(std::move(path)), track_(std::move(track)), file_(std::move(file)),
      timeline_(begin, kRecordHz, [this](std::uint64_t silence, audio::SampleView samples) { take(silence, samples); }) {}

void TrackRecorder::take(std::uint64_t silence, audio::SampleView samples) {
    const auto at = timeline_.samples() + silence;
    silent_ += silence;
    while (silence > 0) {  // hours of it, in blocks
        const auto some = std::min<std::uint64_t>(silence, kBlock);
        pending_.insert(pending_.end(), some, 0);
        silence -= some;
        if (pending_.size() >= kBlock) flush();
    }
    const auto level = audio::measure(samples);
    if (!samples.empty() && level.peak_dbfs < kSilentDbfs) silent_ += samples.size();
    if (level.peak_dbfs >= kSilentDbfs && !std::exchange(sounded_, true)) first_sound_ = at;
    for (const auto sample : samples) peak_ = std::max(peak_, std::abs(static_cast<int>(sample)));
    pending_.insert(pending_.end(), samples.begin(), samples.end());
    if (pending_.size() >= kBlock) flush();
}

void TrackRecorder::flush() {
    if (state_ && !pending_.empty()) state_ = file_->write(pending_);
    pending_.clear();
}

void TrackRecorder::advance(TimePoint now) {
    timeline_.advance(now);
    flush();
}

Result<Json> TrackRecorder::finish(TimePoint end) {
    timeline_.finish(end);
    flush();
    auto closed = file_->close();
    VC_TRY(state_);
    VC_TRY(closed);
    const double peak = peak_ == 0 ? -120 : 20 * std::log10(peak_ / 32768.0);
    auto event = event_json("recorded");
    event["identity"] = track_.participant_identity;
    event["name"] = track_.name;
    event["file"] = path_;
    event["seconds"] = seconds(timeline_.samples());
    event["rateHz"] = kRecordHz;
    event["peakDbfs"] = rounded(peak, 10);
    event["silenceSeconds"] = seconds(silent_);
    event["firstSoundSeconds"] = sounded_ ? Json(seconds(first_sound_)) : Json();
    event["silent"] = !sounded_;
    return event;
}

}  // namespace voicectl::commands
