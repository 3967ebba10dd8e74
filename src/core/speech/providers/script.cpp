// A language model for tests, demos and simple lines: rules from the configuration, pattern -> answer. The
// first rule that fits the caller's last words answers; the words come one by one, as from a real model.
#include <re2/re2.h>

#include <array>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/speech/options.h"
#include "core/speech/providers/all.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

// RE2 takes time in proportion to the text and no stack; the cap keeps even that small.
constexpr std::size_t kMaxInput = 1000;
constexpr auto kNoRuleFits = "Sorry, I did not understand that.";

struct Rule {
    std::unique_ptr<RE2> match;
    std::string answer;  // said before the call, when there is one
    bool end_call = false;
    std::string call;          // name of a tool; empty: none is called
    nlohmann::json arguments = {};
    std::string then;          // said once the tool has given {result}
};

struct Script {
    std::vector<Rule> rules;
    std::string fallback;
    std::chrono::milliseconds delay{0};
};

struct Answer {
    std::string text;
    LlmEnd end = {};
};

/// `on_group(n)` for every {n}; other braces are text. Returns the answer with what on_group gave.
template<class OnGroup>
std::string fill(const std::string& answer, OnGroup on_group) {
    std::string out;
    for (std::size_t i = 0; i < answer.size(); ++i) {
        const bool group = answer[i] == '{' && i + 2 < answer.size() && answer[i + 1] >= '0' && answer[i + 1] <= '9' &&
                           answer[i + 2] == '}';
        if (!group) {
            out += answer[i];
            continue;
        }
        out += on_group(answer[i + 1] - '0');
        i += 2;
    }
    return out;
}

using Groups = std::array<re2::StringPiece, 10>;

/// Null: no rule fits. `text` outlives the groups.
const Rule* rule_for(const Script& script, const std::string& text, Groups& groups) {
    for (const auto& rule : script.rules) {
        const int count = std::min(10, rule.match->NumberOfCapturingGroups() + 1);
        if (rule.match->Match(text, 0, text.size(), RE2::UNANCHORED, groups.data(), count)) return &rule;
    }
    return nullptr;
}

/// Its texts with their groups filled in.
nlohmann::json filled_in(nlohmann::json value, const std::function<std::string(int)>& on_group) {
    if (value.is_string()) return fill(value.get<std::string>(), on_group);
    if (value.is_structured())
        for (auto& part : value) part = filled_in(part, on_group);
    return value;
}

std::string with_result(std::string text, const std::string& result) {
    constexpr std::string_view kPlace = "{result}";
    if (const auto at = text.find(kPlace); at != std::string::npos) text.replace(at, kPlace.size(), result);
    return text;
}

/// `chat`: what was said last decides, and whether a tool has answered since.
Answer answer_to(const Script& script, const Chat& chat) {
    std::string said, result;
    bool told = false;
    for (const auto& message : chat.messages) {
        if (message.role == ChatMessage::Role::User) said = message.text, told = false;
        if (message.role == ChatMessage::Role::Tool) result = message.text, told = true;
    }
    const auto text = valid_utf8(std::string_view(said).substr(0, kMaxInput));
    Groups groups;
    const auto* rule = rule_for(script, text, groups);
    if (rule == nullptr) return {script.fallback};
    const auto group = [&](int n) { return std::string(groups[static_cast<std::size_t>(n)]); };
    if (!rule->call.empty() && told) return {with_result(fill(rule->then, group), result), {.end_call = rule->end_call}};
    Answer out{fill(rule->answer, group), {.end_call = rule->end_call}};
    if (rule->call.empty() || !chat.may_call) return out;
    out.end = {.calls = {{"call_" + random_id(12), rule->call, json_text(filled_in(rule->arguments, group))}}};
    return out;
}

/// Each word with the space before it, so that the pieces join to the answer as it was written.
std::vector<std::string> pieces_of(const std::string& answer) {
    std::vector<std::string> pieces;
    for (std::size_t begin = 0; begin < answer.size();) {
        const auto word = answer.find_first_not_of(" \n\t", begin);
        const auto end = word == std::string::npos ? answer.size() : std::min(answer.find_first_of(" \n\t", word), answer.size());
        pieces.push_back(answer.substr(begin, end - begin));
        begin = end;
    }
    return pieces;
}

std::int64_t count_words(const std::string& text) { return static_cast<std::int64_t>(pieces_of(text).size()); }

/// Lives on its loop; one piece per turn of it.
class ScriptStream final : public LlmStream {
 public:
    ScriptStream(Loop& loop, const Answer& answer, Usage usage, std::chrono::milliseconds delay, LlmSink sink)
        : loop_(loop), pieces_(pieces_of(answer.text)), usage_(std::move(usage)), end_(answer.end), sink_(std::make_shared<LlmSink>(std::move(sink))), timer_(loop) {
        if (delay.count() > 0) timer_.after(delay, [this] { next(); });
        else schedule();
    }

 private:
    void schedule() {
        loop_.post(lifeline_.guard([this] { next(); }));
    }
    void next() {
        const auto sink = sink_;  // the call may drop us
        if (at_ == pieces_.size()) {
            if (sink->on_usage) sink->on_usage(usage_);
            return sink->on_done(end_);
        }
        auto piece = std::move(pieces_[at_++]);
        schedule();
        sink->on_text(piece);
    }

    Loop& loop_;
    std::vector<std::string> pieces_;
    std::size_t at_ = 0;
    Usage usage_;
    LlmEnd end_;
    std::shared_ptr<LlmSink> sink_;
    Timer timer_;
    Lifeline lifeline_;  // last: dies first
};

class ScriptModel final : public LanguageModel {
 public:
    explicit ScriptModel(Script script) : script_(std::move(script)) {}

    std::unique_ptr<LlmStream> generate(Loop& loop, const Chat& chat, LlmSink sink) override {
        Usage usage;  // its tokens are words
        for (const auto& message : chat.messages) usage.input_tokens += count_words(message.text);
        const auto answer = answer_to(script_, chat);
        usage.output_tokens = count_words(answer.text);
        return std::make_unique<ScriptStream>(loop, answer, std::move(usage), script_.delay, std::move(sink));
    }

 private:
    const Script script_;
};

/// `call: {name, arguments}`
void read_call(OptionReader& reader, const std::string& prefix, Rule& rule) {
    const auto* call = reader.raw("call");
    rule.then = reader.text("then", "{result}");
    if (call == nullptr) return;
    OptionReader inner(*call, prefix + "call.");
    rule.call = inner.text("name", "");
    if (rule.call.empty()) inner.fault("name", "missing", "the name of a tool");
    const auto* arguments = inner.raw("arguments");
    rule.arguments = arguments != nullptr ? *arguments : nlohmann::json::object();
    if (!rule.arguments.is_object()) inner.fault("arguments", "expected a mapping");
    if (auto fault = inner.finish()) reader.fault(fault->key.substr(prefix.size()), std::move(fault->message), std::move(fault->hint));
}

std::expected<Rule, OptionFault> read_rule(const nlohmann::json& value, const std::string& prefix) {
    OptionReader reader(value, prefix);
    const auto match = reader.text("match");
    const auto answer = reader.text("answer");
    Rule rule;
    rule.end_call = reader.flag("end_call", false);
    if (!match) reader.fault("match", "missing");
    read_call(reader, prefix, rule);
    if (!answer && rule.call.empty()) reader.fault("answer", "missing");
    rule.answer = answer.value_or("");
    RE2::Options options;
    options.set_case_sensitive(false);
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    rule.match = std::make_unique<RE2>(match.value_or(""), options);
    if (!rule.match->ok())
        reader.fault("match", fmt::format("not a regular expression: {}", rule.match->error()), "syntax: RE2");
    const int groups = rule.match->ok() ? rule.match->NumberOfCapturingGroups() : 9;
    const auto check = [&](const char* key) {
        return [&reader, key, groups](int n) {
            if (n > groups) reader.fault(key, fmt::format("{{{}}} is used, but the pattern has {} groups", n, groups));
            return std::string();
        };
    };
    fill(rule.answer, check("answer"));
    fill(rule.then, check("then"));
    filled_in(rule.arguments, check("call"));
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    return rule;
}

Built<LanguageModel> build_script(const nlohmann::json& options, const ProviderContext&) {
    OptionReader reader(options);
    Script script;
    const auto* rules = reader.raw("rules");
    script.fallback = reader.text("default", kNoRuleFits);
    script.delay = std::chrono::milliseconds(reader.integer("delay_ms", 0, 0, 60'000));
    if (rules && !rules->is_array()) reader.fault("rules", "expected a list");
    if (rules && rules->is_array() && rules->empty() && !reader.raw("default")) reader.fault("rules", "no rules, and no default", "add a rule, or say what it always answers with `default`");
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    for (std::size_t i = 0; rules && i < rules->size(); ++i) {
        auto rule = read_rule((*rules)[i], fmt::format("rules[{}].", i));
        if (!rule) return std::unexpected(std::move(rule).error());
        script.rules.push_back(std::move(*rule));
    }
    return std::make_unique<ScriptModel>(std::move(script));
}

}  // namespace

const Provider<LanguageModel> kScript{"script", "answers by rules from the configuration, offline", &build_script};

}  // namespace voicectl::speech
