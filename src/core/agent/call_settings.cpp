#include "call_settings.h"

#include <ctime>

#include "text_template.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

constexpr std::size_t kLongestValue = 200;  // of what a caller says of itself

std::string local_time(const char* format) {
    const auto now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    char text[64];
    return {text, std::strftime(text, sizeof text, format, &local)};
}

template<class Map>
auto find_language(const Map& languages, std::string tag) {
    tag = to_lower_ascii(tag);
    const auto found = languages.find(tag);
    return found != languages.end() ? found : languages.find(tag.substr(0, tag.find('-')));
}

/// "de" and "de-AT" are both German.
bool same_language(const std::string& wished, const std::string& own) {
    const auto a = to_lower_ascii(wished), b = to_lower_ascii(own);
    return a == b || (!b.empty() && a.substr(0, a.find('-')) == b);
}

}  // namespace

nlohmann::json voice_options(const nlohmann::json& tts, const nlohmann::json& change) {
    if (tts.is_array() && !tts.empty()) {  // of a chain the first choice; who stands in has a voice of its own
        auto chain = tts;
        chain[0] = voice_options(tts[0], change);
        return chain;
    }
    auto out = change.contains("provider") ? nlohmann::json::object() : tts;
    out.merge_patch(change);
    return out;
}

CallSettings::CallSettings(const AgentConfig& config, const Stages& stages, CallMetadata metadata)
    : config_(config), stages_(stages), metadata_(std::move(metadata)), language_(config.language) {
    choose_language();
    tts_options_ = chosen_ != nullptr && !chosen_->tts.is_null() ? chosen_->tts : config.tts;
    choose_voice();
}

void CallSettings::choose_language() {
    const auto& wished = metadata_.language;
    if (wished.empty() || same_language(wished, config_.language)) return;
    const auto found = find_language(config_.languages, wished);
    if (found == config_.languages.end()) {
        refused_.push_back(fmt::format("language {}", wished));
        return;
    }
    chosen_ = &found->second;
    language_ = found->second.tag;
    if (const auto stages = stages_.languages.find(found->first); stages != stages_.languages.end()) chosen_stages_ = &stages->second;
}

// A language that speaks with an engine of its own has voices of its own.
void CallSettings::choose_voice() {
    if (metadata_.voice.empty()) return;
    const bool own = chosen_stages_ != nullptr && (chosen_stages_->tts || !chosen_stages_->voices.empty());
    const auto& voices = own ? chosen_stages_->voices : stages_.voices;
    const auto found = voices.find(metadata_.voice);
    if (found == voices.end()) {
        refused_.push_back(fmt::format("voice {}", metadata_.voice));
        return;
    }
    voice_ = &found->second;
    const auto& changes = own ? chosen_->voices : config_.voices;
    if (const auto change = changes.find(metadata_.voice); change != changes.end()) tts_options_ = voice_options(tts_options_, change->second);
}

const Choices<speech::SpeechToText>& CallSettings::stt() const { return chosen_stages_ != nullptr && chosen_stages_->stt ? chosen_stages_->stt : stages_.stt; }

const Choices<speech::LanguageModel>& CallSettings::llm() const { return chosen_stages_ != nullptr && chosen_stages_->llm ? chosen_stages_->llm : stages_.llm; }

const Choices<speech::TextToSpeech>& CallSettings::tts() const {
    if (voice_ != nullptr) return *voice_;
    return chosen_stages_ != nullptr && chosen_stages_->tts ? chosen_stages_->tts : stages_.tts;
}

std::string CallSettings::scenario_to_fetch() const {
    for (const auto& source : config_.prompt_from) {
        if (source == "metadata" && !metadata_.instructions.empty()) return {};
        if (source == "backend" && stages_.prompts) return metadata_.scenario_id;
    }
    return {};
}

void CallSettings::set_caller(const rtc::Participant& caller) { caller_ = caller; }

const std::string& CallSettings::of(std::optional<std::string> LanguageSettings::* text, const std::string& otherwise) const {
    return chosen_ != nullptr && (chosen_->*text) ? *(chosen_->*text) : otherwise;
}

std::string CallSettings::greeting() const {
    if (fetched_ && !fetched_->greeting.empty()) return filled(fetched_->greeting);
    return filled(of(&LanguageSettings::greeting, config_.greeting));
}

std::string CallSettings::instructions() const {
    for (const auto& source : config_.prompt_from) {
        if (source == "metadata" && !metadata_.instructions.empty()) return filled(metadata_.instructions);
        if (source == "backend" && fetched_) return filled(fetched_->instructions);
    }
    return filled(of(&LanguageSettings::instructions, config_.instructions));
}

std::string CallSettings::filled(std::string_view text) const {
    std::vector<std::string> missing;
    auto out = expand(text, [this](std::string_view name) { return value(name); }, &missing);
    for (auto& name : missing)
        if (told_.insert(name).second) missing_.push_back(std::move(name));
    return out;
}

std::vector<std::string> CallSettings::take_missing() { return std::exchange(missing_, {}); }

std::optional<std::string> CallSettings::value(std::string_view name) const {
    constexpr std::string_view kAttributes = "caller.attributes.";
    if (name == "agent") return config_.name;
    if (name == "language") return language_;
    if (name == "date") return local_time("%Y-%m-%d");
    if (name == "time") return local_time("%H:%M");
    if (name == "weekday") return local_time("%A");
    if (name.starts_with("caller.")) {
        if (!caller_) return std::nullopt;
        if (name == "caller.name") return plain_text(caller_->name, kLongestValue);
        if (name == "caller.identity") return plain_text(caller_->identity, kLongestValue);
        const auto found = caller_->attributes.find(std::string(name.substr(std::min(name.size(), kAttributes.size()))));
        return found == caller_->attributes.end() ? std::nullopt : std::optional(plain_text(found->second, kLongestValue));
    }
    const std::string key(name);
    if (const auto given = metadata_.variables.find(key); given != metadata_.variables.end() && !given->second.empty()) return given->second;
    const auto own = config_.variables.find(key);
    return own == config_.variables.end() ? std::nullopt : std::optional(own->second);
}

}  // namespace voicectl::agent
