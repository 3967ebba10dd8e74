// Voice activity by Silero's model (v4, v5 or v6, ONNX, 16 kHz), run by sherpa-onnx. Windows of 32 ms take some 80 µs,
// so they are computed where they come, on the loop. Loading one takes 40 to 70 ms: whoever has heard his caller out
// leaves it to the next.
#include <array>
#include <filesystem>
#include <mutex>

#include "core/speech/options.h"
#include "core/speech/providers/all.h"
#include "core/speech/sherpa/library.h"

namespace voicectl::speech {
namespace {

using Handle = const SherpaOnnxVoiceActivityDetector*;

constexpr std::size_t kWindow = 512;
// sherpa-onnx keeps what is speech until it ends, and takes more memory when that is longer than its buffer: it is
// made to forget before. Its own waits are switched off (0 would be its default): hangover is VoiceActivity's.
constexpr float kBufferSeconds = 30, kNoWait = 0.001f;
constexpr std::size_t kForgetAfter = 25 * audio::kSpeechRateHz;
// Silero tells voice from noise itself; level only finds the edges.
constexpr double kAboveFloorDb = 3;

/// Any thread.
class Pool {
 public:
    Pool(const sherpa::Library& library, std::string model, float threshold)
        : library_(library), model_(std::move(model)), threshold_(threshold) {}
    ~Pool() {
        for (const auto handle : idle_) library_.destroy_vad(handle);
    }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    const sherpa::Library& library() const { return library_; }
    Result<Handle> take() {
        {
            std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                const auto handle = idle_.back();
                idle_.pop_back();
                return handle;
            }
        }
        SherpaOnnxVadModelConfig config{};
        config.silero_vad.model = model_.c_str();
        config.silero_vad.threshold = threshold_;
        config.silero_vad.min_silence_duration = config.silero_vad.min_speech_duration = kNoWait;
        config.silero_vad.max_speech_duration = kBufferSeconds;
        config.silero_vad.window_size = kWindow;
        config.sample_rate = audio::kSpeechRateHz;
        config.num_threads = 1;
        config.provider = "cpu";
        if (const auto handle = library_.create_vad(&config, kBufferSeconds)) return handle;
        return fail(Errc::Config, "{} is no model that sherpa-onnx {} can use", model_, VC_SHERPA_VERSION);
    }
    void give_back(Handle handle) {
        library_.vad_reset(handle);
        library_.vad_clear(handle);
        std::lock_guard lock(mutex_);
        idle_.push_back(handle);
    }

 private:
    const sherpa::Library& library_;
    const std::string model_;
    const float threshold_;
    std::mutex mutex_;
    std::vector<Handle> idle_;
};

class SileroDetector final : public audio::VoiceDetector {
 public:
    SileroDetector(std::shared_ptr<Pool> pool, Handle handle) : pool_(std::move(pool)), handle_(handle) {}
    ~SileroDetector() override { pool_->give_back(handle_); }
    SileroDetector(const SileroDetector&) = delete;
    SileroDetector& operator=(const SileroDetector&) = delete;

    bool is_voice(audio::SampleView frame) override {
        for (const auto sample : frame) {
            window_[filled_++] = static_cast<float>(sample) / 32768.f;
            if (filled_ == kWindow) look();
        }
        return voice_;
    }

 private:
    void look() {
        filled_ = 0;
        const auto& library = pool_->library();
        library.vad_accept(handle_, window_.data(), static_cast<std::int32_t>(kWindow));
        voice_ = library.vad_detected(handle_) != 0;
        library.vad_clear(handle_);  // finished stretches of speech are not asked for
        voiced_ = voice_ ? voiced_ + kWindow : 0;
        if (voiced_ < kForgetAfter) return;
        voiced_ = 0;
        library.vad_reset(handle_);
    }

    std::shared_ptr<Pool> pool_;
    Handle handle_;
    std::array<float, kWindow> window_{};
    std::size_t filled_ = 0, voiced_ = 0;
    bool voice_ = false;
};

class Silero final : public VoiceModel {
 public:
    explicit Silero(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}

    Result<std::unique_ptr<audio::VoiceActivity>> open(audio::VoiceActivityOptions options) override {
        VC_TRY_ASSIGN(const auto handle, pool_->take());
        options.above_floor_db = kAboveFloorDb;
        return std::make_unique<audio::VoiceActivity>(options, std::make_unique<SileroDetector>(pool_, handle));
    }

 private:
    std::shared_ptr<Pool> pool_;
};

Built<VoiceModel> build_silero(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    const auto model = resolve_path(reader.text("model", ""), context);
    const auto library_path = reader.text("library");
    const auto threshold = reader.number("threshold", 0.5, 0.05, 0.95);
    std::error_code error;
    if (!options.contains("model")) reader.fault("model", "missing", "the path of Silero's silero_vad.onnx");
    else if (!std::filesystem::is_regular_file(model, error)) reader.fault("model", fmt::format("{} is not there", model));
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    const auto library = sherpa::Library::get(library_path ? resolve_path(*library_path, context) : "");
    if (!library) return fault_of(library.error(), library_path ? "library" : "");
    auto pool = std::make_shared<Pool>(**library, model, static_cast<float>(threshold));
    auto first = pool->take();  // what cannot be loaded is found now, and the first caller need not wait
    if (!first) return fault_of(std::move(first).error(), "model");
    pool->give_back(*first);
    return std::make_unique<Silero>(std::move(pool));
}

}  // namespace

const Provider<VoiceModel> kSilero{"silero", "Silero's voice activity model, by sherpa-onnx", &build_silero};

}  // namespace voicectl::speech
