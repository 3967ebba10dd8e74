// How words are pronounced, for neural voices that read phonemes: by eSpeak NG. Blocks; any thread.
#pragma once

#include <string>

#include "voicectl/base/result.h"

namespace voicectl::speech {

/// eSpeak NG is there, and has this voice ("en-us"). Missing, Config.
Result<void> check_phonemes(const std::string& voice);
/// `text` in IPA, as UTF-8; with the signs at which a voice pauses (.,;:!?).
Result<std::string> to_phonemes(const std::string& voice, const std::string& text);

}  // namespace voicectl::speech
