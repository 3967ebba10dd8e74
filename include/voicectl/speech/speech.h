// The three stages of a voice agent as streams: speech to text, language model, text to speech.
//
// A provider (SpeechToText, …) is built once from configuration, owned by whoever hosts calls, and shared
// by them; a stream belongs to one turn or call, lives on the loop that it was opened with, never blocks,
// reports through its sink on that loop, and stops when dropped: nothing is called afterwards.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "voicectl/audio/pcm.h"
#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::speech {

// ---- speech to text ----

struct SttSink {
    std::function<void(const std::string& text)> on_partial;  // the current utterance so far; may never come
    std::function<void(const std::string& text)> on_final;    // one per end_utterance(); "" when nothing was understood
    std::function<void(const Error& error)> on_error;         // the stream is over
};

class SttStream {
 public:
    virtual ~SttStream() = default;
    /// 16 kHz mono, any size; audio between utterances may be pushed too.
    virtual void push(audio::SampleView samples) = 0;
    /// The caller has stopped speaking: answer with on_final as soon as possible. Pushing goes on with the
    /// next utterance.
    virtual void end_utterance() = 0;
};

class SpeechToText {
 public:
    virtual ~SpeechToText() = default;
    virtual std::unique_ptr<SttStream> open(Loop& loop, SttSink sink) = 0;
};

// ---- language model ----

struct ChatMessage {
    enum class Role { System, User, Assistant } role = Role::User;
    std::string text;
};

struct LlmUsage {
    int prompt_tokens = 0, completion_tokens = 0;
    bool end_call = false;  // the model wants the agent to hang up once this was spoken
};

struct LlmSink {
    std::function<void(const std::string& piece)> on_text;
    std::function<void(const LlmUsage& usage)> on_done;  // last call, unless on_error
    std::function<void(const Error& error)> on_error;    // last call
};

class LlmStream {
 public:
    virtual ~LlmStream() = default;
};

class LanguageModel {
 public:
    virtual ~LanguageModel() = default;
    virtual std::unique_ptr<LlmStream> generate(Loop& loop, const std::vector<ChatMessage>& messages, LlmSink sink) = 0;
};

// ---- text to speech ----

struct TtsSink {
    std::function<void(audio::Samples chunk)> on_audio;  // mono at rate_hz(), as it is made
    std::function<void()> on_done;                       // last call, unless on_error
    std::function<void(const Error& error)> on_error;    // last call
};

class TtsStream {
 public:
    virtual ~TtsStream() = default;
};

class TextToSpeech {
 public:
    virtual ~TextToSpeech() = default;
    virtual int rate_hz() const = 0;
    /// One sentence or a few. Empty text gives on_done at once.
    virtual std::unique_ptr<TtsStream> speak(Loop& loop, const std::string& text, TtsSink sink) = 0;
};

}  // namespace voicectl::speech
