// A whole clip through a speech engine, for callers that may block (tests, reports, judges of calls). Each
// call runs a loop of its own on the calling thread. Never call these on a loop.
#pragma once

#include <chrono>
#include <string>

#include "voicectl/speech/speech.h"

namespace voicectl::speech {

inline constexpr std::chrono::seconds kClipTimeout{120};

/// What is said in `clip` (any rate, any channels); "" when nothing is understood. Silence is put around
/// it, so that a clip cut close to the words is heard as well as one with room.
Result<std::string> recognise(SpeechToText& engine, const audio::Pcm& clip,
                              std::chrono::milliseconds timeout = kClipTimeout);

/// `text` spoken, at the engine's own rate.
Result<audio::Pcm> synthesise(TextToSpeech& engine, const std::string& text,
                              std::chrono::milliseconds timeout = kClipTimeout);

/// What the model says to `chat`, whole; at most kLongestAnswer bytes, longer ones are Protocol. Tools are not called.
inline constexpr std::size_t kLongestAnswer = 256 * 1024;
Result<std::string> answer(LanguageModel& engine, const Chat& chat, std::chrono::milliseconds timeout = kClipTimeout);

}  // namespace voicectl::speech
