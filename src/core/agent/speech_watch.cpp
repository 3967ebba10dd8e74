#include "speech_watch.h"

namespace voicectl::agent {
namespace {

constexpr std::chrono::milliseconds kLook{500};

}  // namespace

void SpeechWatch::start() {
    played_ = handlers_.played_samples();
    last_good_ = loop_.now();
    timer_.every(kLook, [this] { look(); });
}

void SpeechWatch::look() {
    const auto played = handlers_.played_samples();
    if (played != played_ || !handlers_.should_sound()) {
        played_ = played;
        last_good_ = loop_.now();
        return;
    }
    if (loop_.now() - last_good_ < kLongestSilence) return;
    stop();
    handlers_.on_silent();
}

}  // namespace voicectl::agent
