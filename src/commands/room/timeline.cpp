#include "commands/room/timeline.h"

#include <limits>

namespace voicectl::commands {
namespace {

using namespace std::chrono_literals;

constexpr auto kHold = 250ms;
constexpr auto kSlack = 15ms;       // within this of its time a frame is right
constexpr auto kIdle = 1000ms;      // nothing for so long: silence is written without waiting for its end
constexpr auto kFarAhead = 200ms;   // this is more than jitter
constexpr double kQuietDbfs = -50;  // what nobody misses

}  // namespace

std::int64_t Timeline::position(TimePoint at) const {
    return std::chrono::duration_cast<std::chrono::microseconds>(at - begin_).count() * rate_hz_ / 1'000'000;
}

void Timeline::push(audio::SampleView samples, TimePoint arrived) {
    held_.push_back({audio::Samples(samples.begin(), samples.end()), arrived});
    release(arrived);
}

void Timeline::release(TimePoint now) {
    while (!held_.empty() && now - held_.front().arrived >= kHold) release_front();
}

// How late each held frame is, its end counted: the least late of them was not held up by anything, so that is
// by how much the stream really is behind.
void Timeline::release_front() {
    auto least = std::numeric_limits<std::int64_t>::max(), most = std::numeric_limits<std::int64_t>::min();
    auto end = static_cast<std::int64_t>(written_);
    for (const auto& one : held_) {
        end += static_cast<std::int64_t>(one.samples.size());
        const auto late = position(one.arrived) - end;
        least = std::min(least, late);
        most = std::max(most, late);
    }
    const auto samples_in = [&](std::chrono::milliseconds time) { return time.count() * rate_hz_ / 1000; };
    const auto front = std::move(held_.front());
    held_.pop_front();
    if (most < -samples_in(kSlack)) {
        // All are early: silence was written for frames that came after all.
        const bool quiet = audio::measure(front.samples).rms_dbfs < kQuietDbfs;
        if (quiet || most < -samples_in(kFarAhead)) return;
    }
    const auto silence = least > samples_in(kSlack) ? static_cast<std::uint64_t>(least) : 0;
    sink_(silence, front.samples);
    written_ += silence + front.samples.size();
}

void Timeline::fill_to(TimePoint at) {
    const auto wanted = position(at);
    if (wanted <= static_cast<std::int64_t>(written_)) return;
    const auto silence = static_cast<std::uint64_t>(wanted) - written_;
    sink_(silence, {});
    written_ += silence;
}

void Timeline::advance(TimePoint now) {
    release(now);
    if (held_.empty() && position(now - kIdle) > static_cast<std::int64_t>(written_)) fill_to(now - kIdle / 2);
}

void Timeline::finish(TimePoint end) {
    while (!held_.empty()) release_front();
    fill_to(end);
}

}  // namespace voicectl::commands
