// The agent's voice for a caller behind a socket: played in real time, and handed out at 16 kHz in pieces of 100 ms a
// little before their time, so that a late packet is no gap. What counts as played is what has had its time: of what was
// handed out and then cleared the caller hears nothing. Lives on the loop.
#pragma once

#include <functional>
#include <memory>

#include "local_output.h"
#include "voicectl/audio/resampler.h"

namespace voicectl::agent {

class AheadOutput final : public LocalOutput {
 public:
    struct Handlers {
        std::function<void(audio::SampleView)> on_audio;
        std::function<void()> on_clear;
    };
    AheadOutput(Loop& loop, int rate_hz, Handlers handlers) : loop_(loop), rate_hz_(rate_hz), handlers_(std::move(handlers)) {}

    int rate_hz() const override { return rate_hz_; }
    std::string track_sid() const override;
    void play(audio::SampleView samples) override;
    std::chrono::milliseconds clear() override;
    std::chrono::milliseconds queued() const override { return to_ms(waiting()); }
    std::uint64_t played_samples() const override { return played_; }
    void tick(int frames) override;
    void repeat(std::chrono::milliseconds time) override { repeating_ += to_samples(time); }

 private:
    std::size_t waiting() const { return queue_.size() - begin_; }
    std::size_t to_samples(std::chrono::milliseconds time) const { return static_cast<std::size_t>(time.count()) * static_cast<std::size_t>(rate_hz_) / 1000; }
    std::chrono::milliseconds to_ms(std::size_t samples) const { return std::chrono::milliseconds(samples * 1000 / static_cast<std::size_t>(rate_hz_)); }
    void hand_out();
    void convert(audio::SampleView samples, bool last);
    void begin();
    void end_soon();

    Loop& loop_;
    int rate_hz_;
    Handlers handlers_;
    audio::Samples queue_;        // from begin_ on: not played yet
    std::size_t begin_ = 0;
    std::size_t ahead_ = 0;       // of these, what was converted
    std::size_t repeating_ = 0;   // samples that the caller hears again before anything is played
    audio::Samples piece_;        // at 16 kHz, not a whole one yet
    std::unique_ptr<audio::Resampler> resampler_;
    std::uint64_t played_ = 0;
    bool sounding_ = false;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
