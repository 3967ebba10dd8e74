#include "voicectl/audio/inspect.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>

#include "completeness.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/audio/voice_activity.h"

namespace voicectl::audio {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWindow{20};
constexpr double kSilent = -120;
constexpr double kSameSound = 0.95;  // lossy coding leaves over 0.99 of two equal channels
constexpr int kFullScale = 32700;    // what encoders make of it
constexpr std::size_t kSpeechFrame = kSpeechRateHz / 100;

double dbfs(double amplitude) { return amplitude <= 0 ? kSilent : std::max(kSilent, 20 * std::log10(amplitude / 32768)); }
double rms_dbfs(double energy, std::int64_t count) { return count <= 0 ? kSilent : dbfs(std::sqrt(energy / static_cast<double>(count))); }
double share(std::int64_t part, std::int64_t whole) { return whole <= 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole); }

/// Peaks over equal parts of a time that is not known beforehand: when there are twice as many as wanted,
/// neighbours are joined.
class Slices {
 public:
    explicit Slices(std::size_t wanted) : wanted_(std::max<std::size_t>(wanted, 1)) {}
    void push(int peak) {
        current_ = std::max(current_, peak);
        if (++filled_ < per_slice_) return;
        peaks_.push_back(std::exchange(current_, 0));
        filled_ = 0;
        if (peaks_.size() == wanted_ * 2) halve();
    }
    std::vector<double> finish() {
        if (filled_ > 0) peaks_.push_back(current_);
        std::vector<double> out(std::min(wanted_, peaks_.size()), kSilent);
        for (std::size_t i = 0; i < peaks_.size(); ++i) {
            auto& slot = out[i * out.size() / peaks_.size()];
            slot = std::max(slot, dbfs(peaks_[i]));
        }
        return out;
    }

 private:
    void halve() {
        for (std::size_t i = 0; i < wanted_; ++i) peaks_[i] = std::max(peaks_[2 * i], peaks_[2 * i + 1]);
        peaks_.resize(wanted_);
        per_slice_ *= 2;
    }
    std::size_t wanted_, per_slice_ = 1, filled_ = 0;
    int current_ = 0;
    std::vector<int> peaks_;
};

/// Speech in one channel, 10 ms at a time: `on_frame(spoken)`.
class VoiceMeter {
 public:
    explicit VoiceMeter(int rate_hz) {
        if (rate_hz != kSpeechRateHz) resampler_.emplace(rate_hz, kSpeechRateHz);
    }
    void push(SampleView samples) {
        if (resampler_) take(resampler_->process(samples));
        else take(samples);
    }
    void finish() {
        if (resampler_) take(resampler_->flush());
    }
    /// Per 10 ms since drain() was last called.
    std::vector<bool> drain() { return std::exchange(spoken_, {}); }

 private:
    void take(SampleView samples) {
        framer_.push(samples, [this](SampleView frame) {
            activity_.push(frame);
            spoken_.push_back(activity_.speaking());
        });
    }
    std::optional<Resampler> resampler_;
    Framer framer_{kSpeechFrame};
    VoiceActivity activity_;
    std::vector<bool> spoken_;
};

struct Channel {
    Channel(int rate_hz, std::size_t slices) : levels(slices), voice(rate_hz) {}
    Slices levels;
    VoiceMeter voice;
    double energy = 0;
    int peak = 0;
    std::int64_t active_windows = 0, voiced_frames = 0, clipped = 0, run = 0;

    void clip(int magnitude) {
        if (magnitude < kFullScale) run = 0;
        else if (++run >= 3) clipped += run == 3 ? 3 : 1;
    }
};

/// Stretches of silence, in windows.
struct Silence {
    std::int64_t total = 0, longest = 0, longest_at = 0, leading = 0, run = 0, windows = 0;
    void push(bool silent) {
        ++windows;
        run = silent ? run + 1 : 0;
        total += silent ? 1 : 0;
        if (run == windows) leading = run;
        if (run > longest) {
            longest = run;
            longest_at = windows - run;
        }
    }
};

class Inspector {
 public:
    Inspector(const FileInfo& info, const InspectOptions& options)
        : options_(options), count_(static_cast<std::size_t>(info.channels)), window_(std::max<std::size_t>(1, static_cast<std::size_t>(info.rate_hz) / 50)) {
        for (std::size_t i = 0; i < count_; ++i) channels_.emplace_back(info.rate_hz, options.slices);
        out_.file = info;
    }

    void push(SampleView interleaved) {
        frames_ += static_cast<std::int64_t>(interleaved.size() / count_);
        split(interleaved);
        correlate(interleaved);
        while (!interleaved.empty()) {
            const auto take = std::min((window_ - filled_) * count_, interleaved.size());
            gather(interleaved.first(take));
            interleaved = interleaved.subspan(take);
            if (filled_ == window_) close_window();
        }
    }

    milliseconds time() const { return milliseconds(frames_ * 1000 / out_.file.rate_hz); }

    Inspection finish() {
        if (filled_ > 0) close_window();
        for (auto& one : channels_) one.voice.finish();
        count_voice();
        out_.duration = time();
        out_.frames = frames_;
        finish_silence();
        finish_channels();
        return std::move(out_);
    }

 private:
    void split(SampleView interleaved) {
        one_.resize(interleaved.size() / count_);
        for (std::size_t channel = 0; channel < count_; ++channel) {
            for (std::size_t i = 0; i < one_.size(); ++i) one_[i] = interleaved[i * count_ + channel];
            channels_[channel].voice.push(one_);
        }
        count_voice();
    }

    void count_voice() {
        std::vector<bool> any;
        for (auto& one : channels_) {
            const auto spoken = one.voice.drain();
            one.voiced_frames += std::count(spoken.begin(), spoken.end(), true);
            any.resize(std::max(any.size(), spoken.size()));
            for (std::size_t i = 0; i < spoken.size(); ++i) any[i] = any[i] || spoken[i];
        }
        voiced_frames_ += std::count(any.begin(), any.end(), true);
    }

    void correlate(SampleView interleaved) {
        if (count_ != 2) return;
        double cross = 0;
        for (std::size_t i = 0; i + 1 < interleaved.size(); i += 2) cross += static_cast<double>(interleaved[i]) * interleaved[i + 1];
        cross_ += cross;
    }

    void gather(SampleView part) {
        energies_.resize(count_);
        peaks_.resize(count_);
        for (std::size_t i = 0; i < part.size(); ++i) {
            const auto channel = i % count_;
            const int magnitude = std::abs(int{part[i]});
            energies_[channel] += static_cast<double>(magnitude) * magnitude;
            peaks_[channel] = std::max(peaks_[channel], magnitude);
            channels_[channel].clip(magnitude);
        }
        filled_ += part.size() / count_;
    }

    void close_window() {
        bool silent = true;
        for (std::size_t i = 0; i < count_; ++i) {
            auto& one = channels_[i];
            const bool active = rms_dbfs(energies_[i], static_cast<std::int64_t>(filled_)) >= options_.silence_dbfs;
            silent = silent && !active;
            one.active_windows += active ? 1 : 0;
            one.energy += energies_[i];
            one.peak = std::max(one.peak, peaks_[i]);
            one.levels.push(peaks_[i]);
        }
        if (!silent) {
            active_energy_ += std::accumulate(energies_.begin(), energies_.end(), 0.0);
            active_samples_ += static_cast<std::int64_t>(filled_ * count_);
        }
        silence_.push(silent);
        std::fill(energies_.begin(), energies_.end(), 0);
        std::fill(peaks_.begin(), peaks_.end(), 0);
        filled_ = 0;
    }

    // The last window may be a short one: nothing is longer than the file.
    milliseconds windows(std::int64_t count) const { return std::min(out_.duration, milliseconds(count * kWindow.count())); }

    void finish_silence() {
        out_.silence = windows(silence_.total);
        out_.longest_silence = windows(silence_.longest);
        out_.longest_silence_at = windows(silence_.longest_at);
        out_.leading_silence = windows(silence_.leading);
        out_.trailing_silence = windows(silence_.run);
        out_.voice = std::min(out_.duration, milliseconds(voiced_frames_ * 10));
    }

    void finish_channels() {
        double energy = 0;
        for (auto& one : channels_) {
            out_.channels.push_back({dbfs(one.peak), rms_dbfs(one.energy, frames_), share(one.active_windows, silence_.windows),
                                     std::min(1.0, share(one.voiced_frames * 10, out_.duration.count())), one.levels.finish()});
            out_.peak_dbfs = std::max(out_.peak_dbfs, out_.channels.back().peak_dbfs);
            out_.clipped_samples += one.clipped;
            energy += one.energy;
        }
        out_.rms_dbfs = rms_dbfs(energy, frames_ * static_cast<std::int64_t>(count_));
        out_.active_rms_dbfs = rms_dbfs(active_energy_, active_samples_);
        if (count_ == 2 && channels_[0].energy > 0 && channels_[1].energy > 0)
            out_.correlation = std::clamp(cross_ / std::sqrt(channels_[0].energy * channels_[1].energy), -1.0, 1.0);
    }

    const InspectOptions& options_;
    std::size_t count_, window_, filled_ = 0;
    std::deque<Channel> channels_;  // they do not move
    std::vector<double> energies_;
    std::vector<int> peaks_;
    Samples one_;
    Silence silence_;
    std::int64_t frames_ = 0, voiced_frames_ = 0, active_samples_ = 0;
    double cross_ = 0, active_energy_ = 0;
    Inspection out_;
};

}  // namespace

double Inspection::silence_share() const { return share(silence.count(), duration.count()); }
double Inspection::voice_share() const { return share(voice.count(), duration.count()); }

bool Inspection::channels_differ() const {
    return channels.size() == 2 && channels[0].alive() && channels[1].alive() && correlation && std::abs(*correlation) < kSameSound;
}

Result<Inspection> inspect_file(const std::string& path, const InspectOptions& options) {
    VC_TRY_ASSIGN(const auto reader, FileReader::open(path));
    Inspector inspector(reader->info(), options);
    Samples block(static_cast<std::size_t>(reader->info().channels) * 16384);
    std::string broken;
    while (true) {
        const auto got = reader->read(block);
        if (!got) broken = got.error().message;
        if (!got || *got == 0) break;
        inspector.push(SampleView(block).first(*got));
        if (options.on_progress) options.on_progress(inspector.time());
    }
    auto out = inspector.finish();
    out.not_finite_samples = reader->not_finite();
    out.incomplete = !broken.empty() ? broken : why_incomplete(path, out.file, out.frames);
    return out;
}

}  // namespace voicectl::audio
