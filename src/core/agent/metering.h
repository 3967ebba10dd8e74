// The stages as one call uses them: the same interfaces, with every stream counted in the call's ledger, and no
// answer longer than it may be. Whoever speaks, listens or thinks needs to know nothing of money. Lives on the loop;
// the stages and the settings outlive it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "ledger.h"
#include "voicectl/agent/config.h"
#include "voicectl/agent/host.h"
#include "voicectl/speech/speech.h"

namespace voicectl::agent {

class MeteredStt final : public speech::SpeechToText {
 public:
    MeteredStt(speech::SpeechToText& inner, std::shared_ptr<Ledger> ledger) : inner_(inner), ledger_(std::move(ledger)) {}
    std::unique_ptr<speech::SttStream> open(Loop& loop, speech::SttSink sink) override;

 private:
    speech::SpeechToText& inner_;
    std::shared_ptr<Ledger> ledger_;
};

class MeteredLlm final : public speech::LanguageModel {
 public:
    MeteredLlm(speech::LanguageModel& inner, std::shared_ptr<Ledger> ledger) : inner_(inner), ledger_(std::move(ledger)) {}
    std::unique_ptr<speech::LlmStream> generate(Loop& loop, const speech::Chat& chat, speech::LlmSink sink) override;

 private:
    speech::LanguageModel& inner_;
    std::shared_ptr<Ledger> ledger_;
};

class MeteredTts final : public speech::TextToSpeech {
 public:
    MeteredTts(speech::TextToSpeech& inner, std::shared_ptr<Ledger> ledger) : inner_(inner), ledger_(std::move(ledger)) {}
    int rate_hz() const override { return inner_.rate_hz(); }
    bool speaks_whole(const std::string& text) const override { return inner_.speaks_whole(text); }
    std::unique_ptr<speech::TtsStream> speak(Loop& loop, const std::string& text, speech::TtsSink sink) override;

 private:
    speech::TextToSpeech& inner_;
    std::shared_ptr<Ledger> ledger_;
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

/// All of them, as a session needs them.
struct MeteredStages {
    /// Those that the call has: of its language, with its voice.
    struct Chosen {
        speech::SpeechToText& stt;
        speech::LanguageModel& llm;
        speech::TextToSpeech& tts;
    };
    MeteredStages(const Chosen& stages, const AgentConfig& config, const std::shared_ptr<Ledger>& ledger, std::function<void()> on_cut)
        : stt(stages.stt, ledger), counted(stages.llm, ledger), llm(counted, config.limits.answer, std::move(on_cut)), tts(stages.tts, ledger) {}
    MeteredStt stt;
    MeteredLlm counted;
    BoundedLlm llm;
    MeteredTts tts;
};

}  // namespace voicectl::agent
