#include "voicectl/audio/pcm_stream.h"

#include <algorithm>

namespace voicectl::audio {
namespace {

constexpr std::size_t kRiffBytes = 12, kChunkBytes = 8, kMaxFormatBytes = 4096;
// Who writes a WAV into a pipe cannot know its length: ffmpeg says 0xFFFFFFFF, others 0 or 0x7FFFFFFF and less.
constexpr std::uint32_t kUnknownFrom = 0x7FFFFF00;

std::uint32_t number(std::string_view bytes, std::size_t at, int size) {
    std::uint32_t out = 0;
    for (int i = size - 1; i >= 0; --i) out = out << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
    return out;
}

}  // namespace

Result<void> PcmStream::push(std::string_view bytes) {
    if (state_ == State::Data || state_ == State::Ended) {
        add_data(bytes);
        return {};
    }
    pending_ += bytes;
    while (true) {
        VC_TRY_ASSIGN(const bool more, step());
        if (!more) return {};
    }
}

Result<void> PcmStream::finish() {
    if (state_ == State::Start) {
        state_ = State::Data;
        add_data(std::exchange(pending_, {}));
    }
    if (state_ == State::Chunks) return fail(Errc::Usage, "the WAV ends before its samples begin");
    return {};
}

// One part of the header; false when more bytes are needed, or all of it is read.
Result<bool> PcmStream::step() {
    if (skip_ > 0) {
        const auto gone = std::min<std::uint64_t>(skip_, pending_.size());
        pending_.erase(0, gone);
        skip_ -= gone;
        if (skip_ > 0) return false;
    }
    if (state_ == State::Start) {
        if (pending_.size() < 4) return false;
        if (!pending_.starts_with("RIFF")) {
            state_ = State::Data;
            add_data(std::exchange(pending_, {}));
            return false;
        }
        if (pending_.size() < kRiffBytes) return false;
        if (pending_.substr(8, 4) != "WAVE") return fail(Errc::Usage, "a RIFF stream, but no WAV");
        pending_.erase(0, kRiffBytes);
        state_ = State::Chunks;
    }
    if (pending_.size() < kChunkBytes) return false;
    const auto size = number(pending_, 4, 4);
    if (pending_.starts_with("data")) {
        if (!has_format_) return fail(Errc::Usage, "the WAV does not say what its samples are");
        promised_ = size != 0 && size < kUnknownFrom;
        left_ = size;
        state_ = State::Data;
        add_data(std::exchange(pending_, {}).substr(kChunkBytes));
        return false;
    }
    if (!pending_.starts_with("fmt ")) {
        pending_.erase(0, kChunkBytes);
        skip_ = size + (size & 1);
        return true;
    }
    if (size < 16 || size > kMaxFormatBytes) return fail(Errc::Usage, "the WAV's header is broken");
    if (pending_.size() < kChunkBytes + size) return false;
    VC_TRY(read_format(std::string_view(pending_).substr(kChunkBytes, size)));
    pending_.erase(0, kChunkBytes + size + (size & 1));
    return true;
}

Result<void> PcmStream::read_format(std::string_view chunk) {
    constexpr std::uint32_t kPcm = 1, kExtensible = 0xFFFE;
    auto form = number(chunk, 0, 2);
    if (form == kExtensible && chunk.size() >= 26) form = number(chunk, 24, 2);
    const auto bits = number(chunk, 14, 2);
    if (form != kPcm || bits != 16)
        return fail_with_hint(Errc::Usage, fmt::format("the WAV has {}-bit samples of form {}, only 16-bit PCM can be streamed", bits, form),
                              "convert it: ffmpeg -i IN -f s16le -ar 48000 -ac 1 -");
    const auto channels = number(chunk, 2, 2), rate = number(chunk, 4, 4);
    if (channels < 1 || channels > 32 || rate < 1 || rate > 768'000)
        return fail(Errc::Usage, "the WAV has {} channels at {} Hz", channels, rate);
    channels_ = static_cast<int>(channels);
    rate_hz_ = static_cast<int>(rate);
    has_format_ = true;
    return {};
}

void PcmStream::add_data(std::string_view bytes) {
    if (state_ == State::Ended) return;
    if (promised_) {
        bytes = bytes.substr(0, left_);
        left_ -= bytes.size();
        if (left_ == 0) state_ = State::Ended;
    }
    data_ += bytes;
}

Samples PcmStream::take() {
    const auto channels = static_cast<std::size_t>(channels_);
    const auto frames = data_.size() / (2 * channels);
    Samples out(frames);
    for (std::size_t i = 0; i < frames; ++i) {
        int sum = 0;
        for (std::size_t c = 0; c < channels; ++c) sum += static_cast<std::int16_t>(number(data_, 2 * (i * channels + c), 2));
        out[i] = static_cast<std::int16_t>(sum / channels_);
    }
    data_.erase(0, frames * 2 * channels);
    return out;
}

}  // namespace voicectl::audio
