// What the caller hears of the agent: a gap-free recording with the time at which each part arrived, and
// where in it somebody speaks. hear() on the loop; everything else on the judging thread.
#pragma once

#include <optional>
#include <vector>

#include "rendezvous.h"
#include "voicectl/audio/pcm.h"
#include "voicectl/audio/voice_activity.h"
#include "voicectl/rtc/room.h"

namespace voicectl::e2e {

/// One thing that was said, cut out of the recording.
struct Heard {
    audio::Pcm audio;                // with a little silence around it, for the recogniser
    TimePoint first_sound, last_sound;
    std::size_t end = 0;             // where in the recording its last sound lies, in samples
    std::chrono::milliseconds length() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(last_sound - first_sound);
    }
};

class Ears {
 public:
    explicit Ears(Rendezvous& meeting) : meeting_(meeting) {}

    void hear(const rtc::AudioFrame& frame);

    /// Samples heard so far: a mark from which to listen.
    std::size_t mark();
    /// Why listening is pointless from now on, under the lock of the rendezvous.
    using Broken = std::function<std::optional<Error>()>;
    /// Waits for speech that begins after `from`, and then for `end_silence` after it. Nothing when no speech
    /// began in `start_in`; what was heard so far when it did not end in `end_in`.
    Result<std::optional<Heard>> listen(std::size_t from, std::chrono::milliseconds start_in, std::chrono::milliseconds end_in,
                                        std::chrono::milliseconds end_silence, const Broken& broken);
    /// When speech began that goes on now or ended after `from`; nothing when none did within `start_in`.
    Result<std::optional<TimePoint>> await_speech(std::size_t from, std::chrono::milliseconds start_in, const Broken& broken);
    /// Somebody speaks at this moment.
    bool hears_speech();
    audio::Pcm recording();
    std::optional<TimePoint> recording_began();

 private:
    struct Utterance {
        std::size_t begin = 0, end = 0;  // samples; end == 0: still going on
    };
    static constexpr std::size_t kFrame = audio::kSpeechRateHz / 100;
    /// When the sample at `position` arrived. Under the lock.
    TimePoint time_at(std::size_t position) const;
    void append(audio::SampleView samples, TimePoint at);
    Heard cut(std::size_t from);
    bool begun_after(std::size_t from) const;
    template<class Condition>
    Result<bool> wait(std::chrono::milliseconds time, const Broken& broken, Condition condition);

    Rendezvous& meeting_;
    audio::Framer framer_{kFrame};
    // All below: under the lock of the rendezvous.
    audio::VoiceActivity activity_{{.min_speech = std::chrono::milliseconds{60}, .hangover = std::chrono::milliseconds{200}}};
    audio::Samples recording_;
    std::vector<TimePoint> frame_ends_;  // one per frame of 10 ms
    std::vector<Utterance> utterances_;
};

}  // namespace voicectl::e2e
