#include "core/agent/call_trace.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

class Kept final : public SpanExporter {
 public:
    explicit Kept(bool speech = false) : speech_(speech) {}
    void add(Span span) override { spans.push_back(std::move(span)); }
    void flush() override { ++flushed; }
    bool speech() const override { return speech_; }
    const Span& named(const std::string& name) const {
        const auto found = std::find_if(spans.begin(), spans.end(), [&](const Span& span) { return span.name == name; });
        REQUIRE_MESSAGE(found != spans.end(), name);
        return *found;
    }
    bool has(const std::string& name) const {
        return std::any_of(spans.begin(), spans.end(), [&](const Span& span) { return span.name == name; });
    }
    std::vector<Span> spans;
    int flushed = 0;

 private:
    bool speech_;
};

const TimePoint kBegin{1h};

/// Steady time as if it had begun in 1970.
std::chrono::system_clock::time_point wall(TimePoint at) { return std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(at - kBegin)); }

CallTrace trace_of(SpanExporter* exporter, TraceIds ids = trace_ids("AJ_1", "")) {
    return {exporter, {.job_id = "AJ_1", .room = "room", .agent = "desk", .stt = "ear", .llm = "mind", .model = "m-1", .tts = "mouth", .ids = std::move(ids)}, wall, kBegin};
}

std::string text(const Span& span, const std::string& key) {
    for (const auto& [name, value] : span.attributes)
        if (name == key) return std::get<std::string>(value);
    return "(none)";
}

double number(const Span& span, const std::string& key) {
    for (const auto& [name, value] : span.attributes)
        if (name == key) return std::get<double>(value);
    return -1;
}

UserTurn question() {
    UserTurn turn;
    turn.text = "when are you open";
    turn.began = kBegin + 1s;
    turn.ended = kBegin + 2s;
    turn.decided = kBegin + 2500ms;
    turn.recognised = kBegin + 2600ms;
    return turn;
}

}  // namespace

TEST_CASE("the trace of a job follows from the job, or from its dispatch") {
    const auto ids = trace_ids("AJ_abc", "");
    CHECK(ids.trace.size() == 32);
    CHECK(ids.trace.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(ids.parent.empty());
    CHECK(ids.trace == trace_ids("AJ_abc", "").trace);
    CHECK(ids.trace != trace_ids("AJ_abd", "").trace);
    const auto given = trace_ids("AJ_abc", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    CHECK(given.trace == "4bf92f3577b34da6a3ce929d0e0e4736");
    CHECK(given.parent == "00f067aa0ba902b7");
}

TEST_CASE("a call's turns and their stages are spans within it") {
    Kept kept;
    auto trace = trace_of(&kept);
    trace.set_caller("ann");
    trace.heard(kBegin + 400ms);
    trace.heard(kBegin + 900ms);  // once
    const auto asked = question();
    trace.user_turn(asked);
    const ReplyTimes times{.asked = kBegin + 2600ms, .first_text = kBegin + 2800ms, .first_synthesis = kBegin + 2900ms, .first_audio = kBegin + 2950ms, .last_audio = kBegin + 5s};
    const std::optional<UserTurn> answers = asked;
    trace.agent_turn({.times = times, .answers = answers, .interrupted = true, .text = "at nine", .error = {}});
    trace.end(true, "caller left", kBegin + 6s);
    trace.end(true, "twice", kBegin + 7s);

    const auto& root = kept.named("agent_session");
    CHECK(root.parent_id.empty());
    CHECK(text(root, "lk.pii.participant_identity") == "ann");
    CHECK(text(root, "lk.close_reason") == "caller left");
    CHECK(root.error.empty());
    CHECK(root.end == wall(kBegin + 6s));
    CHECK(kept.flushed == 1);
    CHECK(kept.spans.size() == 10);
    CHECK(kept.named("session_start").end == wall(kBegin + 400ms));
    const auto& user = kept.named("user_turn");
    const auto& agent = kept.named("agent_turn");
    CHECK(user.parent_id == root.span_id);
    CHECK(agent.parent_id == root.span_id);
    for (const char* name : {"user_speaking", "eou_detection", "stt_node"}) CHECK(kept.named(name).parent_id == user.span_id);
    for (const char* name : {"llm_node", "tts_node", "agent_speaking"}) CHECK(kept.named(name).parent_id == agent.span_id);
    CHECK(number(user, "lk.end_of_turn_delay") == doctest::Approx(0.5));
    CHECK(number(agent, "lk.e2e_latency") == doctest::Approx(0.95));
    CHECK(number(kept.named("llm_node"), "lk.response.ttft") == doctest::Approx(0.2));
    CHECK(text(kept.named("llm_node"), "gen_ai.request.model") == "m-1");
    CHECK(number(kept.named("tts_node"), "lk.response.ttfb") == doctest::Approx(0.1));
    for (const auto& span : kept.spans) {
        CHECK(span.trace_id == root.trace_id);
        CHECK(text(span, "lk.pii.user_transcript") == "(none)");
        CHECK(text(span, "lk.pii.response.text") == "(none)");
    }
}

TEST_CASE("what people say is in the spans only where it is wanted") {
    Kept kept(/*speech=*/true);
    auto trace = trace_of(&kept);
    trace.user_turn(question());
    CHECK(text(kept.named("user_turn"), "lk.pii.user_transcript") == "when are you open");
}

TEST_CASE("typed text has no speech stages, fixed words no model, and a failure is told") {
    Kept kept;
    auto trace = trace_of(&kept);
    auto typed = question();
    typed.detail = R"({"typed":true})";
    trace.user_turn(typed);
    CHECK(kept.spans.size() == 1);
    const ReplyTimes times{.asked = kBegin, .first_text = kBegin};
    const std::optional<UserTurn> nothing;
    trace.agent_turn({.times = times, .answers = nothing, .text = "", .error = "voice broken"});
    CHECK_FALSE(kept.has("llm_node"));
    CHECK_FALSE(kept.has("agent_speaking"));
    CHECK(kept.named("agent_turn").error == "voice broken");
    trace.end(false, "no answer could be made", kBegin + 1s);
    CHECK(kept.named("agent_session").error == "no answer could be made");
}

TEST_CASE("without an exporter nothing is made") {
    auto trace = trace_of(nullptr);
    trace.heard(kBegin);
    trace.user_turn(question());
    trace.prompt(kBegin, kBegin, "");
    trace.end(true, "", kBegin);
}
