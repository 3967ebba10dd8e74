// What a test call's caller speaks and listens with: a voice, and a recogniser of free English that no expectation leads.
#pragma once

#include <memory>
#include <string>

#include "voicectl/speech/providers.h"
#include "voicectl/speech/sounds.h"

namespace voicectl::e2e {

struct Engines {
    std::unique_ptr<speech::TextToSpeech> voice;
    std::unique_ptr<speech::SpeechToText> ear;
    speech::Pronunciations pronunciations;
};

/// Slow (models are loaded), any thread. Missing when an engine is not installed.
Result<Engines> build_engines(const std::string& voice, const speech::ProviderContext& context);

}  // namespace voicectl::e2e
