// Bytes of a pipe as mono samples: a WAV header is recognised, everything else is raw signed 16-bit little
// endian. A value with rules; one owner.
#pragma once

#include <string>
#include <string_view>

#include "voicectl/audio/pcm.h"

namespace voicectl::audio {

class PcmStream {
 public:
    /// What raw bytes are; a header wins over it.
    PcmStream(int rate_hz, int channels) : rate_hz_(rate_hz), channels_(channels) {}

    /// Usage when a header says something that is not 16-bit PCM.
    Result<void> push(std::string_view bytes);
    /// No more bytes come.
    Result<void> finish();

    /// The form is settled: rate_hz() and channels() hold.
    bool known() const { return state_ == State::Data || state_ == State::Ended; }
    /// The samples that the header promised are all there; what follows in the pipe is something else.
    bool ended() const { return state_ == State::Ended; }
    /// Bytes that the header promised and that have not come; 0 when it promised nothing.
    std::uint64_t missing() const { return promised_ && state_ == State::Data ? left_ : 0; }
    int rate_hz() const { return rate_hz_; }
    int channels() const { return channels_; }
    /// Whole frames so far, averaged into mono.
    Samples take();

 private:
    enum class State { Start, Chunks, Data, Ended };
    Result<bool> step();
    Result<void> read_format(std::string_view chunk);
    void add_data(std::string_view bytes);

    State state_ = State::Start;
    std::string pending_;          // of the header
    std::string data_;             // whole and part frames
    std::uint64_t skip_ = 0;       // bytes of a chunk that nobody needs
    std::uint64_t left_ = 0;       // bytes of data still promised; 0: until the end
    bool promised_ = false, has_format_ = false;
    int rate_hz_, channels_;
};

}  // namespace voicectl::audio
