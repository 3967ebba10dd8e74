// What one call says, hears and speaks with: the configuration, as the call's metadata, its language and its prompt change
// it. Everything that metadata wish for is taken from what the configuration has, or not at all. Lives on the loop, within
// its call session.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/agent/config.h"
#include "voicectl/agent/host.h"
#include "voicectl/agent/metadata.h"
#include "voicectl/agent/prompt_backend.h"

namespace voicectl::agent {

/// The stage of a voice: `tts` with what the voice changes in it, or the voice's own when it names a provider.
nlohmann::json voice_options(const nlohmann::json& tts, const nlohmann::json& change);

class CallSettings {
 public:
    CallSettings(const AgentConfig& config, const Stages& stages, CallMetadata metadata);

    const CallMetadata& metadata() const { return metadata_; }
    /// The language spoken; empty: not told.
    const std::string& language() const { return language_; }
    /// What was wished for and is not to be had, a line each.
    const std::vector<std::string>& refused() const { return refused_; }

    const Choices<speech::SpeechToText>& stt() const;
    const Choices<speech::LanguageModel>& llm() const;
    const Choices<speech::TextToSpeech>& tts() const;
    /// As the configuration has them, for whoever has to know what they cost.
    const nlohmann::json& stt_options() const { return chosen_ != nullptr && !chosen_->stt.is_null() ? chosen_->stt : config_.stt; }
    const nlohmann::json& llm_options() const { return chosen_ != nullptr && !chosen_->llm.is_null() ? chosen_->llm : config_.llm; }
    const nlohmann::json& tts_options() const { return tts_options_; }

    /// Instructions are to be fetched for this scenario; empty: none are.
    std::string scenario_to_fetch() const;
    void use(FetchedPrompt prompt) { fetched_ = std::move(prompt); }
    /// Whom templates speak of.
    void set_caller(const rtc::Participant& caller);

    /// With their variables filled in. What has no value is left out, and noted in missing().
    std::string greeting() const;
    std::string instructions() const;
    std::string back_again() const { return filled(of(&LanguageSettings::back_again, config_.back_again)); }
    std::string not_understood() const { return filled(of(&LanguageSettings::not_understood, config_.not_understood)); }
    std::string away_say() const { return filled(of(&LanguageSettings::away_say, config_.away.say)); }
    std::string away_goodbye() const { return filled(of(&LanguageSettings::away_goodbye, config_.away.goodbye)); }
    std::string budget_warning() const { return filled(of(&LanguageSettings::budget_warning, config_.limits.budget_warning)); }
    std::string budget_goodbye() const { return filled(of(&LanguageSettings::budget_goodbye, config_.limits.budget_goodbye)); }
    std::string idle_goodbye() const { return filled(of(&LanguageSettings::idle_goodbye, config_.limits.idle_goodbye)); }
    std::string duration_goodbye() const { return filled(of(&LanguageSettings::duration_goodbye, config_.limits.duration_goodbye)); }
    /// Any other text of the configuration.
    std::string filled(std::string_view text) const;
    /// Variables that had no value, those since the last time.
    std::vector<std::string> take_missing();

 private:
    const std::string& of(std::optional<std::string> LanguageSettings::* text, const std::string& otherwise) const;
    std::optional<std::string> value(std::string_view name) const;
    void choose_language();
    void choose_voice();

    const AgentConfig& config_;
    const Stages& stages_;
    CallMetadata metadata_;
    std::string language_;
    const LanguageSettings* chosen_ = nullptr;  // null: the agent's own language
    const StageSet* chosen_stages_ = nullptr;
    const Choices<speech::TextToSpeech>* voice_ = nullptr;  // null: the language's
    nlohmann::json tts_options_;
    std::optional<FetchedPrompt> fetched_;
    std::optional<rtc::Participant> caller_;
    std::vector<std::string> refused_;
    mutable std::vector<std::string> missing_;
    mutable std::set<std::string> told_;
};

}  // namespace voicectl::agent
