#include "commands/voice/ear.h"

#include <algorithm>

namespace voicectl::commands {

audio::Samples Ear::play(TimePoint now) {
    const auto due = static_cast<std::size_t>((now - begin_) / std::chrono::microseconds(1)) * audio::kSpeechRateHz / 1'000'000;
    if (due <= played_) return {};
    audio::Samples out(due - played_);
    played_ = due;
    const auto count = static_cast<std::ptrdiff_t>(std::min(out.size(), waiting_.size()));
    std::copy_n(waiting_.begin(), count, out.begin());
    waiting_.erase(waiting_.begin(), waiting_.begin() + count);
    return out;
}

}  // namespace voicectl::commands
