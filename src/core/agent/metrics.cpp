#include "voicectl/agent/metrics.h"

#include <array>
#include <utility>

namespace voicectl::agent {
namespace {

/// The stages of an answer as CallSession times them, and as they are labelled.
constexpr std::array kStages{std::pair{"endOfTurnMs", "end_of_turn"}, std::pair{"sttMs", "stt"},       std::pair{"llmMs", "llm"},
                             std::pair{"ttsMs", "tts"},               std::pair{"outputMs", "output"}, std::pair{"answerLatencyMs", "answer"}};

}  // namespace

const std::vector<Metrics::Definition>& AgentMetrics::definitions() {
    static const std::vector<Definition> all{
        {Kind::Counter, "voicectl_jobs_total", "Jobs by what became of them: accepted, refused, completed, failed"},
        {Kind::Counter, "voicectl_jobs_refused_total", "Refused jobs by reason: full, overloaded, draining, user limit, bad metadata"},
        {Kind::Gauge, "voicectl_calls", "Calls at this moment"},
        {Kind::Gauge, "voicectl_calls_capacity", "Calls that are taken at most"},
        {Kind::Gauge, "voicectl_registered", "1 while registered with the server"},
        {Kind::Gauge, "voicectl_draining", "1 while no new calls are taken and running ones finish"},
        {Kind::Gauge, "voicectl_load", "Load as told to the server, by what: cpu, memory"},
        {Kind::Gauge, "voicectl_processes", "Call processes"},
        {Kind::Gauge, "voicectl_store_spooled_bytes", "Writes in files because the database is away (waiting) or has refused them (rejected)"},
        {Kind::Counter, "voicectl_process_deaths_total", "Call processes that died"},
        {Kind::Counter, "voicectl_calls_taken_up_total", "Calls that went on in another process"},
        {Kind::Counter, "voicectl_turns_total", "Turns by who spoke: user, agent"},
        {Kind::Counter, "voicectl_interruptions_total", "Answers that the caller cut short"},
        {Kind::Counter, "voicectl_false_interruptions_total", "Answers that went on after noise or agreement"},
        {Kind::Counter, "voicectl_stt_seconds_total", "Audio given to recognisers, by provider"},
        {Kind::Counter, "voicectl_llm_tokens_total", "Tokens of models by provider and kind: input, of it cached and stored (put into a cache), output"},
        {Kind::Counter, "voicectl_tts_characters_total", "Characters given to voices, by provider"},
        {Kind::Counter, "voicectl_cost_usd_total", "Cost by stage and provider, as far as prices are known"},
        {Kind::Gauge, "voicectl_calls_cost_usd", "Cost so far of the calls at this moment"},
        {Kind::Counter, "voicectl_budget_warnings_total", "Calls that cost 80 % of their budget"},
        {Kind::Counter, "voicectl_limit_ends_total", "Calls that a limit has ended: budget, idle, duration"},
        {Kind::Counter, "voicectl_answers_cut_total", "Answers that were too long"},
        {Kind::Counter, "voicectl_early_answers_total", "Answers begun before the caller's turn was over, by result: used, discarded"},
        {Kind::Counter, "voicectl_fillers_total", "Fillers said because the model was slow to begin"},
        {Kind::Counter, "voicectl_tool_calls_total", "Calls of tools by tool and outcome: ok, failed, timeout, invalid, unknown, cancelled"},
        {Kind::Counter, "voicectl_provider_requests_total", "Requests to providers by stage and outcome: ok, failed, abandoned; of recognisers utterances"},
        {Kind::Counter, "voicectl_provider_errors_total", "Failures by stage (stt, llm, tts, output) and provider"},
        {Kind::Counter, "voicectl_provider_failovers_total", "Requests that another provider of the stage took over, by stage, from whom and to whom"},
        {Kind::Gauge, "voicectl_provider_breakers", "Call processes by stage, provider and state of its circuit breaker there: closed, half_open, open"},
        {Kind::Counter, "voicectl_provider_probes_total", "Tries whether a provider is well again, by stage, provider and outcome: ok, failed"},
        {Kind::Counter, "voicectl_spans_dropped_total", "Spans of traces that never arrived at the collector"},
        {Kind::Histogram, "voicectl_audio_gap_seconds", "Silences of 60 ms and more in the middle of an answer, by who was waited for: llm, tts, machine (made, and sent too late)"},
        {Kind::Histogram, "voicectl_answer_seconds", "Where the time of an answer goes, by stage; stage answer is the whole, from the caller's last sound to our first"},
    };
    return all;
}

namespace {

void take_usage(Metrics& metrics, const nlohmann::json& line) {
    const auto provider = line.value("provider", std::string());
    const auto add = [&](const char* name, const char* part, Metrics::Labels labels, double unit) {
        if (const auto found = line.find(part); found != line.end() && found->is_number()) metrics.add(name, labels, found->get<double>() / unit);
    };
    add("voicectl_stt_seconds_total", "audioMs", {{"provider", provider}}, 1e3);
    add("voicectl_llm_tokens_total", "inputTokens", {{"provider", provider}, {"kind", "input"}}, 1);
    add("voicectl_llm_tokens_total", "cachedTokens", {{"provider", provider}, {"kind", "cached"}}, 1);
    add("voicectl_llm_tokens_total", "storedTokens", {{"provider", provider}, {"kind", "stored"}}, 1);
    add("voicectl_llm_tokens_total", "outputTokens", {{"provider", provider}, {"kind", "output"}}, 1);
    add("voicectl_tts_characters_total", "characters", {{"provider", provider}}, 1);
    add("voicectl_cost_usd_total", "costNanos", {{"provider", provider}, {"stage", line.value("stage", std::string())}}, 1e9);
}

void take_provider(Metrics& metrics, const std::string& kind, const nlohmann::json& report) {
    const auto label = [&](const char* name) { return std::pair<const std::string, std::string>{name, report.value(name, std::string())}; };
    if (kind == "provider_request") metrics.add("voicectl_provider_requests_total", {label("stage"), label("provider"), label("outcome")});
    if (kind == "provider_probe") metrics.add("voicectl_provider_probes_total", {label("stage"), label("provider"), label("outcome")});
    if (kind != "provider_error") return;
    metrics.add("voicectl_provider_errors_total", {label("stage"), label("provider")});
    if (const auto next = report.value("next", std::string()); !next.empty())
        metrics.add("voicectl_provider_failovers_total", {label("stage"), {"from", label("provider").second}, {"to", next}});
}

}  // namespace

void AgentMetrics::take(const nlohmann::json& report) {
    const auto kind = report.value("kind", std::string());
    if (kind == "turn") {
        add("voicectl_turns_total", {{"speaker", report.value("speaker", std::string())}});
        const auto times = report.value("times", nlohmann::json::object());
        for (const auto& [key, stage] : kStages)
            if (const auto found = times.find(key); found != times.end() && found->is_number())
                observe("voicectl_answer_seconds", found->get<double>() / 1000, {{"stage", stage}});
    }
    if (kind == "usage")
        for (const auto& line : report.value("lines", nlohmann::json::array())) take_usage(*this, line);
    if (kind == "budget_warning") add("voicectl_budget_warnings_total");
    if (kind == "limit") add("voicectl_limit_ends_total", {{"limit", report.value("limit", std::string())}});
    if (kind == "answer_cut") add("voicectl_answers_cut_total");
    if (kind == "interrupted") add("voicectl_interruptions_total");
    if (kind == "resumed_speaking") add("voicectl_false_interruptions_total");
    if (kind == "early_answer") add("voicectl_early_answers_total", {{"result", report.value("used", false) ? "used" : "discarded"}});
    if (kind == "audio_gap") observe("voicectl_audio_gap_seconds", report.value("ms", 0.0) / 1000, {{"waited_for", report.value("waitedFor", std::string())}});
    if (kind == "filler") add("voicectl_fillers_total");
    if (kind == "tool_call")
        add("voicectl_tool_calls_total", {{"tool", report.value("tool", std::string())}, {"outcome", report.value("outcome", std::string())}});
    if (kind == "spans_dropped") add("voicectl_spans_dropped_total", {}, report.value("count", 0.0));
    if (kind == "taken_up") add("voicectl_calls_taken_up_total");
    if (kind.starts_with("provider_")) take_provider(*this, kind, report);
}

}  // namespace voicectl::agent
