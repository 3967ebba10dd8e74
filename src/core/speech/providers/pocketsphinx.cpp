// Speech to text by PocketSphinx, offline, American English unless another model is given: a grammar (JSGF
// or a list of sentences) for certainty, or a language model for free speech. A grammar hears one of its own
// sentences in anything that is said, so it must hold all that may be said, not only what is hoped for.
// Decoding goes along with the audio on workers, so that little is left to do when the caller stops.
#include <filesystem>

#include "core/speech/options.h"
#include "core/speech/outlet.h"
#include "core/speech/providers/all.h"
#include "core/speech/sphinx/decoder.h"
#include "voicectl/base/text.h"
#include "voicectl/speech/compare.h"

namespace voicectl::speech {
namespace {

using sphinx::Decoder;
using sphinx::DecoderPool;

const std::string kModelFolder = "/usr/share/pocketsphinx/model/en-us/";

/// What one stream's work on its serial queue needs. Worker threads only, one task at a time.
class Recognition {
 public:
    Recognition(std::shared_ptr<DecoderPool> pool, std::shared_ptr<Outlet<SttSink>> outlet, bool partials)
        : pool_(std::move(pool)), outlet_(std::move(outlet)), partials_(partials) {}
    ~Recognition() {
        if (!decoder_) return;
        decoder_->finish();
        pool_->give_back(std::move(decoder_));
    }

    void feed(audio::SampleView samples) {
        while (!samples.empty() && !outlet_->closed()) {
            if (!decoder_ && !begin()) return;
            const auto count = std::min(samples.size(), kBlock);
            if (!decoder_->feed(samples.first(count))) return give_up({Errc::Other, "pocketsphinx cannot decode the audio", {}});
            samples = samples.subspan(count);
            fed_ += count;
            if (fed_ % kPartialEvery < kBlock) report_partial(/*again=*/false);
            if (fed_ >= kLongest) settle();
        }
    }

    void tell_so_far() {
        if (!outlet_->closed() && !failed_ && decoder_) report_partial(/*again=*/true);
    }

    void end() {
        if (outlet_->closed() || failed_) return;
        if (decoder_) settle();
        outlet_->send([text = std::exchange(text_, {})](SttSink& sink) { sink.on_final(text); });
        partial_.clear();
    }

 private:
    static constexpr std::size_t kBlock = audio::kSpeechRateHz / 10;         // between looks whether anybody listens
    static constexpr std::size_t kPartialEvery = audio::kSpeechRateHz / 2;
    // A line that is never silent would fill the decoder's memory: it is read out in parts.
    static constexpr std::size_t kLongest = audio::kSpeechRateHz * 60;

    bool begin() {
        if (failed_) return false;
        auto decoder = pool_->take();
        if (!decoder) return give_up(std::move(decoder).error()), false;
        decoder_ = std::move(*decoder);
        decoder_->start(mean_);
        fed_ = 0;
        return true;
    }

    /// The decoder goes back to the pool; what it heard is kept.
    void settle() {
        decoder_->finish();
        append(text_, decoder_->text());
        mean_ = decoder_->mean();
        pool_->give_back(std::move(decoder_));
    }

    static void append(std::string& text, const std::string& more) {
        if (!text.empty() && !more.empty()) text += ' ';
        text += more;
    }

    void report_partial(bool again) {
        if (!partials_) return;
        auto text = text_;
        append(text, decoder_->text());
        if (text.empty() || (text == partial_ && !again)) return;
        partial_ = text;
        outlet_->send([text = std::move(text)](SttSink& sink) { sink.on_partial(text); });
    }

    void give_up(Error error) {
        failed_ = true;
        outlet_->send([error = std::move(error)](SttSink& sink) { sink.on_error(error); });
    }

    std::shared_ptr<DecoderPool> pool_;
    std::shared_ptr<Outlet<SttSink>> outlet_;
    bool partials_;
    bool failed_ = false;
    std::unique_ptr<Decoder> decoder_;  // while an utterance is open
    sphinx::SpeakerMean mean_;
    std::size_t fed_ = 0;   // samples of the open utterance
    std::string text_;      // of its parts that are settled
    std::string partial_;   // last reported
};

class PocketSphinxStream final : public SttStream {
 public:
    PocketSphinxStream(Workers& workers, std::shared_ptr<DecoderPool> pool, Loop& loop, SttSink sink)
        : workers_(workers), queue_(std::in_place, workers) {
        const bool partials = static_cast<bool>(sink.on_partial);
        outlet_ = std::make_shared<Outlet<SttSink>>(loop, std::move(sink));
        recognition_ = std::make_shared<Recognition>(std::move(pool), outlet_, partials);
    }
    ~PocketSphinxStream() override {
        outlet_->close();
        queue_.reset();  // first, so that no task of it is left to drop the last reference here
        // Closing an open utterance computes for a while: not on the loop.
        workers_.post([recognition = std::move(recognition_)]() mutable { recognition.reset(); });
    }

    void push(audio::SampleView samples) override {
        queue_->post([recognition = recognition_, all = audio::Samples(samples.begin(), samples.end())] {
            recognition->feed(all);
        });
    }
    void end_utterance() override {
        queue_->post([recognition = recognition_] { recognition->end(); });
    }
    bool tell_so_far() override {
        queue_->post([recognition = recognition_] { recognition->tell_so_far(); });
        return true;
    }

 private:
    Workers& workers_;
    std::shared_ptr<Outlet<SttSink>> outlet_;
    std::shared_ptr<Recognition> recognition_;
    std::optional<SerialQueue> queue_;
};

class PocketSphinx final : public SpeechToText {
 public:
    PocketSphinx(Workers& workers, std::shared_ptr<DecoderPool> pool) : workers_(workers), pool_(std::move(pool)) {}

    std::unique_ptr<SttStream> open(Loop& loop, SttSink sink) override {
        return std::make_unique<PocketSphinxStream>(workers_, pool_, loop, std::move(sink));
    }

 private:
    Workers& workers_;
    std::shared_ptr<DecoderPool> pool_;
};

// ---- configuration ----

struct Chosen {
    std::string model, dictionary, language_model;
    std::optional<std::string> grammar;
    std::vector<std::string> phrases;
    bool second_pass = true;
};

Chosen read_options(OptionReader& reader, const ProviderContext& context) {
    Chosen chosen;
    chosen.model = resolve_path(reader.text("model", kModelFolder + "en-us"), context);
    chosen.dictionary = resolve_path(reader.text("dictionary", kModelFolder + "cmudict-en-us.dict"), context);
    const auto language_model = reader.text("language_model");
    chosen.language_model = resolve_path(language_model.value_or(kModelFolder + "en-us.lm.bin"), context);
    chosen.grammar = reader.text("grammar");
    chosen.phrases = reader.texts("phrases");
    chosen.second_pass = reader.flag("second_pass", true);
    if ((chosen.grammar ? 1 : 0) + (language_model ? 1 : 0) + (chosen.phrases.empty() ? 0 : 1) > 1)
        reader.fault(chosen.grammar ? "grammar" : "phrases", "only one of grammar, phrases and language_model can be used");
    for (std::size_t i = 0; i < chosen.phrases.size(); ++i)
        if (to_words(chosen.phrases[i]).empty()) reader.fault(fmt::format("phrases[{}]", i), "no words in it");
    // Checked here, because the library ends the whole process over some files it cannot read.
    const auto need = [&](const std::string& path, const char* key, bool folder) {
        std::error_code error;
        if (folder ? std::filesystem::is_directory(path, error) : std::filesystem::is_regular_file(path, error)) return;
        reader.fault(key, fmt::format("{} is not there", path), sphinx::kHint);
    };
    need(chosen.model, "model", true);
    need(chosen.model + "/mdef", "model", false);
    need(chosen.dictionary, "dictionary", false);
    if (!chosen.grammar && chosen.phrases.empty()) need(chosen.language_model, "language_model", false);
    return chosen;
}

/// The grammar itself, when the option is not the path of one.
Result<std::string> grammar_text(const std::string& option, const ProviderContext& context) {
    if (option.find("#JSGF") != std::string::npos) return option;
    return read_file(resolve_path(option, context), 1024 * 1024);
}

std::optional<OptionFault> unknown_words(const Chosen& chosen, const std::vector<std::string>& unknown) {
    if (unknown.empty()) return std::nullopt;
    const auto& word = unknown.front();
    std::string key = "grammar";
    for (std::size_t i = 0; i < chosen.phrases.size(); ++i) {
        const auto words = to_words(chosen.phrases[i]);
        if (std::find(words.begin(), words.end(), word) != words.end()) key = fmt::format("phrases[{}]", i);
    }
    return OptionFault{key, fmt::format("the word '{}' is not in the dictionary {}", word, chosen.dictionary),
                       "use another word, or a dictionary that has it"};
}

Result<void> use_grammar(const sphinx::Library& library, const Chosen& chosen, const ProviderContext& context,
                         sphinx::DecoderSettings& settings, std::optional<OptionFault>& fault) {
    if (chosen.grammar) {
        VC_TRY_ASSIGN(settings.grammar, grammar_text(*chosen.grammar, context));
    } else {
        settings.grammar = sphinx::grammar_of_sentences(chosen.phrases);
    }
    VC_TRY_ASSIGN(auto words, sphinx::words_of_grammar(library, settings.grammar));
    VC_TRY_ASSIGN(const auto dictionary, read_file(chosen.dictionary));
    auto looked_up = sphinx::look_up(std::move(words), dictionary);
    fault = unknown_words(chosen, looked_up.unknown);
    settings.pronunciations = std::move(looked_up.found);
    return {};
}

Built<SpeechToText> build_pocketsphinx(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    const auto chosen = read_options(reader, context);
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    const auto library = sphinx::Library::get();
    if (!library) return fault_of(library.error());
    sphinx::DecoderSettings settings{chosen.model, chosen.language_model, chosen.dictionary, {}, {}, chosen.second_pass};
    if (chosen.grammar || !chosen.phrases.empty()) {
        std::optional<OptionFault> fault;
        const auto used = use_grammar(**library, chosen, context, settings, fault);
        if (!used) return fault_of(used.error(), chosen.grammar ? "grammar" : "phrases");
        if (fault) return std::unexpected(std::move(*fault));
    }
    auto pool = std::make_shared<DecoderPool>(**library, std::move(settings));
    auto first = pool->take();  // what cannot be loaded is found now, and the first caller need not wait
    if (!first) return fault_of(std::move(first).error());
    pool->give_back(std::move(*first));
    return std::make_unique<PocketSphinx>(context.workers, std::move(pool));
}

}  // namespace

const Provider<SpeechToText> kPocketSphinx{"pocketsphinx", "CMU PocketSphinx: offline, by grammar or language model",
                                           &build_pocketsphinx};

std::string pocketsphinx_version() {
    const auto library = sphinx::Library::get();
    // The library does not tell its version; its soname belongs to this one only.
    return library ? "0.8-5prealpha" : fmt::format("not installed: {}", sphinx::kHint);
}

}  // namespace voicectl::speech
