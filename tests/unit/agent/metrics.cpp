#include "voicectl/agent/metrics.h"

#include <doctest/doctest.h>

namespace voicectl::agent {

TEST_CASE("counters, gauges and histograms in Prometheus' text format") {
    AgentMetrics metrics;
    metrics.add("voicectl_jobs_total", {{"result", "accepted"}});
    metrics.add("voicectl_jobs_total", {{"result", "accepted"}});
    metrics.add("voicectl_jobs_total", {{"result", "a \"b\"\\\n"}});
    metrics.set("voicectl_calls", 3);
    metrics.set("voicectl_calls", 2);
    metrics.observe("voicectl_answer_seconds", 0.02, {{"stage", "llm"}});
    metrics.observe("voicectl_answer_seconds", 0.021, {{"stage", "llm"}});
    metrics.observe("voicectl_answer_seconds", 60, {{"stage", "llm"}});
    const auto text = metrics.text();
    CAPTURE(text);
    CHECK(text.find("# TYPE voicectl_jobs_total counter\nvoicectl_jobs_total{result=\"a \\\"b\\\"\\\\\\n\"} 1\nvoicectl_jobs_total{result=\"accepted\"} 2\n") != std::string::npos);
    CHECK(text.find("# TYPE voicectl_calls gauge\nvoicectl_calls 2\n") != std::string::npos);
    CHECK(text.find("voicectl_answer_seconds_bucket{stage=\"llm\",le=\"0.01\"} 0\n") != std::string::npos);
    CHECK(text.find("voicectl_answer_seconds_bucket{stage=\"llm\",le=\"0.02\"} 1\n") != std::string::npos);
    CHECK(text.find("voicectl_answer_seconds_bucket{stage=\"llm\",le=\"0.05\"} 2\n") != std::string::npos);
    CHECK(text.find("voicectl_answer_seconds_bucket{stage=\"llm\",le=\"+Inf\"} 3\n") != std::string::npos);
    CHECK(text.find("voicectl_answer_seconds_sum{stage=\"llm\"} 60.041\nvoicectl_answer_seconds_count{stage=\"llm\"} 3\n") != std::string::npos);
}

TEST_CASE("what a session reports is counted") {
    AgentMetrics metrics;
    metrics.take({{"type", "report"}, {"kind", "turn"}, {"speaker", "agent"}, {"times", {{"llmMs", 120}, {"answerLatencyMs", 640}, {"other", "x"}}}});
    metrics.take({{"type", "report"}, {"kind", "interrupted"}});
    metrics.take({{"kind", "audio_gap"}, {"waitedFor", "tts"}, {"ms", 150}});
    metrics.take({{"kind", "nobody knows this"}});
    const auto text = metrics.text();
    CAPTURE(text);
    CHECK(text.find("voicectl_turns_total{speaker=\"agent\"} 1\n") != std::string::npos);
    CHECK(text.find("voicectl_answer_seconds_sum{stage=\"answer\"} 0.64\n") != std::string::npos);
    CHECK(text.find("voicectl_interruptions_total 1\n") != std::string::npos);
    CHECK(text.find("voicectl_audio_gap_seconds_bucket{waited_for=\"tts\",le=\"0.2\"} 1\n") != std::string::npos);
}

TEST_CASE("what becomes of requests to providers is counted") {
    AgentMetrics metrics;
    metrics.take({{"kind", "provider_request"}, {"stage", "llm"}, {"provider", "one"}, {"outcome", "failed"}});
    metrics.take({{"kind", "provider_error"}, {"stage", "llm"}, {"provider", "one"}, {"next", "two"}});
    metrics.take({{"kind", "provider_error"}, {"stage", "llm"}, {"provider", "two"}, {"next", ""}});
    metrics.take({{"kind", "provider_probe"}, {"stage", "llm"}, {"provider", "one"}, {"outcome", "ok"}, {"pid", 1}});
    metrics.take({{"kind", "tool_call"}, {"tool", "look_up"}, {"outcome", "timeout"}});
    const auto text = metrics.text();
    for (const char* line : {"voicectl_provider_requests_total{outcome=\"failed\",provider=\"one\",stage=\"llm\"} 1\n", "voicectl_provider_errors_total{provider=\"one\",stage=\"llm\"} 1\n",
                             "voicectl_provider_errors_total{provider=\"two\",stage=\"llm\"} 1\n", "voicectl_provider_failovers_total{from=\"one\",stage=\"llm\",to=\"two\"} 1\n",
                             "voicectl_provider_probes_total{outcome=\"ok\",provider=\"one\",stage=\"llm\"} 1\n", "voicectl_tool_calls_total{outcome=\"timeout\",tool=\"look_up\"} 1\n"}) {
        CAPTURE(line);
        CHECK(text.find(line) != std::string::npos);
    }
    CHECK(text.find("to=\"\"") == std::string::npos);
}

TEST_CASE("usage, costs and the ends that limits make are counted") {
    AgentMetrics metrics;
    for (int i = 0; i < 2; ++i)
        metrics.take({{"kind", "usage"},
                      {"lines", nlohmann::json::array({{{"stage", "stt"}, {"provider", "ear"}, {"audioMs", 1500}},
                                                       {{"stage", "llm"}, {"provider", "mind"}, {"inputTokens", 10}, {"cachedTokens", 4}, {"outputTokens", 2}, {"costNanos", 250'000'000}},
                                                       {{"stage", "tts"}, {"provider", "voice"}, {"characters", 30}}})}});
    metrics.take({{"kind", "usage"}, {"lines", nlohmann::json::array()}});
    metrics.take({{"kind", "budget_warning"}});
    metrics.take({{"kind", "limit"}, {"limit", "budget"}});
    metrics.take({{"kind", "answer_cut"}});
    const auto text = metrics.text();
    for (const char* line : {"voicectl_stt_seconds_total{provider=\"ear\"} 3\n", "voicectl_llm_tokens_total{kind=\"cached\",provider=\"mind\"} 8\n",
                             "voicectl_tts_characters_total{provider=\"voice\"} 60\n", "voicectl_cost_usd_total{provider=\"mind\",stage=\"llm\"} 0.5\n",
                             "voicectl_budget_warnings_total 1\n", "voicectl_limit_ends_total{limit=\"budget\"} 1\n", "voicectl_answers_cut_total 1\n"}) {
        CAPTURE(line);
        CHECK(text.find(line) != std::string::npos);
    }
}

}  // namespace voicectl::agent
