// The stages as one call uses them: the same interfaces, with every stream counted in the call's ledger, and no
// answer longer than it may be. Whoever speaks, listens or thinks needs to know nothing of money. Lives on the loop;
// the stages and the settings outlive it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ledger.h"
#include "voicectl/agent/config.h"
#include "voicectl/agent/host.h"
#include "voicectl/speech/chain.h"
#include "voicectl/speech/speech.h"

namespace voicectl::agent {

/// How a request went: "ok", "failed", or "abandoned" (the caller interrupted, an early answer was not needed). Of a recogniser
/// each utterance is one. Not called once the stream is dropped, but for "abandoned".
using OnOutcome = std::function<void(const char* outcome)>;

class MeteredStt final : public speech::SpeechToText {
 public:
    MeteredStt(speech::SpeechToText& inner, std::shared_ptr<Ledger> ledger, std::optional<Payee> payee = {}, OnOutcome on_outcome = {})
        : inner_(inner), ledger_(std::move(ledger)), payee_(std::move(payee)), on_outcome_(std::move(on_outcome)) {}
    std::unique_ptr<speech::SttStream> open(Loop& loop, speech::SttSink sink) override;

 private:
    speech::SpeechToText& inner_;
    std::shared_ptr<Ledger> ledger_;
    std::optional<Payee> payee_;
    OnOutcome on_outcome_;
};

class MeteredLlm final : public speech::LanguageModel {
 public:
    MeteredLlm(speech::LanguageModel& inner, std::shared_ptr<Ledger> ledger, std::optional<Payee> payee = {}, OnOutcome on_outcome = {})
        : inner_(inner), ledger_(std::move(ledger)), payee_(std::move(payee)), on_outcome_(std::move(on_outcome)) {}
    std::unique_ptr<speech::LlmStream> generate(Loop& loop, const speech::Chat& chat, speech::LlmSink sink) override;

 private:
    speech::LanguageModel& inner_;
    std::shared_ptr<Ledger> ledger_;
    std::optional<Payee> payee_;
    OnOutcome on_outcome_;
};

class MeteredTts final : public speech::TextToSpeech {
 public:
    MeteredTts(speech::TextToSpeech& inner, std::shared_ptr<Ledger> ledger, std::optional<Payee> payee = {}, OnOutcome on_outcome = {})
        : inner_(inner), ledger_(std::move(ledger)), payee_(std::move(payee)), on_outcome_(std::move(on_outcome)) {}
    int rate_hz() const override { return inner_.rate_hz(); }
    bool speaks_whole(const std::string& text) const override { return inner_.speaks_whole(text); }
    std::unique_ptr<speech::TtsStream> speak(Loop& loop, const std::string& text, speech::TtsSink sink) override;

 private:
    speech::TextToSpeech& inner_;
    std::shared_ptr<Ledger> ledger_;
    std::optional<Payee> payee_;
    OnOutcome on_outcome_;
};

/// Stops a model that does not come to an end: at the first end of a sentence past the limit, or soon after it, with
/// the configured words.
class BoundedLlm final : public speech::LanguageModel {
 public:
    BoundedLlm(speech::LanguageModel& inner, const AnswerLimit& limit, std::function<void()> on_cut)
        : inner_(inner), limit_(limit), on_cut_(std::move(on_cut)) {}
    std::unique_ptr<speech::LlmStream> generate(Loop& loop, const speech::Chat& chat, speech::LlmSink sink) override;

 private:
    speech::LanguageModel& inner_;
    const AnswerLimit& limit_;
    std::function<void()> on_cut_;
};

/// All of them, as a session needs them: where a stage has several choices, as a chain that looks like one.
class MeteredStages {
 public:
    /// Those that the call has: of its language, with its voice.
    struct Chosen {
        const Choices<speech::SpeechToText>& stt;
        const Choices<speech::LanguageModel>& llm;
        const Choices<speech::TextToSpeech>& tts;
    };
    struct Handlers {
        std::function<void()> on_cut;  // an answer was too long
        std::function<void(Stage stage, const speech::Moved& moved)> on_moved = {};
        std::function<void(Stage stage, const std::string& provider, const char* outcome)> on_request = {};
    };
    MeteredStages(const Chosen& stages, const AgentConfig& config, const std::shared_ptr<Ledger>& ledger, Handlers handlers);

    speech::SpeechToText& stt() { return *stt_.face; }
    speech::LanguageModel& llm() { return *bounded_; }
    speech::TextToSpeech& tts() { return *tts_.face; }

 private:
    template<class T>
    struct Counted {
        std::vector<std::unique_ptr<T>> each;
        std::unique_ptr<T> chain;  // null: there is one alone
        T* face = nullptr;
    };
    template<class T, class Metered, class Chain>
    static Counted<T> count(const Choices<T>& choices, Stage stage, const AgentConfig& config, const std::shared_ptr<Ledger>& ledger, const Handlers& handlers, Chain chain);

    Counted<speech::SpeechToText> stt_;
    Counted<speech::LanguageModel> llm_;
    Counted<speech::TextToSpeech> tts_;
    std::unique_ptr<BoundedLlm> bounded_;
};

}  // namespace voicectl::agent
