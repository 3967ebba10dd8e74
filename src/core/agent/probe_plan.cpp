#include "probe_plan.h"

#include <algorithm>
#include <array>
#include <utility>

#include "call_settings.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;

constexpr const char* kAreYouThere = "Are you there? Answer with one short word.";
constexpr std::array<std::pair<const char*, const char*>, 8> kSentences{{{"en", "Good morning, how can I help you today?"},
                                                                         {"de", "Guten Morgen, wie kann ich Ihnen heute helfen?"},
                                                                         {"es", "Buenos días, ¿en qué puedo ayudarle hoy?"},
                                                                         {"fr", "Bonjour, comment puis-je vous aider aujourd'hui ?"},
                                                                         {"it", "Buongiorno, come posso aiutarla oggi?"},
                                                                         {"nl", "Goedemorgen, waarmee kan ik u vandaag helpen?"},
                                                                         {"pl", "Dzień dobry, w czym mogę dzisiaj pomóc?"},
                                                                         {"pt", "Bom dia, como posso ajudar hoje?"}}};

const char* sentence_in(const std::string& language) {
    const auto found = std::find_if(kSentences.begin(), kSentences.end(), [&](const auto& one) { return language == one.first; });
    return found != kSentences.end() ? found->second : nullptr;
}

json listed(const json& stage) { return stage.is_array() ? stage : json::array({stage}); }

/// "de" of "de-AT"; English where we have no sentence.
std::string known_language(const std::string& tag) {
    const auto lower = to_lower_ascii(tag);
    const auto language = lower.substr(0, lower.find_first_of("-_"));
    return sentence_in(language) != nullptr ? language : "en";
}

std::string language_option(const json& stage) {
    const auto all = listed(stage);
    return all.empty() || !all.front().is_object() ? std::string() : text_at(all.front(), "language");
}

/// What the agent speaks, as it says itself or as its first engines were told.
std::string own_language(const AgentConfig& config) {
    for (const auto& tag : {config.language, language_option(config.stt), language_option(config.tts)})
        if (!tag.empty()) return known_language(tag);
    return "en";
}

class Plan {
 public:
    Plan(const AgentConfig& config, const Stages& stages) : config_(config), stages_(stages) {}

    std::vector<ProbeTarget> make() {
        const auto language = own_language(config_);
        add_set(stages_, config_.stt, config_.llm, config_.tts, "", language);
        add_voices(stages_, config_.voices, config_.tts, "voices.", language);
        if (!config_.trouble.tts.is_null()) add(stages_.apology, config_.trouble.tts, "trouble.tts", language, sentence_in(language));
        for (const auto& [tag, one] : config_.languages)
            if (const auto set = stages_.languages.find(tag); set != stages_.languages.end()) add_language(one, set->second);
        add_tools();
        return std::move(out_);
    }

 private:
    void add_language(const LanguageSettings& one, const StageSet& set) {
        const auto language = known_language(one.tag);
        const auto path = "languages." + one.tag + ".";
        add_set(set, one.stt, one.llm, one.tts, path, language);
        add_voices(set, one.voices, one.tts.is_null() ? config_.tts : one.tts, path + "voices.", language);
    }

    void add_set(const StageSet& set, const json& stt, const json& llm, const json& tts, const std::string& path, const std::string& language) {
        // A recogniser that knows only some sentences hears one of them, so let the voice say that one.
        std::string sentence = sentence_in(language);
        for (const auto& one : listed(stt))
            if (const auto known = only_phrases(one); !known.empty()) sentence = known.front();
        add(set.stt, stt, path + "stt", language, sentence);
        add(set.llm, llm, path + "llm", language, kAreYouThere);
        add(set.tts, tts, path + "tts", language, sentence);
    }

    void add_voices(const StageSet& set, const std::map<std::string, json>& changes, const json& tts, const std::string& path, const std::string& language) {
        for (const auto& [name, change] : changes)
            if (const auto voice = set.voices.find(name); voice != set.voices.end()) add(voice->second, voice_options(tts, change), path + name, language, sentence_in(language));
    }

    template<class T>
    void add(const Choices<T>& choices, const json& options, const std::string& path, const std::string& language, const std::string& sentence) {
        const auto all = listed(options);
        for (std::size_t i = 0; i < choices.all().size(); ++i) {
            const auto& one = choices.all()[i];
            ProbeTarget target;
            target.options = i < all.size() ? all[i] : json();
            target.payee = one.payee ? *one.payee : payee_of(target.options);
            target.language = language;
            target.report.said = sentence;
            set(target, one.engine.get());
            take(std::move(target), options.is_array() ? fmt::format("{}[{}]", path, i) : path);
        }
    }

    static void set(ProbeTarget& target, speech::SpeechToText* engine) {
        target.stt = engine;
        target.report.stage = "stt";
        if (const auto known = only_phrases(target.options); !known.empty()) target.report.said = known.front();
    }
    static void set(ProbeTarget& target, speech::LanguageModel* engine) { target.llm = engine, target.report.stage = "llm"; }
    static void set(ProbeTarget& target, speech::TextToSpeech* engine) {
        target.tts = engine;
        target.report.stage = "tts";
        if (const auto known = only_phrases(target.options); !known.empty()) target.report.said = known.front();
    }

    void take(ProbeTarget target, const std::string& place) {
        target.key = target.report.stage + json_text(target.options);
        const auto same = std::find_if(out_.begin(), out_.end(), [&](const ProbeTarget& one) { return one.key == target.key; });
        if (same != out_.end()) return same->report.places.push_back(place);
        target.report.places = {place};
        target.report.provider = target.payee.provider;
        target.report.model = target.payee.model;
        out_.push_back(std::move(target));
    }

    void add_tools() {
        if (!stages_.tools) return;
        const auto& settings = stages_.tools->settings();
        for (const auto& one : settings.mcp) add_server("mcp", one.server).mcp = &one;
        for (const auto& one : settings.http) {
            auto& report = add_server("http", one.server).report;
            report.state = ProbeReport::State::Skipped;
            report.note = fmt::format("the HTTP tool {} is not called: that might change something", one.name);
        }
    }

    // Of the URL only the host: the rest may hold a secret.
    ProbeTarget& add_server(const char* kind, const ToolServer& server) {
        auto& target = out_.emplace_back();
        target.report.stage = "tools";
        target.report.places = {server.key};
        const auto url = net::parse_url(server.url);
        target.report.provider = url ? fmt::format("{} {}", kind, url->host) : kind;
        return target;
    }

    const AgentConfig& config_;
    const Stages& stages_;
    std::vector<ProbeTarget> out_;
};

}  // namespace

std::vector<ProbeTarget> plan_probes(const AgentConfig& config, const Stages& stages) { return Plan(config, stages).make(); }

std::vector<std::string> only_phrases(const json& options) {
    std::vector<std::string> out;
    if (!options.is_object()) return out;
    if (const auto phrases = options.find("phrases"); phrases != options.end() && phrases->is_array() && text_at(options, "provider") == "pocketsphinx")
        for (const auto& one : *phrases)
            if (one.is_string()) out.push_back(one);
    if (const auto prompts = options.find("prompts"); prompts != options.end() && prompts->is_array() && text_at(options, "provider") == "recorded" && !options.contains("otherwise"))
        for (const auto& one : *prompts)
            if (one.is_object()) out.push_back(text_at(one, "text"));
    return out;
}

bool has_own_sentences(const json& options) {
    return options.is_object() && (options.contains("grammar") || text_at(options, "provider") == "script");
}

std::vector<json> local_voices(const std::string& language) {
    if (language != "en") return {{{"provider", "espeak-ng"}, {"voice", language}}};
    return {{{"provider", "flite"}}, {{"provider", "espeak-ng"}, {"voice", "en-us"}}};
}

}  // namespace voicectl::agent
