#include "voicectl/egress/mixer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace voicectl::egress {
namespace {

constexpr double kFull = 32767;
constexpr double kRelease = 0.02;        // of the way back to 1, each step: 50 ms
constexpr double kNearlyOne = 0.9995;

/// How far from zero, on the scale that has 32,767 for both ends.
std::int32_t magnitude(std::int32_t sample) { return sample < 0 ? -1 - sample : sample; }

std::int32_t peak_of(const std::int32_t* samples, std::size_t count) {
    std::int32_t peak = 0;
    for (std::size_t i = 0; i < count; ++i) peak = std::max(peak, magnitude(samples[i]));
    return peak;
}

int peak_of(audio::SampleView samples) {
    int peak = 0;
    for (const int sample : samples) peak = std::max(peak, std::abs(sample));
    return peak;
}

}  // namespace

// ---- Limiter ----

void Limiter::process(const std::int32_t* in, std::size_t steps, std::int16_t* out, std::size_t stride) {
    wanted_.resize(steps + kAhead);
    for (std::size_t step = 0; step < wanted_.size(); ++step)
        wanted_[step] = std::min(1.0, kFull / std::max(1, peak_of(in + step * kStep, kStep)));
    for (std::size_t step = 0; step < steps; ++step) {
        // The gain at the end of this step: within a step it lies between those of its ends, so that none of them may be over the step's own.
        auto end = std::min(wanted_[step], gain_ + (1 - gain_) * kRelease);
        if (end > kNearlyOne) end = 1;
        for (std::size_t i = 0; i < kAhead; ++i) {
            const auto there = wanted_[step + 1 + i];
            end = std::min(end, there + (1 - there) * static_cast<double>(i) / kAhead);
        }
        end = std::min(end, wanted_[step]);
        const auto* from = in + step * kStep;
        auto* to = out + step * kStep * stride;
        for (std::size_t i = 0; i < kStep; ++i) {
            if (gain_ == 1 && end == 1) {
                to[i * stride] = static_cast<std::int16_t>(from[i]);
                continue;
            }
            const auto gain = gain_ + (end - gain_) * static_cast<double>(i) / kStep;
            to[i * stride] = static_cast<std::int16_t>(std::clamp(std::lrint(from[i] * gain), -32768L, 32767L));
        }
        gain_ = end;
    }
}

// ---- Mixer ----

Mixer::Frame& Mixer::Frames::add() {
    if (count_ == ring_.size()) {
        std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(first_), ring_.end());
        first_ = 0;
        ring_.resize(ring_.size() * 2);
    }
    return (*this)[count_++];
}

void Mixer::Frames::pop() {
    first_ = (first_ + 1) & (ring_.size() - 1);
    --count_;
}

Mixer::Mixer(int channels, TimePoint began)
    : channels_(static_cast<std::size_t>(channels)),
      zero_(began),
      sums_(channels_, std::vector<std::int32_t>(kRing)),
      limiters_(channels_),
      line_(kBlock + kAhead),
      out_(kBlock * channels_) {}

std::int64_t Mixer::position(TimePoint time) const {
    const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time - zero_).count();
    return since / 1000 * kRateHz / 1'000'000;
}

TimePoint Mixer::began() const { return zero_ + std::chrono::nanoseconds(begin_ * 1'000'000'000 / kRateHz); }

Mixer::SourceId Mixer::add(Side side) {
    sources_[++last_id_].side = side;
    return last_id_;
}

void Mixer::remove(SourceId id) {
    if (const auto at = sources_.find(id); at != sources_.end()) at->second.removed = true;
}

void Mixer::push(SourceId id, audio::SampleView frame, TimePoint received_at) {
    const auto at = sources_.find(id);
    if (at == sources_.end() || frame.size() != kFrame) return;
    auto& slot = at->second.frames.add();
    slot.came = position(received_at);
    slot.held = kUntold;
    std::copy(frame.begin(), frame.end(), slot.samples.begin());
}

void Mixer::held_back(SourceId id, TimePoint until, std::chrono::nanoseconds delay) {
    const auto at = sources_.find(id);
    if (at == sources_.end()) return;
    auto& source = at->second;
    source.last_told = std::clamp<std::int64_t>(delay.count() / 1000 * kRateHz / 1'000'000, 0, kMostHeld);
    const auto last = position(until);
    auto i = source.frames.size();
    while (i > 0 && source.frames[i - 1].came > last) --i;
    for (; i > 0 && source.frames[i - 1].held == kUntold; --i) source.frames[i - 1].held = source.last_told;
}

/// What was held back on the way to us, of the first that waits and what is heard together with it.
std::int64_t Mixer::held_of(Source& source) const {
    std::int64_t sum = 0, count = 0;
    for (std::size_t i = 0; i < std::min(source.frames.size(), kTogether) && source.frames[i].held != kUntold; ++i, ++count) sum += source.frames[i].held;
    return count == 0 ? source.last_told : sum / count;
}

/// How many of the next samples, at most `most` and at the least the first frame's, are quiet.
std::int64_t Mixer::quiet_ahead(Source& source, std::int64_t most) const {
    auto quiet = static_cast<std::int64_t>(kFrame - source.taken);
    for (std::size_t i = 1; i < source.frames.size() && quiet < most && peak_of(source.frames[i].samples) < kQuiet; ++i) quiet += kFrame;
    return std::min(quiet, most);
}

/// When the first sample that waits came, by the frame of all that has come with the least delay.
std::int64_t Mixer::came_of(Source& source) const {
    auto start = std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = 0; i < source.frames.size(); ++i)
        start = std::min(start, source.frames[i].came - static_cast<std::int64_t>(i * kFrame));
    return start + static_cast<std::int64_t>(source.taken);
}

void Mixer::add_at(const Source& source, std::int64_t at, std::int32_t value) {
    const auto slot = static_cast<std::size_t>(at) & (kRing - 1);
    if (channels_ == 1 || source.side != Side::Right) sums_[0][slot] += value;
    if (channels_ == 2 && source.side != Side::Left) sums_[1][slot] += value;
}

/// Its last samples fade out. They are not rendered yet: collect() keeps kFade ahead.
void Mixer::end_phrase(Source& source) {
    for (std::int64_t i = 0; i < kFade; ++i) {
        const std::int32_t was = source.tail[static_cast<std::size_t>(i)];
        add_at(source, *source.next - kFade + i, static_cast<std::int32_t>(was * (kFade - 1 - i) / kFade) - was);
    }
    source.tail.fill(0);
    source.next.reset();
}

/// The ith of those that wait.
std::int32_t Mixer::sample_of(Source& source, std::int64_t i) const {
    const auto at = source.taken + static_cast<std::size_t>(i);
    return source.frames[at / kFrame].samples[at % kFrame];
}

/// The next `count` samples (kFade at the least) are skipped; what is before the place fades into what was before the rest.
void Mixer::leave_out(Source& source, std::int64_t count) {
    for (std::int64_t i = 0; i < kFade; ++i) {
        const std::int32_t was = source.tail[static_cast<std::size_t>(i)];
        const auto now = static_cast<std::int32_t>((was * (kFade - 1 - i) + sample_of(source, count - kFade + i) * (i + 1)) / kFade);
        add_at(source, *source.next - kFade + i, now - was);
        source.tail[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(now);
    }
    source.taken += static_cast<std::size_t>(count);
    for (; source.taken >= kFrame; source.taken -= kFrame) source.frames.pop();
}

/// The next `count` samples are said, and then once more; what is before the place to which it goes back fades in over their end.
void Mixer::say_again(Source& source, std::int64_t count) {
    const auto before = source.tail;
    for (std::int64_t i = 0; i < count; ++i) add_at(source, *source.next + i, sample_of(source, i));
    *source.next += count;
    for (std::int64_t i = 0; i < kFade; ++i) {
        const auto was = sample_of(source, count - kFade + i);
        const auto now = static_cast<std::int32_t>((was * (kFade - 1 - i) + before[static_cast<std::size_t>(i)] * (i + 1)) / kFade);
        add_at(source, *source.next - kFade + i, now - was);
        source.tail[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(now);
    }
}

/// How much to leave out or to say again, `most` or a little less, so that what meets is most alike.
std::int64_t Mixer::seam(Source& source, std::int64_t most) const {
    auto best = most;
    double best_alike = -1;
    for (auto count = most - kFade; count <= most; ++count) {
        double with = 0, own = 1;
        for (std::int64_t i = 0; i < kFade; ++i) {
            const double one = sample_of(source, count - kFade + i);
            with += one * source.tail[static_cast<std::size_t>(i)];
            own += one * one;
        }
        if (const auto alike = with / std::sqrt(own); alike > best_alike) {
            best_alike = alike;
            best = count;
        }
    }
    return best;
}

/// In the middle of a word, towards what was held back.
void Mixer::splice(Source& source, std::int64_t slip) {
    const auto most = std::min(std::abs(slip), kSplice);
    const bool soon = *source.next - source.spliced < kSpliceApart;
    if (most < kHeldSlip || soon || source.fade_in > 0 || static_cast<std::int64_t>(source.frames.size() * kFrame - source.taken) <= most) return;
    const auto count = seam(source, most);
    source.spliced = *source.next;
    source.held += slip < 0 ? count : -count;
    if (slip < 0) leave_out(source, count);
    else say_again(source, count);
    ++stats_.splices;
}

/// True when it begins anew, somewhere later.
bool Mixer::put_right(Source& source) {
    const auto since = came_of(source) - *source.next, held = held_of(source);
    auto slip = since - held;
    if (std::abs(slip) <= kDrift) {
        source.held = held;
        return false;
    }
    const bool quiet = peak_of(source.frames[0].samples) < kQuiet && peak_of(source.tail) < kQuiet;
    const bool counted = std::abs(since - source.held) > kSlip;  // by the count of frames, whatever was held back
    if (!quiet && !counted) {
        splice(source, slip);
        return false;
    }
    if (quiet) source.held = held;
    else slip = since - source.held;
    // Not the first sounds of what is to be moved.
    if (!counted && slip < 0) slip = -quiet_ahead(source, -slip);
    if (std::abs(slip) < kFade) return false;
    if (slip > 0) {
        if (slip <= kSureSlip && source.frames.size() < kEvidence) return false;
        end_phrase(source);
        ++stats_.gaps;
        return true;
    }
    const auto there = static_cast<std::int64_t>(source.frames.size() * kFrame - source.taken);
    if (there > -slip) {
        leave_out(source, -slip);
        ++stats_.cuts;
    }
    return false;
}

/// The rest of the first frame.
void Mixer::place(Source& source) {
    auto& frame = source.frames[0].samples;
    const auto count = static_cast<std::int64_t>(kFrame - source.taken);
    for (std::int64_t i = 0; i < count; ++i) {
        auto& sample = frame[source.taken + static_cast<std::size_t>(i)];
        if (source.fade_in > 0) {
            sample = static_cast<std::int16_t>(sample * (kFade - source.fade_in) / kFade);
            --source.fade_in;
        }
        add_at(source, *source.next + i, sample);
    }
    // The tail slides on.
    const auto kept = std::max<std::int64_t>(0, kFade - count);
    std::copy(source.tail.end() - kept, source.tail.end(), source.tail.begin());
    std::copy(frame.end() - (kFade - kept), frame.end(), source.tail.begin() + kept);
    *source.next += count;
    source.taken = 0;
    source.frames.pop();
}

void Mixer::collect(Source& source, std::int64_t horizon) {
    while (!source.frames.empty()) {
        if (source.next) {
            if (*source.next >= horizon) return;
            if (put_right(source)) continue;
        } else {
            // Nothing is lost to what was held back: what came in time is heard, if need be late.
            const auto came = came_of(source), start = std::max(came - held_of(source), std::min(came, at_));
            source.held = came - start;
            if (start >= horizon) return;
            const auto late = std::max<std::int64_t>(0, at_ - start);  // its time is over
            stats_.lost_samples += static_cast<std::uint64_t>(std::min(late, static_cast<std::int64_t>(kFrame - source.taken)));
            if (late >= static_cast<std::int64_t>(kFrame - source.taken)) {
                source.frames.pop();
                source.taken = 0;
                continue;
            }
            source.taken += static_cast<std::size_t>(late);
            source.next = start + late;
            source.fade_in = *source.next > begin_ ? kFade : 0;  // with a first sample of the file nothing clicks
        }
        if (source.frames.empty()) break;
        place(source);
    }
    if (source.next && *source.next < horizon) end_phrase(source);
}

void Mixer::collect(std::int64_t horizon) {
    for (auto at = sources_.begin(); at != sources_.end();) {
        auto& source = at->second;
        collect(source, horizon);
        at = source.removed && source.frames.empty() && !source.next ? sources_.erase(at) : std::next(at);
    }
}

/// Where the file begins: with the first source, also when its first frame came late.
void Mixer::begin() {
    if (std::exchange(begun_, true)) return;
    for (auto& [id, source] : sources_)
        if (!source.frames.empty()) begin_ = std::min(begin_, start_of(source));
    at_ = begin_;
}

audio::SampleView Mixer::block(std::size_t frames) {
    // What is collected must reach over the limiter's view by a fade, for a source that ends is faded out in what is not rendered yet.
    const auto count = static_cast<std::int64_t>(frames);
    collect(at_ + count + kAhead + kFade);
    stats_.peak = 0;
    bool limited = false;
    for (std::size_t channel = 0; channel < channels_; ++channel) {
        auto& sums = sums_[channel];
        for (std::int64_t i = 0; i < count + kAhead; ++i) line_[static_cast<std::size_t>(i)] = sums[static_cast<std::size_t>(at_ + i) & (kRing - 1)];
        for (std::int64_t i = 0; i < count; ++i) sums[static_cast<std::size_t>(at_ + i) & (kRing - 1)] = 0;
        stats_.peak = std::max(stats_.peak, static_cast<int>(peak_of(line_.data(), frames)));
        auto& limiter = limiters_[channel];
        limited |= limiter.gain() < 1;
        limiter.process(line_.data(), frames / Limiter::kStep, out_.data() + channel, channels_);
        limited |= limiter.gain() < 1;
    }
    if (limited) ++stats_.limited;
    at_ += count;
    return {out_.data(), frames * channels_};
}

audio::SampleView Mixer::render(TimePoint now) {
    const auto due = position(now - kDelay);
    if (!begun_ && due < static_cast<std::int64_t>(kBlock)) return {};
    begin();
    if (at_ + static_cast<std::int64_t>(kBlock) > due) return {};
    return block(kBlock);
}

audio::SampleView Mixer::drain(TimePoint until) {
    begin();
    const auto left = position(until) - at_;
    const auto step = static_cast<std::int64_t>(Limiter::kStep);
    const auto frames = std::min(static_cast<std::int64_t>(kBlock), (left + step / 2) / step * step);
    return frames <= 0 ? audio::SampleView{} : block(static_cast<std::size_t>(frames));
}

}  // namespace voicectl::egress
