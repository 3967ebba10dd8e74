#include "voicectl/agent/config.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <sstream>

#include "text_template.h"
#include "voicectl/agent/metadata.h"
#include "voicectl/agent/turn_judge.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;

constexpr std::size_t kMostConfigBytes = 1024 * 1024;
constexpr std::size_t kLongestPrompt = 128 * 1024, kLongestPrompts = 512 * 1024;  // they go to each call process
constexpr std::size_t kMostKeys = 50'000;
constexpr int kDeepest = 40;  // of nesting; a file that goes deeper is no configuration

/// The line of a file's second document. Not by LoadAll, which finds documents for ever in a file that begins with a
/// comma (yaml-cpp 0.7).
std::optional<int> second_document(const std::string& yaml) {
    struct Starts final : YAML::EventHandler {
        void OnDocumentStart(const YAML::Mark& mark) override { lines.push_back(mark.line + 1); }
        void OnDocumentEnd() override {}
        void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
        void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
        void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
        void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
        void OnSequenceEnd() override {}
        void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
        void OnMapEnd() override {}
        std::vector<int> lines;
    } starts;
    std::istringstream text(yaml);
    YAML::Parser parser(text);
    while (starts.lines.size() < 2 && parser.HandleNextDocument(starts)) continue;
    return starts.lines.size() < 2 ? std::nullopt : std::optional(starts.lines[1]);
}

// A YAML scalar as JSON: quoted text stays text, the rest is read as YAML 1.2's core schema has it (so that an
// agent may be called "y" or "no").
json scalar(const YAML::Node& node) {
    if (node.Tag() == "!") return node.Scalar();
    if (node.Scalar() == "true" || node.Scalar() == "false") return node.Scalar() == "true";
    if (std::int64_t value = 0; YAML::convert<std::int64_t>::decode(node, value)) return value;
    if (double value = 0; YAML::convert<double>::decode(node, value)) return value;
    return node.Scalar();
}

json to_json(const YAML::Node& node, const std::string& path, std::map<std::string, int>& lines, int depth = 0) {
    if (depth > kDeepest) throw YAML::ParserException(node.Mark(), "nested too deeply");
    if (lines.size() > kMostKeys) throw YAML::ParserException(node.Mark(), "has too many keys");  // of aliases of aliases, for example
    lines.emplace(path, node.Mark().line + 1);
    if (node.IsMap()) {
        json out = json::object();
        for (const auto& entry : node) {
            const auto key = entry.first.as<std::string>();
            const auto child = path.empty() ? key : path + "." + key;
            if (out.contains(key)) throw ConfigFault{"", entry.first.Mark().line + 1, child, "stands here twice", ""};
            lines[child] = entry.first.Mark().line + 1;
            out[key] = to_json(entry.second, child, lines, depth + 1);
        }
        return out;
    }
    if (node.IsSequence()) {
        json out = json::array();
        for (std::size_t i = 0; i < node.size(); ++i)
            out.push_back(to_json(node[i], fmt::format("{}[{}]", path, i), lines, depth + 1));
        return out;
    }
    return node.IsScalar() ? scalar(node) : json();
}

// Reads known keys of one mapping into a struct and reports what is unknown or of the wrong form.
class Reader {
 public:
    Reader(LoadedConfig& loaded, const json& object, std::string path)
        : loaded_(loaded), object_(object), path_(std::move(path)) {}

    void text(const char* key, std::string& out, bool required = false) {
        if (const auto* value = find(key, required)) {
            if (value->is_structured()) fault(key, "must be text", "");
            else out = bare_text(*value);
            if (required && trim(out).empty()) fault(key, "must not be empty", "");
        }
    }
    /// What others look for, letter by letter.
    void name(const char* key, std::string& out) {
        text(key, out, /*required=*/true);
        if (!is_plain_name(out)) fault(key, "must be printable text on one line, without blanks at its ends", "");
    }
    void text(const char* key, std::optional<std::string>& out) {
        if (std::string value; given(key)) {
            text(key, value);
            out = std::move(value);
        }
    }
    /// Text, or {file: PATH}.
    void prompt(const char* key, std::string& out) {
        const auto* value = find(key, false);
        if (value == nullptr || !value->is_object()) return text(key, out);
        section(key, [&](Reader& inner) {
            std::string name;
            inner.text("file", name, /*required=*/true);
            if (!name.empty()) out = inner.file(name);
        });
    }
    void prompt(const char* key, std::optional<std::string>& out) {
        if (std::string value; given(key)) {
            prompt(key, value);
            out = std::move(value);
        }
    }
    void duration(const char* key, std::chrono::milliseconds& out, std::chrono::milliseconds least,
                  std::chrono::milliseconds most) {
        const auto* value = find(key, false);
        if (value == nullptr) return;
        const auto parsed = parse_duration(bare_text(*value));
        if (!parsed) return fault(key, parsed.error().message, parsed.error().hint);
        if (*parsed < least || *parsed > most)
            return fault(key, fmt::format("must be between {} and {}", format_duration(least), format_duration(most)), "");
        out = *parsed;
    }
    void number(const char* key, int& out, int least, int most) {
        const auto* value = find(key, false);
        if (value == nullptr) return;
        if (!value->is_number_integer() || *value < least || *value > most)
            return fault(key, fmt::format("must be a whole number from {} to {}", least, most), "");
        out = value->get<int>();
    }
    void money(const char* key, Money& out) {
        const auto* value = find(key, false);
        if (value == nullptr) return;
        const auto parsed = value->is_structured() ? std::nullopt : parse_money(bare_text(*value));
        if (!parsed) return fault(key, "must be US dollars like 5 or 0.25, with at most nine decimals", "");
        out = *parsed;
    }
    /// The value as it is, for who reads it further; null: it is not there.
    const json* raw(const char* key) { return find(key, false); }
    bool has(const char* key) const { return object_.contains(key); }
    void share(const char* key, double& out) {
        const auto* value = find(key, false);
        if (value == nullptr) return;
        if (!value->is_number() || *value <= 0 || *value > 1) return fault(key, "must be a number above 0 and at most 1", "");
        out = value->get<double>();
    }
    void texts(const char* key, std::vector<std::string>& out) {
        const auto* value = find(key, false);
        if (value == nullptr) return;
        if (!value->is_array() || std::any_of(value->begin(), value->end(), [](const json& one) { return one.is_structured(); }))
            return fault(key, "must be a list of texts", "");
        out.clear();
        for (const auto& one : *value) out.push_back(bare_text(one));
    }
    void flag(const char* key, bool& out) {
        const auto* value = find(key, false);
        if (value == nullptr) return;
        if (!value->is_boolean()) return fault(key, "must be true or false", "");
        out = value->get<bool>();
    }
    void stage(const char* key, json& out, const char* example) {
        const auto* value = find(key, false);
        const auto hint = fmt::format("for example  {}: {{provider: {}}}", key, example);
        if (value == nullptr) return fault(key, "is missing", hint);
        const auto whole = [](const json& one) { return one.is_string() ? json{{"provider", one}} : one; };  // `tts: flite` for short
        const auto good = [](const json& one) { return one.is_object() && one.contains("provider"); };
        out = whole(*value);
        if (good(out)) return;
        if (!value->is_array()) return fault(key, "needs a provider", hint);
        constexpr std::size_t kMostChoices = 8;
        if (value->empty() || value->size() > kMostChoices) return fault(key, fmt::format("must be a provider, or a list of up to {}", kMostChoices), hint);
        out = json::array();
        for (const auto& one : *value) out.push_back(whole(one));
        for (std::size_t i = 0; i < out.size(); ++i)
            if (!good(out[i])) fault(fmt::format("{}[{}]", key, i).c_str(), "needs a provider", hint);
    }
    /// One of `values`, by its name.
    template<class T>
    void choice(const char* key, T& out, const std::vector<std::pair<std::string, T>>& values) {
        const auto* value = find(key, false);
        if (value == nullptr) return;
        std::string names;
        for (const auto& [name, meant] : values) {
            names += (names.empty() ? "" : ", ") + name;
            if (bare_text(*value) != name) continue;
            out = meant;
            return;
        }
        fault(key, fmt::format("must be one of {}", names), "");
    }
    /// A list of names, each one of `known`, or one alone; `off` is none of them.
    void names(const char* key, std::vector<std::string>& out, const std::vector<std::string>& known) {
        const auto* value = find(key, false);
        if (value == nullptr) return;
        std::vector<std::string> chosen;
        for (const auto& one : value->is_array() ? *value : json::array({*value})) chosen.push_back(bare_text(one));
        if (chosen == std::vector<std::string>{"off"}) chosen.clear();
        for (const auto& one : chosen)
            if (std::find(known.begin(), known.end(), one) == known.end())
                return fault(key, fmt::format("must be off, or of {}", fmt::join(known, ", ")), "");
        out = chosen;
    }
    /// `provider` and its options, or its name alone.
    void provider(const char* key, json& out) {
        const auto* value = find(key, false);
        if (value == nullptr) return;
        if (value->is_string()) out = json{{"provider", *value}};
        else if (value->is_object() && value->contains("provider")) out = *value;
        else fault(key, "needs a provider", "");
    }
    /// `why_not` empty: good.
    void check(const char* key, const std::string& why_not) {
        if (!why_not.empty()) fault(key, why_not, "");
    }
    /// A stage that may be left out.
    void own_stage(const char* key, json& out, const char* example) {
        if (given(key)) stage(key, out, example);
    }
    /// Each key of a mapping that its owner names: `read` gets it, its value, and how to tell what is wrong with it.
    using Tell = std::function<void(std::string message, std::string hint)>;
    void each(const char* key, const std::function<void(const std::string& name, const json& value, const Tell& tell)>& read) {
        const auto* value = find(key, false);
        if (value == nullptr) return;
        if (!value->is_object()) return fault(key, "must be a mapping of names", "");
        for (const auto& [name, one] : value->items()) {
            const auto at = path(key) + "." + name;
            read(name, one, [&](std::string message, std::string hint) { loaded_.faults.push_back(loaded_.fault_at(at, std::move(message), std::move(hint))); });
        }
    }
    bool given(const char* key) { return find(key, false) != nullptr; }
    void section(const char* key, const std::function<void(Reader&)>& read) {
        const auto* value = find(key, false);
        if (value == nullptr) return;
        if (!value->is_object()) return fault(key, "must be a mapping of keys", "");
        Reader inner(loaded_, *value, path(key));
        read(inner);
        inner.finish();
    }
    void fault(const char* key, std::string message, std::string hint) {
        loaded_.faults.push_back(loaded_.fault_at(path(key), std::move(message), std::move(hint)));
    }
    /// What was not asked for is unknown.
    void finish() {
        for (const auto& [key, value] : object_.items())
            if (std::find(known_.begin(), known_.end(), key) == known_.end())
                fault(key.c_str(), "unknown key", fmt::format("known here: {}", fmt::join(known_, ", ")));
    }

 private:
    const json* find(const char* key, bool required) {
        if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
        const auto found = object_.find(key);
        if (found != object_.end() && !found->is_null()) return &*found;
        if (required) fault(key, "is missing", "");
        return nullptr;
    }
    /// A file that the configuration names, beside it.
    std::string file(const std::string& name) {
        if (const auto known = loaded_.files.find(name); known != loaded_.files.end()) return known->second;
        const auto read = read_file((std::filesystem::path(loaded_.config.file).parent_path() / name).string(), kLongestPrompt);
        if (!read) fault("file", "cannot be read: " + read.error().message, "its path is relative to the folder of this configuration");
        else if (valid_utf8(*read) != *read) fault("file", "is no text in UTF-8", "");
        else if (room_for(read->size())) return loaded_.files[name] = *read;
        return {};
    }
    bool room_for(std::size_t size) {
        for (const auto& [name, text] : loaded_.files) size += text.size();
        if (size > kLongestPrompts) fault("file", fmt::format("makes the prompt files longer than {} KiB together", kLongestPrompts / 1024), "");
        return size <= kLongestPrompts;
    }
    std::string path(const char* key) const { return path_.empty() ? key : path_ + "." + key; }

    LoadedConfig& loaded_;
    const json& object_;
    std::string path_;
    std::vector<std::string> known_;
};

void read_turn(Reader& turn, TurnSettings& out) {
    using std::chrono::milliseconds;
    turn.duration("end_of_turn", out.end_of_turn, milliseconds{100}, milliseconds{5000});
    using Endpointing = TurnSettings::Endpointing;
    using Preemptive = TurnSettings::Preemptive;
    turn.choice<Endpointing>("endpointing", out.endpointing,
                             {{"fixed", Endpointing::Fixed}, {"adaptive", Endpointing::Adaptive}});
    turn.duration("min_delay", out.min_delay, milliseconds{100}, milliseconds{5000});
    turn.duration("max_delay", out.max_delay, milliseconds{100}, milliseconds{10000});
    turn.check("min_delay", out.min_delay > out.max_delay ? "must not be more than turn.max_delay" : "");
    turn.names("text_rules", out.text_rules, text_rule_languages());
    turn.choice<Preemptive>("preemptive", out.preemptive,
                            {{"off", Preemptive::Off}, {"llm", Preemptive::Llm}, {"tts", Preemptive::Tts}});
    turn.provider("vad", out.vad);
    turn.duration("min_speech", out.min_speech, milliseconds{20}, milliseconds{1000});
    turn.flag("interruptions", out.interruptions);
    turn.duration("interrupt_after", out.interrupt_after, milliseconds{50}, milliseconds{5000});
    turn.number("interrupt_words", out.interrupt_words, 0, 20);
    turn.texts("backchannels", out.backchannels);
    turn.duration("false_interruption", out.false_interruption, milliseconds{200}, milliseconds{30000});
}

void read_front_end(Reader& top, FrontEndSettings& out) {
    top.flag("captions", out.captions);
    top.flag("transcript_packets", out.transcript_packets);
    top.flag("chat", out.chat);
    top.flag("rpc", out.rpc);
}

void read_dtmf(Reader& dtmf, DtmfSettings& out) {
    using std::chrono::milliseconds;
    dtmf.flag("enabled", out.enabled);
    dtmf.duration("timeout", out.timeout, milliseconds{200}, milliseconds{30000});
    dtmf.text("end_key", out.end_key);
    if (out.end_key.size() > 1 || kTelephoneKeys.find(out.end_key) == std::string_view::npos)
        dtmf.fault("end_key", fmt::format("must be one of {}, or empty", kTelephoneKeys), "# begins a comment: write it as \"#\"");
    dtmf.number("length", out.length, 0, 64);
    dtmf.text("tell", out.tell);
    if (out.tell.find("{keys}") == std::string::npos) dtmf.fault("tell", "must say where the keys stand, as {keys}", "");
}

void read_answer(Reader& answer, AnswerLimit& out) {
    answer.number("characters", out.characters, 0, 1'000'000);
    answer.duration("time", out.time, std::chrono::milliseconds{0}, std::chrono::hours{1});
    answer.text("words", out.words);
}

void read_limits(Reader& limits, Limits& out) {
    using std::chrono::milliseconds;
    using std::chrono::hours;
    limits.money("budget", out.budget);
    limits.text("budget_warning", out.budget_warning);
    limits.text("budget_goodbye", out.budget_goodbye);
    limits.duration("idle", out.idle, milliseconds{0}, hours{24});
    limits.text("idle_goodbye", out.idle_goodbye);
    limits.duration("max_duration", out.max_duration, milliseconds{1000}, hours{24});
    limits.text("duration_goodbye", out.duration_goodbye);
    limits.number("calls_per_user", out.calls_per_user, 0, 1000);
    limits.section("answer", [&](Reader& answer) { read_answer(answer, out.answer); });
}

// An own file of prices is told of with its own lines.
void read_price_file(LoadedConfig& loaded, const std::string& path) {
    const auto beside = std::filesystem::path(loaded.config.file).parent_path() / path;  // `path` itself when that is absolute
    const auto text = read_file(beside.string(), kMostConfigBytes);
    if (!text) return loaded.faults.push_back(loaded.fault_at("prices", text.error().message, ""));
    std::map<std::string, int> lines;
    const auto fault = [&](const std::string& key, std::string message, std::string hint) {
        const auto found = lines.find(key);
        loaded.faults.push_back({beside.string(), found == lines.end() ? 0 : found->second, key, std::move(message), std::move(hint)});
    };
    try {
        loaded.config.prices.read(to_json(YAML::Load(*text), "", lines), beside.filename().string(), fault);
    } catch (const ConfigFault& twice) {
        fault(twice.key, twice.message, twice.hint);
    } catch (const YAML::Exception& error) {
        loaded.faults.push_back({beside.string(), error.mark.is_null() ? 0 : error.mark.line + 1, "", "not readable as YAML: " + error.msg, ""});
    }
}

void read_prices(LoadedConfig& loaded, const json* value) {
    if (value == nullptr) return;
    if (value->is_string()) return read_price_file(loaded, value->get<std::string>());
    loaded.config.prices.read(*value, "the agent's file", [&](const std::string& key, std::string message, std::string hint) {
        loaded.faults.push_back(loaded.fault_at(key.empty() ? "prices" : "prices." + key, std::move(message), std::move(hint)));
    });
}

void read_backend(Reader& backend, BackendSettings& out) {
    using std::chrono::milliseconds;
    backend.text("url", out.url);
    backend.text("path", out.path);
    backend.text("key_env", out.key_env);
    backend.text("key_file", out.key_file);
    backend.duration("timeout", out.timeout, milliseconds{100}, milliseconds{30000});
}

/// `voices: {anna: {voice: slt}, ben: rms}`
void read_voices(Reader& from, std::map<std::string, json>& out) {
    from.each("voices", [&](const std::string& name, const json& value, const Reader::Tell& tell) {
        if (!is_plain_name(name)) tell("a voice's name must be printable text", "");
        if (value.is_object()) out[name] = value;
        else if (value.is_string() || value.is_number()) out[name] = {{"voice", bare_text(value)}};
        else tell("must be the name of a voice, or a mapping with what it changes in tts", "for example  anna: {voice: slt}");
    });
}

void read_language(Reader& from, LanguageSettings& out) {
    from.text("greeting", out.greeting);
    from.prompt("instructions", out.instructions);
    from.text("back_again", out.back_again);
    from.text("not_understood", out.not_understood);
    from.section("away", [&](Reader& away) {
        away.text("say", out.away_say);
        away.text("goodbye", out.away_goodbye);
    });
    from.section("limits", [&](Reader& limits) {
        limits.text("budget_warning", out.budget_warning);
        limits.text("budget_goodbye", out.budget_goodbye);
        limits.text("idle_goodbye", out.idle_goodbye);
        limits.text("duration_goodbye", out.duration_goodbye);
    });
    from.own_stage("stt", out.stt, "pocketsphinx");
    from.own_stage("llm", out.llm, "script");
    from.own_stage("tts", out.tts, "espeak-ng");
    read_voices(from, out.voices);
}

/// What differs from call to call: who may change what, and to what.
void read_per_call(LoadedConfig& loaded, Reader& top) {
    auto& config = loaded.config;
    top.choice<bool>("metadata", config.strict_metadata, {{"lenient", false}, {"strict", true}});
    top.texts("prompt_from", config.prompt_from);
    for (const auto& source : config.prompt_from)
        if (source != "metadata" && source != "backend") loaded.faults.push_back(loaded.fault_at("prompt_from", "knows metadata and backend", ""));
    top.section("backend", [&](Reader& backend) { read_backend(backend, config.backend); });
    top.each("variables", [&](const std::string& name, const json& value, const Reader::Tell& tell) {
        if (!is_variable_name(name)) tell("a variable's name has letters, digits and _ only", "");
        else if (is_built_in(name)) tell("is known already, and cannot be another", "");
        else if (value.is_structured()) tell("must be text: what is said when the dispatch has no value", "");
        else config.variables[name] = value.is_null() ? "" : bare_text(value);
    });
    top.text("language", config.language);
    if (!config.language.empty() && !is_language(config.language)) loaded.faults.push_back(loaded.fault_at("language", "is no language tag", "write it like de or pt-BR"));
    read_voices(top, config.voices);
    top.each("languages", [&](const std::string& tag, const json& value, const Reader::Tell& tell) {
        if (!is_language(tag)) return tell("is no language tag", "write it like de or pt-BR");
        if (!value.is_object()) return tell("must be a mapping of what this language changes", "for example  de: {greeting: Guten Tag., tts: {provider: espeak-ng, voice: de}}");
        Reader inner(loaded, value, "languages." + tag);
        auto& language = config.languages[to_lower_ascii(tag)];
        language.tag = tag;
        read_language(inner, language);
        inner.finish();
    });
}

/// Variables that nobody can ever give a value are a slip of the pen.
void check_templates(LoadedConfig& loaded, const json& document, const std::string& path) {
    static const std::set<std::string> texts{"greeting", "instructions", "back_again", "not_understood", "say", "goodbye",
                                             "budget_warning", "budget_goodbye", "idle_goodbye", "duration_goodbye"};
    const auto check = [&](const std::string& key, const std::string& text, const std::string& prompt_file = {}) {
        for (const auto& slot : slots_of(text)) {
            const auto where = prompt_file.empty() ? "" : fmt::format(" (line {} of {})", slot.line, prompt_file);
            if (slot.name.empty())
                loaded.faults.push_back(
                    loaded.fault_at(key, fmt::format("{} is no variable{}", terminal_safe(slot.written), where), "a variable is written like {{name}} or {{name|default}}"));
            else if (!slot.has_default && !is_built_in(slot.name) && !loaded.config.variables.contains(slot.name))
                loaded.faults.push_back(loaded.fault_at(key, fmt::format("unknown variable '{}'{}", slot.name, where),
                                                        fmt::format("one that dispatches set needs a default, {{{{{}|…}}}}, or a line under variables; built in are {}",
                                                                    slot.name, fmt::join(built_in_names(), ", "))));
        }
    };
    for (const auto& [name, value] : document.items()) {
        const auto key = path.empty() ? name : path + "." + name;
        if (texts.contains(name) && value.is_string()) check(key, value.get<std::string>());
        else if (name == "instructions" && value.is_object() && loaded.files.contains(bare_text(value.value("file", json()))))
            check(key + ".file", loaded.files.at(bare_text(value["file"])), bare_text(value["file"]));
        else if ((name == "away" || name == "limits" || name == "trouble") && value.is_object()) check_templates(loaded, value, key);
        else if (path.empty() && name == "languages" && value.is_object())
            for (const auto& [tag, language] : value.items())
                if (language.is_object()) check_templates(loaded, language, key + "." + tag);
    }
}

void read_all(LoadedConfig& loaded, const json& document) {
    using std::chrono::milliseconds;
    using std::chrono::hours;
    auto& config = loaded.config;
    Reader top(loaded, document, "");
    top.name("name", config.name);
    top.text("greeting", config.greeting);
    top.prompt("instructions", config.instructions);
    top.text("back_again", config.back_again);
    top.text("not_understood", config.not_understood);
    top.stage("stt", config.stt, "pocketsphinx");
    top.stage("llm", config.llm, "script");
    top.stage("tts", config.tts, "flite");
    config.tools = read_tools(top.raw("tools"), top.raw("mcp"), [&](const std::string& key, std::string message, std::string hint) {
        loaded.faults.push_back(loaded.fault_at(key, std::move(message), std::move(hint)));
    });
    top.section("failover", [&](Reader& failover) {
        failover.number("strikes", config.failover.strikes, 1, 100);
        failover.flag("recover", config.failover.recover);
    });
    top.section("trouble", [&](Reader& trouble) {
        trouble.text("say", config.trouble.say);
        trouble.text("goodbye", config.trouble.goodbye);
        trouble.provider("tts", config.trouble.tts);
    });
    top.section("away", [&](Reader& away) {
        away.duration("after", config.away.after, milliseconds{0}, hours{1});
        away.number("times", config.away.times, 0, 100);
        away.text("say", config.away.say);
        away.text("goodbye", config.away.goodbye);
    });
    top.section("filler", [&](Reader& filler) {
        filler.duration("after", config.filler.after, milliseconds{200}, milliseconds{30000});
        filler.texts("say", config.filler.say);
        filler.check("say", config.filler.say.empty() ? "must name what is said" : "");
    });
    top.section("turn", [&](Reader& turn) { read_turn(turn, config.turn); });
    read_front_end(top, config.front_end);
    top.section("dtmf", [&](Reader& dtmf) { read_dtmf(dtmf, config.dtmf); });
    top.number("max_calls", config.max_calls, 1, 100);
    top.number("processes", config.processes, 1, 64);
    top.number("recycle_after", config.recycle_after, 0, 1'000'000);
    top.share("load_threshold", config.load_threshold);
    top.text("store", config.store);
    top.duration("caller_timeout", config.caller_timeout, milliseconds{1000}, hours{1});
    top.duration("caller_return", config.caller_return, milliseconds{0}, hours{1});
    top.duration("max_duration", config.limits.max_duration, milliseconds{1000}, hours{24});  // where it stood before there were limits
    top.section("limits", [&](Reader& limits) {
        if (top.has("max_duration") && limits.has("max_duration")) limits.fault("max_duration", "stands at the top, too", "leave one of them out");
        read_limits(limits, config.limits);
    });
    top.section("history", [&](Reader& history) {
        history.number("messages", config.history.messages, 2, 10000);
        history.number("tokens", config.history.tokens, 0, 10'000'000);
    });
    read_prices(loaded, top.raw("prices"));
    top.text("report_dir", config.report_dir);
    top.duration("drain_timeout", config.drain_timeout, milliseconds{0}, hours{24});
    read_per_call(loaded, top);
    top.section("otlp", [&](Reader& otlp) {
        otlp.text("endpoint", config.otlp.endpoint);
        otlp.text("headers_env", config.otlp.headers_env);
        otlp.flag("speech", config.otlp.speech);
    });
    top.finish();
    check_templates(loaded, document, "");
}

}  // namespace

bool is_plain_name(const std::string& name) { return terminal_safe(name) == name && trim(name) == name; }

std::string ConfigFault::to_string() const {
    const auto where = line > 0 ? fmt::format("{}:{}", file, line) : file;
    return key.empty() ? fmt::format("{}: {}", where, message) : fmt::format("{}: {}: {}", where, key, message);
}

ConfigFault LoadedConfig::fault_at(const std::string& key, std::string message, std::string hint) const {
    // The nearest enclosing key that stands in the file.
    auto nearest = key;
    while (!nearest.empty() && !lines.contains(nearest)) {
        const auto cut = nearest.find_last_of(".[");
        nearest = cut == std::string::npos ? "" : nearest.substr(0, cut);
    }
    const auto found = lines.find(nearest);
    const int line = nearest.empty() || found == lines.end() ? 0 : found->second;
    return {config.file, line, key, std::move(message), std::move(hint)};
}

LoadedConfig parse_config(const std::string& yaml, const std::string& file, std::map<std::string, std::string> files) {
    LoadedConfig loaded;
    loaded.files = std::move(files);
    loaded.config.file = file;
    loaded.text = yaml;
    try {
        const auto second = second_document(yaml);
        const auto document = second ? YAML::Node() : YAML::Load(yaml);
        if (!document.IsMap()) {
            loaded.faults.push_back({file, second.value_or(0), "", "must be one YAML mapping with the keys name, stt, llm and tts", "see examples/receptionist.yaml"});
            return loaded;
        }
        read_all(loaded, to_json(document, "", loaded.lines));
    } catch (ConfigFault& fault) {
        fault.file = file;
        loaded.faults.push_back(std::move(fault));
    } catch (const YAML::Exception& error) {
        loaded.faults.push_back({file, error.mark.is_null() ? 0 : error.mark.line + 1, "", "not readable as YAML: " + error.msg, ""});
    }
    return loaded;
}

Result<LoadedConfig> load_config(const std::string& path) {
    VC_TRY_ASSIGN(const auto text, read_file(path, kMostConfigBytes));
    return parse_config(text, path);
}

Error to_error(const ConfigFaults& faults) {
    std::string message;
    for (const auto& fault : faults) message += (message.empty() ? "" : "\n       ") + fault.to_string();
    return {Errc::Config, message, faults.empty() ? "" : faults.front().hint};
}

}  // namespace voicectl::agent
