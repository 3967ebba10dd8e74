// Streaming recognisers of one's own, run by sherpa-onnx: transducers (encoder, decoder, joiner), Paraformer (encoder,
// decoder) and Zipformer with CTC (model). The model is loaded once and shared; decoding goes along with the audio on
// workers, so that little is left to do when the caller stops.
#include "core/speech/options.h"
#include "core/speech/outlet.h"
#include "core/speech/providers/all.h"
#include "core/speech/sherpa/library.h"
#include "core/speech/sherpa/onnx_file.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

// Streaming models look ahead: without silence after them the last words would not come out.
constexpr std::size_t kTailSamples = audio::kSpeechRateHz * 66 / 100;
// A line that is never silent would fill memory: it is read out in parts.
constexpr std::size_t kLongestUtterance = audio::kSpeechRateHz * 60;

/// Any thread; streams of one model are decoded beside each other.
class EarModel {
 public:
    EarModel(const sherpa::Library& library, const SherpaOnnxOnlineRecognizer* handle) : library_(library), handle_(handle) {}
    ~EarModel() { library_.destroy_recogniser(handle_); }
    EarModel(const EarModel&) = delete;
    EarModel& operator=(const EarModel&) = delete;

    const sherpa::Library& library() const { return library_; }
    const SherpaOnnxOnlineRecognizer* handle() const { return handle_; }

 private:
    const sherpa::Library& library_;
    const SherpaOnnxOnlineRecognizer* handle_;
};

/// Models that were trained on shouted transcripts shout.
std::string calm(std::string text) {
    return to_lower_ascii(text) != text && text.find_first_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos ? to_lower_ascii(text) : text;
}

/// What one stream's work on its serial queue needs. Worker threads only, one task at a time.
class SherpaRecognition {
 public:
    SherpaRecognition(std::shared_ptr<EarModel> model, std::shared_ptr<Outlet<SttSink>> outlet, bool partials)
        : model_(std::move(model)), outlet_(std::move(outlet)), partials_(partials) {}
    ~SherpaRecognition() { close(); }
    SherpaRecognition(const SherpaRecognition&) = delete;
    SherpaRecognition& operator=(const SherpaRecognition&) = delete;

    void feed(audio::SampleView samples) {
        if (outlet_->closed()) return;
        accept(samples);
        fed_ += samples.size();
        report_partial(/*again=*/false);
        if (fed_ >= kLongestUtterance) settle();
    }
    void tell_so_far() {
        if (!outlet_->closed() && stream_ != nullptr) report_partial(/*again=*/true);
    }
    void end() {
        if (outlet_->closed()) return;
        settle();
        partial_.clear();
        outlet_->send([text = std::exchange(text_, {})](SttSink& sink) { sink.on_final(text); });
    }

 private:
    void accept(audio::SampleView samples) {
        const auto& library = model_->library();
        if (stream_ == nullptr) stream_ = library.create_stream(model_->handle());
        floats_.assign(samples.begin(), samples.end());
        for (auto& value : floats_) value /= 32768.f;
        library.stream_accept(stream_, audio::kSpeechRateHz, floats_.data(), static_cast<std::int32_t>(floats_.size()));
        decode();
    }
    void decode() const {
        const auto& library = model_->library();
        while (!outlet_->closed() && library.stream_ready(model_->handle(), stream_) != 0) library.decode(model_->handle(), stream_);
    }
    std::string text_of_stream() const {
        const auto* result = model_->library().result(model_->handle(), stream_);
        if (result == nullptr) return {};
        auto text = calm(valid_utf8(trim(result->text != nullptr ? result->text : "")));
        model_->library().destroy_result(result);
        return text;
    }
    /// What was heard is kept, and the next words begin afresh.
    void settle() {
        if (stream_ == nullptr) return;
        accept(audio::Samples(kTailSamples));
        model_->library().stream_finished(stream_);
        decode();
        text_ = so_far();
        close();
    }
    std::string so_far() const {
        const auto more = text_of_stream();
        return text_.empty() || more.empty() ? text_ + more : text_ + ' ' + more;
    }
    void report_partial(bool again) {
        if (!partials_) return;
        auto text = so_far();
        if (text.empty() || (text == partial_ && !again)) return;
        partial_ = text;
        outlet_->send([text = std::move(text)](SttSink& sink) { sink.on_partial(text); });
    }
    void close() {
        if (stream_ != nullptr) model_->library().destroy_stream(stream_);
        stream_ = nullptr;
        fed_ = 0;
    }

    std::shared_ptr<EarModel> model_;
    std::shared_ptr<Outlet<SttSink>> outlet_;
    bool partials_;
    const SherpaOnnxOnlineStream* stream_ = nullptr;  // while an utterance is open
    std::vector<float> floats_;
    std::size_t fed_ = 0;
    std::string text_, partial_;
};

class SherpaEar final : public SttStream {
 public:
    SherpaEar(Workers& workers, std::shared_ptr<EarModel> model, Loop& loop, SttSink sink) : queue_(std::in_place, workers) {
        const bool partials = static_cast<bool>(sink.on_partial);
        outlet_ = std::make_shared<Outlet<SttSink>>(loop, std::move(sink));
        recognition_ = std::make_shared<SherpaRecognition>(std::move(model), outlet_, partials);
    }
    ~SherpaEar() override {
        outlet_->close();
        queue_.reset();  // first, so that none of its tasks drops the last reference here
    }
    SherpaEar(const SherpaEar&) = delete;
    SherpaEar& operator=(const SherpaEar&) = delete;

    void push(audio::SampleView samples) override {
        gather_.insert(gather_.end(), samples.begin(), samples.end());
        if (gather_.size() >= kGather) flush();
    }
    void end_utterance() override {
        flush();
        queue_->post([recognition = recognition_] { recognition->end(); });
    }
    bool tell_so_far() override {
        flush();
        queue_->post([recognition = recognition_] { recognition->tell_so_far(); });
        return true;
    }

 private:
    static constexpr std::size_t kGather = audio::kSpeechRateHz / 10;  // models take 0.3 s and more at once anyway

    void flush() {
        if (gather_.empty()) return;
        queue_->post([recognition = recognition_, samples = std::exchange(gather_, {})] { recognition->feed(samples); });
    }

    std::shared_ptr<Outlet<SttSink>> outlet_;
    std::shared_ptr<SherpaRecognition> recognition_;
    audio::Samples gather_;
    std::optional<SerialQueue> queue_;
};

class SherpaStt final : public SpeechToText {
 public:
    SherpaStt(Workers& workers, std::shared_ptr<EarModel> model) : workers_(workers), model_(std::move(model)) {}
    std::unique_ptr<SttStream> open(Loop& loop, SttSink sink) override {
        return std::make_unique<SherpaEar>(workers_, model_, loop, std::move(sink));
    }

 private:
    Workers& workers_;
    std::shared_ptr<EarModel> model_;
};

/// The files as they are given: which there are says what kind of model it is.
struct EarFiles {
    std::string model, encoder, decoder, joiner, tokens;
};

EarFiles read_ear_files(OptionReader& reader, const ProviderContext& context) {
    EarFiles out;
    const auto file = [&](const char* key, std::vector<std::string> notes) -> std::string {
        const auto given = reader.text(key);
        if (!given) return {};
        const auto path = resolve_path(*given, context);
        if (auto fine = sherpa::check_onnx(path, notes); !fine) reader.fault(key, fine.error().message, fine.error().hint);
        return path;
    };
    const bool joiner = reader.raw("joiner") != nullptr;
    out.model = file("model", {"encoder_dims", "decode_chunk_len", "T"});
    out.encoder = file("encoder", joiner ? std::vector<std::string>{"model_type", "T", "decode_chunk_len"}
                                         : std::vector<std::string>{"lfr_window_size", "lfr_window_shift", "neg_mean", "inv_stddev"});
    out.decoder = file("decoder", joiner ? std::vector<std::string>{"vocab_size", "context_size"} : std::vector<std::string>{});
    out.joiner = file("joiner", {});
    out.tokens = resolve_path(reader.text("tokens", ""), context);
    if (reader.raw("tokens") == nullptr) reader.fault("tokens", "missing", "the path of the model's tokens.txt");
    else if (auto fine = sherpa::check_tokens(out.tokens); !fine) reader.fault("tokens", fine.error().message);
    if (out.model.empty() == out.encoder.empty()) reader.fault("encoder", "one of encoder and model is needed", "encoder, decoder and joiner; encoder and decoder; or model");
    if (out.encoder.empty() != out.decoder.empty()) reader.fault("decoder", "goes with encoder");
    if (out.encoder.empty() && joiner) reader.fault("joiner", "goes with encoder");
    return out;
}

Built<SpeechToText> build_sherpa_stt(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    const auto files = read_ear_files(reader, context);
    const auto library_path = reader.text("library");
    const auto threads = reader.integer("threads", 1, 1, 16);
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    const auto library = sherpa::Library::get(library_path ? resolve_path(*library_path, context) : "");
    if (!library) return fault_of(library.error(), library_path ? "library" : "");
    SherpaOnnxOnlineRecognizerConfig config{};
    config.feat_config = {.sample_rate = audio::kSpeechRateHz, .feature_dim = 80};
    auto& model = config.model_config;
    if (!files.joiner.empty()) model.transducer = {files.encoder.c_str(), files.decoder.c_str(), files.joiner.c_str()};
    else if (!files.encoder.empty()) model.paraformer = {files.encoder.c_str(), files.decoder.c_str()};
    else model.zipformer2_ctc = {files.model.c_str()};
    model.tokens = files.tokens.c_str();
    model.num_threads = threads;
    model.provider = "cpu";
    config.decoding_method = "greedy_search";
    config.enable_endpoint = 0;  // ours
    const auto* handle = (*library)->create_recogniser(&config);
    if (handle == nullptr)
        return fault_of(Error{Errc::Config, fmt::format("these files are no model that sherpa-onnx {} can use", VC_SHERPA_VERSION), {}}, files.model.empty() ? "encoder" : "model");
    return std::make_unique<SherpaStt>(context.workers, std::make_shared<EarModel>(**library, handle));
}

}  // namespace

const Provider<SpeechToText> kSherpaStt{"sherpa", "streaming models of one's own, by sherpa-onnx", &build_sherpa_stt};

}  // namespace voicectl::speech
