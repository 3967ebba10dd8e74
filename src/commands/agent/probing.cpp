#include "commands/agent/probing.h"

#include <algorithm>
#include <csignal>

#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/signals.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using namespace std::chrono_literals;
using agent::ProbeReport;
using State = ProbeReport::State;

/// On its thread, which runs the loop.
class ProbeRun {
 public:
    ProbeRun(const agent::AgentConfig& config, const agent::Stages& stages, const speech::ProviderContext& context, Env& env)
        : config_(config), stages_(stages), context_(context), env_(env) {}

    Result<std::vector<ProbeReport>> run(std::chrono::milliseconds timeout) {
        const Signals signals(loop_, [this](int number, int) {
            result_ = fail(number == SIGTERM ? Errc::Terminated : Errc::Cancelled, "ended by a signal");
            loop_.stop();
        });
        Timer ticks(loop_);
        loop_.post([&] {
            ticks.every(500ms, [this] { show_progress(); });
            prober_ = agent::Prober::start(loop_, config_, stages_, context_, {.timeout = timeout}, handlers());
        });
        loop_.run();
        prober_.reset();
        env_.out.progress("");
        return std::move(result_);
    }

 private:
    agent::ProbeHandlers handlers() {
        return {.on_change =
                    [this](const std::vector<std::string>& asked) {
                        asked_ = asked;
                        show_progress();
                    },
                .on_done =
                    [this](std::vector<ProbeReport> reports) {
                        result_ = std::move(reports);
                        loop_.stop();
                    }};
    }
    void show_progress() const {
        if (asked_.empty()) return;
        const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun_);
        env_.out.progress(fmt::format("… asking {} ({})", fmt::join(asked_, ", "), format_duration(passed)));
    }

    const agent::AgentConfig& config_;
    const agent::Stages& stages_;
    const speech::ProviderContext& context_;
    Env& env_;
    AsioLoop loop_;
    TimePoint begun_ = Clock::now();
    std::vector<std::string> asked_;
    Result<std::vector<ProbeReport>> result_;
    std::unique_ptr<agent::Prober> prober_;
};

Json milliseconds_json(const std::optional<std::chrono::milliseconds>& time) { return time ? Json(time->count()) : Json(); }

Json probe_error(const std::optional<Error>& error) {
    if (!error) return {};
    return {{"code", voicectl::to_string(error->code)}, {"message", redact(error->message)}, {"hint", redact(error->hint)}};
}

Json probe_json(const ProbeReport& one) {
    return {{"stage", one.stage},
            {"places", one.places},
            {"provider", one.provider},
            {"model", one.model},
            {"state", agent::to_text(one.state)},
            {"note", redact(one.note)},
            {"error", probe_error(one.error)},
            {"firstMs", milliseconds_json(one.first)},
            {"totalMs", milliseconds_json(one.total)},
            {"afterSpeechMs", milliseconds_json(one.after_speech)},
            {"said", one.said},
            {"by", one.by},
            {"answer", redact(one.answer)},
            {"wordErrorRate", one.word_error ? Json(*one.word_error) : Json()},
            {"soundMs", one.sound.count()},
            {"tools", one.tools},
            {"usage", Json::parse(json_text(one.usage))},
            {"costUsd", one.cost ? Json(to_text(*one.cost)) : Json()}};
}

std::string payee_text(const ProbeReport& one) { return one.model.empty() ? one.provider : one.provider + "/" + one.model; }

std::string quoted_words(const std::string& text) {
    constexpr std::size_t kShown = 60;
    const auto safe = redact(text);
    return fmt::format("\"{}{}\"", plain_text(safe, kShown), utf8_length(safe) > kShown ? "…" : "");
}

/// What came back.
std::string came_back(const ProbeReport& one) {
    if (one.error) return redact(one.error->message);
    if (one.state == State::Skipped) return "skipped: " + redact(one.note);
    if (one.stage == "llm") return "answered " + quoted_words(one.answer);
    if (one.stage == "tts") return fmt::format("{} of sound", format_duration(one.sound));
    if (one.stage == "tools") return one.tools.empty() ? std::string("has no tools that may be used") : fmt::format("has {}", fmt::join(one.tools, ", "));
    const auto percent = static_cast<int>(one.word_error.value_or(0) * 100 + 0.5);
    const auto after = one.after_speech ? fmt::format(" {} after it was said", format_duration(*one.after_speech)) : std::string();
    const auto measure = one.note.empty() ? fmt::format("{} % of the words wrong", percent) : one.note;
    return fmt::format("understood {}{}; {} said {}: {}", quoted_words(one.answer), after, one.by, quoted_words(one.said), measure);
}

/// "40 characters"
std::string amounts_text(const nlohmann::json& line) {
    std::vector<std::string> out;
    if (const auto heard = line.find("audioMs"); heard != line.end()) out.push_back(format_duration(std::chrono::milliseconds(heard->get<std::int64_t>())) + " of audio");
    for (const auto& [key, unit] : {std::pair{"inputTokens", "tokens read"}, {"cachedTokens", "of them cached"}, {"storedTokens", "of them stored"}, {"outputTokens", "tokens written"}, {"characters", "characters"}})
        if (const auto found = line.find(key); found != line.end()) out.push_back(fmt::format("{} {}", found->get<std::int64_t>(), unit));
    return fmt::format("{}{}", fmt::join(out, ", "), line.value("estimated", false) ? " (our guess)" : "");
}

std::string price_text(const nlohmann::json& line) {
    if (line["costUsd"].is_null()) return "price unknown";
    const auto date = text_at(line, "priceDate");
    if (date.empty()) return "free, on this machine";
    return fmt::format("{} USD (price of {})", text_at(line, "costUsd"), date);
}

std::string cost_text(const ProbeReport& one) {
    std::vector<std::string> out;
    for (const auto& line : one.usage)
        if (const auto used = amounts_text(line); !used.empty()) out.push_back(fmt::format("{}: {}", used, price_text(line)));
    return fmt::format("{}", fmt::join(out, "; "));
}

std::string probe_mark(State state, const Output& out) {
    if (state == State::Ok) return out.green("✓", Stream::Results);
    return state == State::Failed ? out.red("✗", Stream::Results) : out.dim("–", Stream::Results);
}

std::string probe_time(const std::optional<std::chrono::milliseconds>& time) { return time ? format_duration(*time) : std::string(); }

std::string probe_line(const ProbeReport& one, const Output& out) {
    const auto also = one.places.size() < 2 ? std::string() : fmt::format(" (also {})", fmt::join(one.places.begin() + 1, one.places.end(), ", "));
    auto text = fmt::format("{} {:<10} {:<28} {:>8} {:>8}  {}\n", probe_mark(one.state, out), terminal_safe(one.places.front()), terminal_safe(payee_text(one)), probe_time(one.first),
                            probe_time(one.total), terminal_safe(came_back(one) + also));
    if (const auto used = cost_text(one); !used.empty()) text += "  " + out.dim(terminal_safe(used), Stream::Results) + "\n";
    if (one.error && !one.error->hint.empty()) text += "  " + out.dim(terminal_safe("hint: " + redact(one.error->hint)), Stream::Results) + "\n";
    return text;
}

std::string probe_summary(const std::vector<ProbeReport>& reports) {
    agent::Money total;
    int good = 0, asked = 0, unknown = 0;
    for (const auto& one : reports) {
        good += one.state == State::Ok ? 1 : 0;
        asked += one.state != State::Skipped ? 1 : 0;
        unknown += one.cost ? 0 : 1;
        if (one.cost) total += *one.cost;
    }
    const auto blind = unknown == 0 ? std::string() : fmt::format(", and {} of unknown price", unknown);
    return fmt::format("{} of {} are good; this cost {} USD{}", good, asked, to_text(total), blind);
}

}  // namespace

Result<std::vector<ProbeReport>> probe_providers(const agent::AgentConfig& config, const agent::Stages& stages, const speech::ProviderContext& context, Env& env) {
    VC_TRY_ASSIGN(const auto timeout, env.timeout());
    // What goes wrong is in the result.
    log::configure(env.global.verbose >= 2 ? log::Level::Debug : log::Level::Error, log::Format::Pretty);
    return ProbeRun(config, stages, context, env).run(timeout);
}

Json to_json(const std::vector<ProbeReport>& reports) {
    Json out = Json::array();
    for (const auto& one : reports) out.push_back(probe_json(one));
    return out;
}

std::string probe_lines(const std::vector<ProbeReport>& reports, const Output& out) {
    std::string text;
    for (const auto& one : reports) text += probe_line(one, out);
    return text + probe_summary(reports);
}

std::vector<Column> probe_columns() {
    const Column code{"ERROR", [](const Json& one) { return one["error"].is_null() ? std::string() : scalar_text(one["error"]["message"]); }};
    const Column place{"PLACE", [](const Json& one) { return scalar_text(one["places"][0]); }};
    return {place, column("STATE", "state"), column("PROVIDER", "provider"), column("MODEL", "model"), column("FIRST_MS", "firstMs"), column("TOTAL_MS", "totalMs"),
            column("COST_USD", "costUsd"), column("ANSWER", "answer"), code};
}

}  // namespace voicectl::commands
