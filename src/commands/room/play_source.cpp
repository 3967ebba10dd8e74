#include "commands/room/play_source.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "commands/pipe_reader.h"
#include "voicectl/audio/file.h"
#include "voicectl/audio/pcm_stream.h"
#include "voicectl/audio/resampler.h"

namespace voicectl::commands {
namespace {

constexpr int kMinTrackHz = 8000, kMaxTrackHz = 48000;
constexpr std::size_t kPipeSeconds = 2;  // read ahead; then the writer has to wait

bool fits_track(int rate_hz) { return rate_hz >= kMinTrackHz && rate_hz <= kMaxTrackHz; }

/// Brings what no track can have to 48 kHz.
class RateFitter {
 public:
    explicit RateFitter(int rate_hz) : rate_hz_(fits_track(rate_hz) ? rate_hz : kMaxTrackHz) {
        if (rate_hz_ != rate_hz) resampler_.emplace(rate_hz, rate_hz_);
    }
    int rate_hz() const { return rate_hz_; }
    audio::Samples process(audio::Samples samples) { return resampler_ ? resampler_->process(samples) : samples; }
    audio::Samples flush() { return resampler_ ? resampler_->flush() : audio::Samples{}; }

 private:
    int rate_hz_;
    std::optional<audio::Resampler> resampler_;
};

class FileSource final : public PlaySource {
 public:
    FileSource(std::string name, std::unique_ptr<audio::FileReader> file)
        : PlaySource(std::move(name)), file_(std::move(file)), fitter_(file_->info().rate_hz) {}
    int rate_hz() const override { return fitter_.rate_hz(); }
    bool ended() const override { return ended_; }

    Result<audio::Samples> read(std::size_t samples) override {
        if (ended_) return audio::Samples{};
        const auto& info = file_->info();
        audio::Samples block(samples * static_cast<std::size_t>(info.channels));
        VC_TRY_ASSIGN(const auto got, file_->read(block));
        ended_ = got == 0;
        if (ended_) return fitter_.flush();
        block.resize(got);
        return fitter_.process(audio::to_mono({info.rate_hz, info.channels, std::move(block)}).samples);
    }
    Result<void> rewind() override {
        VC_TRY(file_->rewind());
        ended_ = false;
        return {};
    }

 private:
    std::unique_ptr<audio::FileReader> file_;
    RateFitter fitter_;
    bool ended_ = false;
};

class PipeSource final : public PlaySource {
 public:
    PipeSource(std::unique_ptr<PipeReader> reader, audio::PcmStream stream)
        : PlaySource("-"), reader_(std::move(reader)), stream_(std::move(stream)), fitter_(stream_.rate_hz()) {
        ready_ = fitter_.process(stream_.take());
        done_ = stream_.ended();
        if (!done_) thread_ = std::thread([this] { pump(); });
    }
    ~PipeSource() override {
        {
            std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        reader_->call_off();
        room_.notify_all();
        if (thread_.joinable()) thread_.join();
    }
    int rate_hz() const override { return fitter_.rate_hz(); }
    bool ended() const override {
        std::lock_guard lock(mutex_);
        return done_ && ready_.empty();
    }
    Result<audio::Samples> read(std::size_t samples) override {
        std::lock_guard lock(mutex_);
        if (error_) return std::unexpected(*error_);
        const auto count = std::min(samples, ready_.size());
        audio::Samples out(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
        ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
        room_.notify_all();
        return out;
    }
    Result<void> rewind() override { return fail(Errc::Usage, "standard input cannot be played again"); }

 private:
    void pump() {
        pthread_setname_np(pthread_self(), "vc-stdin");
        while (step()) {}
    }
    bool step() {
        const auto bytes = reader_->read();
        std::unique_lock lock(mutex_);
        if (stopping_) return false;
        if (!bytes) error_ = bytes.error();
        done_ = !bytes || bytes->empty();
        if (!done_) {
            (void)stream_.push(*bytes);  // the header is behind us
            append(fitter_.process(stream_.take()));
            done_ = stream_.ended();
        }
        if (done_) append(fitter_.flush());
        const auto limit = kPipeSeconds * static_cast<std::size_t>(fitter_.rate_hz());
        room_.wait(lock, [&] { return stopping_ || ready_.size() < limit; });
        return !done_ && !stopping_;
    }
    void append(const audio::Samples& samples) { ready_.insert(ready_.end(), samples.begin(), samples.end()); }

    std::unique_ptr<PipeReader> reader_;
    audio::PcmStream stream_;  // the thread's, once it runs
    RateFitter fitter_;        // as above
    mutable std::mutex mutex_;
    std::condition_variable room_;
    audio::Samples ready_;
    std::optional<Error> error_;
    bool done_ = false, stopping_ = false;
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<PlaySource>> open_play_file(const std::string& path) {
    auto file = audio::FileReader::open(path);
    if (!file)
        return fail_with_hint(Errc::Usage, file.error().message, "--publish takes a .wav, .flac, .ogg or .mp3, or - for standard input");
    return std::make_unique<FileSource>(path, std::move(*file));
}

Result<std::unique_ptr<PlaySource>> open_play_pipe(int descriptor, int rate_hz, int channels) {
    auto reader = std::make_unique<PipeReader>(descriptor);
    audio::PcmStream stream(rate_hz, channels);
    std::size_t total = 0;
    while (!stream.known()) {
        VC_TRY_ASSIGN(const auto bytes, reader->read());
        total += bytes.size();
        VC_TRY(bytes.empty() ? stream.finish() : stream.push(bytes));
    }
    if (total == 0) return fail(Errc::Usage, "standard input is empty: there is nothing to publish");
    return std::make_unique<PipeSource>(std::move(reader), std::move(stream));
}

}  // namespace voicectl::commands
