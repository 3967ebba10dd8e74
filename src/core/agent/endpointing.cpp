#include "endpointing.h"

#include <algorithm>
#include <cmath>

namespace voicectl::agent {
namespace {

using std::chrono::milliseconds;

// One pause counts for so much: who is cut off once waits for it the second time.
constexpr double kWeight = 0.25;
// The wait covers the usual pause and this many times its spread, and some more in any case.
constexpr double kSpreads = 4, kMargin = 0.25;
// The shortest gap that voice activity reports as one (its hangover).
constexpr milliseconds kNoPause{150};

}  // namespace

Endpointing::Endpointing(const TurnSettings& settings)
    : adaptive_(settings.endpointing == TurnSettings::Endpointing::Adaptive),
      fixed_(settings.end_of_turn),
      shortest_(settings.min_delay),
      longest_(settings.max_delay),
      mean_(static_cast<double>(fixed_.count()) / 2),
      spread_(mean_ / kSpreads) {}

void Endpointing::on_pause(milliseconds pause) {
    const auto length = static_cast<double>(std::min(pause, longest_).count());
    spread_ += kWeight * (std::abs(length - mean_) - spread_);
    mean_ += kWeight * (length - mean_);
}

void Endpointing::on_fluent_turn() { on_pause(kNoPause); }

milliseconds Endpointing::usual() const {
    if (!adaptive_) return fixed_;
    const auto covered = milliseconds(std::lround(mean_ + std::max(kSpreads * spread_, kMargin * mean_)));
    return std::clamp(covered, shortest_, longest_);
}

milliseconds Endpointing::delay(Completeness words, bool recogniser_done) const {
    if (words == Completeness::Unfinished) return std::max(usual(), longest_);
    if (words == Completeness::Finished || recogniser_done) return std::min(usual(), shortest_);
    return usual();
}

}  // namespace voicectl::agent
