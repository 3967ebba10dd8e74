// PocketSphinx decoders: one hears one utterance at a time and costs 14 MB (grammar) to 100 MB (language
// model) and up to a second to load, so they are lent from a pool for an utterance and not for a call.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/speech/sphinx/vocabulary.h"
#include "voicectl/audio/pcm.h"

namespace voicectl::speech::sphinx {

struct DecoderSettings {
    std::string acoustic_model;
    // Either a language model with its dictionary, or a grammar with the pronunciations of its words.
    std::string language_model, dictionary;
    std::string grammar;
    Pronunciations pronunciations;
    // Of the language model, when the caller has stopped: 140 ms, for 9 wrong words of 100 and not 11 (flite).
    bool second_pass = true;
};

/// The mean of a speaker's (and line's) sound, which is taken off before sounds are compared. Kept with
/// the caller, while decoders are lent to whoever speaks.
using SpeakerMean = std::vector<mfcc_t>;

/// One owner, one thread at a time; everything blocks.
class Decoder {
 public:
    /// Errc::Missing or Config: what cannot be loaded.
    static Result<std::unique_ptr<Decoder>> load(const Library& library, const DecoderSettings& settings);
    ~Decoder();
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    /// `mean`: from this speaker's last utterance, or empty for a new one.
    void start(const SpeakerMean& mean);
    /// Computes as it goes; false when the decoder has failed.
    bool feed(audio::SampleView samples);
    /// What is heard so far; after finish(), what was heard.
    std::string text() const;
    void finish();
    SpeakerMean mean() const;

 private:
    Decoder(const Library& library, ps_decoder_t* decoder);
    cmn_t* normalisation() const;
    const Library& library_;
    ps_decoder_t* decoder_;
    SpeakerMean fresh_mean_;
};

/// Any thread.
class DecoderPool {
 public:
    DecoderPool(const Library& library, DecoderSettings settings)
        : library_(library), settings_(std::move(settings)) {}

    /// An idle one, or a new one.
    Result<std::unique_ptr<Decoder>> take();
    void give_back(std::unique_ptr<Decoder> decoder);

 private:
    const Library& library_;
    const DecoderSettings settings_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Decoder>> idle_;
};

}  // namespace voicectl::speech::sphinx
