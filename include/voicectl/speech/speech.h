// The three stages of a voice agent as streams: speech to text, language model, text to speech.
//
// A provider (SpeechToText, …) is built once from configuration, owned by whoever hosts calls, and shared
// by them; a stream belongs to one turn or call, lives on the loop that it was opened with, never blocks,
// reports through its sink on that loop, and stops when dropped: nothing is called afterwards (but OnUsage).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "voicectl/audio/pcm.h"
#include "voicectl/audio/voice_activity.h"
#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::speech {

// ---- usage ----

/// What one stream has used so far, in the units in which it is paid for. What a stage has no use for stays 0.
struct Usage {
    std::int64_t audio_ms = 0;       // heard by a recogniser
    std::int64_t input_tokens = 0;   // read by a model
    std::int64_t cached_tokens = 0;  // of these, the part that came from its cache
    std::int64_t stored_tokens = 0;  // of these, another part: what it put into its cache, where that has a price of its own
    std::int64_t output_tokens = 0;  // written by it
    std::int64_t characters = 0;     // made into speech
    std::string provider = {}, model = {};  // who is to be paid; empty: the stage as it is configured
    bool operator==(const Usage&) const = default;
};

/// The provider's own figures. Each call gives the stream's total and replaces the one before, so that a message that
/// comes twice counts once. The only callback that may also come after on_done, on_error or the end of the stream:
/// what was used is paid for, whoever listens. On the loop; never from a destructor. It drops no stream.
/// A provider that is told nothing by its server does not call it: then what went in and out is counted by whoever asked.
using OnUsage = std::function<void(const Usage& total)>;

// ---- voice activity ----

class VoiceModel {
 public:
    virtual ~VoiceModel() = default;
    /// One caller's; may outlive this. Quick, for what is slow to load is kept for the next.
    virtual Result<std::unique_ptr<audio::VoiceActivity>> open(audio::VoiceActivityOptions options) = 0;
};

// ---- speech to text ----

struct SttSink {
    std::function<void(const std::string& text)> on_partial;  // the current utterance so far; may never come
    std::function<void(const std::string& text)> on_final;    // one per end_utterance(); "" when nothing was understood
    std::function<void(const Error& error)> on_error;         // the stream is over
    OnUsage on_usage = {};
    /// By the recogniser's own endpointing the partial text is all that was said; may never come, and speech may
    /// go on all the same.
    std::function<void()> on_end_of_speech = {};
};

class SttStream {
 public:
    virtual ~SttStream() = default;
    /// 16 kHz mono, any size; audio between utterances may be pushed too.
    virtual void push(audio::SampleView samples) = 0;
    /// The caller has stopped speaking: answer with on_final as soon as possible. Pushing goes on with the
    /// next utterance.
    virtual void end_utterance() = 0;
    /// The caller pauses, perhaps for good: tell the words so far by on_partial, also when they were told before.
    /// False: not needed, for every change is told as soon as it is known.
    virtual bool tell_so_far() = 0;
};

class SpeechToText {
 public:
    virtual ~SpeechToText() = default;
    virtual std::unique_ptr<SttStream> open(Loop& loop, SttSink sink) = 0;
};

// ---- language model ----

/// A function that the model may ask for.
struct ToolSpec {
    std::string name;         // letters, digits, _ and -, at most 64
    std::string description;  // for the model: when to use it, what it gives
    std::string parameters;   // JSON schema of the arguments, an object
    bool operator==(const ToolSpec&) const = default;
};

/// That it asks for one.
struct ToolCall {
    std::string id;         // never empty, unique within its answer
    std::string name;       // as the model has it: perhaps of no tool that there is
    std::string arguments;  // JSON as the model has written it, not checked; "{}" when it wrote nothing
    bool operator==(const ToolCall&) const = default;
};

struct ChatMessage {
    enum class Role { System, User, Assistant, Tool } role = Role::User;
    std::string text;                  // of Tool: what the call gave
    std::vector<ToolCall> calls = {};  // of Assistant; a message of Tool for each of them follows
    std::string call_id = {};          // of Tool: the call's
    bool failed = false;               // of Tool: the text says why
};

/// What a model is asked.
struct Chat {
    std::vector<ChatMessage> messages;
    std::vector<ToolSpec> tools = {};
    bool may_call = true;  // false: it has to answer in words, though its tools are known
};

struct LlmEnd {
    bool end_call = false;             // the model wants the agent to hang up once this was spoken
    std::vector<ToolCall> calls = {};  // in the order in which it asked; it goes on once it was told what they gave
};

struct LlmSink {
    std::function<void(const std::string& piece)> on_text;
    std::function<void(const LlmEnd& end)> on_done;    // last call, unless on_error
    std::function<void(const Error& error)> on_error;  // last call
    OnUsage on_usage = {};
};

class LlmStream {
 public:
    virtual ~LlmStream() = default;
};

class LanguageModel {
 public:
    virtual ~LanguageModel() = default;
    virtual std::unique_ptr<LlmStream> generate(Loop& loop, const Chat& chat, LlmSink sink) = 0;
    /// A call begins: connects ahead, so that its first answer need not wait for that. Goes on for as long as what it
    /// gives is kept, and tells nothing; null: there is nothing to connect to.
    virtual std::unique_ptr<LlmStream> warm_up(Loop& /*loop*/) { return nullptr; }
};

// ---- text to speech ----

struct TtsSink {
    std::function<void(audio::Samples chunk)> on_audio;  // mono at rate_hz(), as it is made
    std::function<void()> on_done;                       // last call, unless on_error
    std::function<void(const Error& error)> on_error;    // last call
    OnUsage on_usage = {};
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
    /// A call begins: connects ahead, and makes ready what makes a first text slow. As LanguageModel::warm_up.
    virtual std::unique_ptr<TtsStream> warm_up(Loop& /*loop*/) { return nullptr; }
    /// Just this text lies there as one recording: cut into sentences it would not be found.
    virtual bool speaks_whole(const std::string& /*text*/) const { return false; }
};

}  // namespace voicectl::speech
