#include "core/speech/sphinx/decoder.h"

namespace voicectl::speech::sphinx {
namespace {

constexpr auto kSearch = "sentences";

Error load_error(Errc code, std::string_view what) {
    const auto why = Library::take_complaint();
    return {code, fmt::format("pocketsphinx cannot load {}{}{}", what, why.empty() ? "" : ": ", why), kHint};
}

/// Their settings object holds every default; `name, value` pairs come after them.
cmd_ln_t* configuration(const Library& library, const DecoderSettings& settings) {
    constexpr int kStrict = 1;
    if (!settings.grammar.empty())  // no dictionary: only the grammar's words are added, which saves 30 MB
        return library.cmd_ln_init(nullptr, library.ps_args(), kStrict, "-hmm", settings.acoustic_model.c_str(), nullptr);
    return library.cmd_ln_init(nullptr, library.ps_args(), kStrict, "-hmm", settings.acoustic_model.c_str(), "-lm",
                               settings.language_model.c_str(), "-dict", settings.dictionary.c_str(), "-fwdflat",
                               settings.second_pass ? "yes" : "no", nullptr);
}

}  // namespace

Result<std::unique_ptr<Decoder>> Decoder::load(const Library& library, const DecoderSettings& settings) {
    // The library does not say that loading is safe beside itself.
    static std::mutex loading;
    std::lock_guard lock(loading);
    Library::take_complaint();
    auto* config = configuration(library, settings);
    if (!config) return std::unexpected(load_error(Errc::Other, "its settings"));
    auto* raw = library.ps_init(config);
    library.cmd_ln_free_r(config);  // the decoder holds its own reference
    if (!raw) return std::unexpected(load_error(Errc::Missing, "its models"));
    std::unique_ptr<Decoder> decoder(new Decoder(library, raw));
    if (settings.grammar.empty()) return decoder;
    for (const auto& [word, phones] : settings.pronunciations)
        if (library.ps_add_word(raw, word.c_str(), phones.c_str(), 0) < 0)
            return std::unexpected(load_error(Errc::Config, fmt::format("the word '{}' ({})", word, phones)));
    const auto weight = static_cast<float>(library.cmd_ln_float_r(library.ps_get_config(raw), "-lw"));
    VC_TRY_ASSIGN(const auto model, model_of_grammar(library, settings.grammar, library.ps_get_logmath(raw), weight));
    if (library.ps_set_fsg(raw, kSearch, model.get()) != 0 || library.ps_set_search(raw, kSearch) != 0)
        return std::unexpected(load_error(Errc::Config, "the grammar"));
    return decoder;
}

Decoder::Decoder(const Library& library, ps_decoder_t* decoder) : library_(library), decoder_(decoder) {
    fresh_mean_ = mean();
}

Decoder::~Decoder() { library_.ps_free(decoder_); }

cmn_t* Decoder::normalisation() const { return library_.ps_get_feat(decoder_)->cmn_struct; }

SpeakerMean Decoder::mean() const {
    auto* cmn = normalisation();
    SpeakerMean mean(static_cast<std::size_t>(cmn->veclen));
    library_.cmn_live_get(cmn, mean.data());
    return mean;
}

void Decoder::start(const SpeakerMean& mean) {
    library_.cmn_live_set(normalisation(), mean.empty() ? fresh_mean_.data() : mean.data());
    library_.ps_start_stream(decoder_);  // forget the last caller's background noise
    library_.ps_start_utt(decoder_);
}

bool Decoder::feed(audio::SampleView samples) {
    constexpr int kSearchToo = 0, kMoreComes = 0;
    return samples.empty() || library_.ps_process_raw(decoder_, samples.data(), samples.size(), kSearchToo, kMoreComes) >= 0;
}

void Decoder::finish() { library_.ps_end_utt(decoder_); }

std::string Decoder::text() const {
    const char* text = library_.ps_get_hyp(decoder_, nullptr);
    return text ? text : "";
}

Result<std::unique_ptr<Decoder>> DecoderPool::take() {
    {
        std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            auto decoder = std::move(idle_.back());
            idle_.pop_back();
            return decoder;
        }
    }
    return Decoder::load(library_, settings_);
}

void DecoderPool::give_back(std::unique_ptr<Decoder> decoder) {
    constexpr std::size_t kKept = 4;  // more than that was a burst: their memory is worth more than their load time
    std::lock_guard lock(mutex_);
    if (idle_.size() < kKept) idle_.push_back(std::move(decoder));
}

}  // namespace voicectl::speech::sphinx
