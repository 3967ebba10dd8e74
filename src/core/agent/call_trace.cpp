#include "call_trace.h"

#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

double seconds(TimePoint from, TimePoint to) { return std::chrono::duration<double>(to - from).count(); }

/// FNV-1a, then the mixing of SplitMix64: ids that differ in one letter differ everywhere.
std::uint64_t hash(std::string_view text, std::uint64_t seed) {
    std::uint64_t out = 0xcbf29ce484222325ULL ^ seed;
    for (const char c : text) out = (out ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    out = (out ^ (out >> 30)) * 0xbf58476d1ce4e5b9ULL;
    out = (out ^ (out >> 27)) * 0x94d049bb133111ebULL;
    return out ^ (out >> 31);
}

std::string new_span_id() { return fmt::format("{:016x}", hash(random_id(20), 1) | 1); }

}  // namespace

TraceIds trace_ids(const std::string& job_id, const std::string& traceparent) {
    if (!traceparent.empty()) return {traceparent.substr(3, 32), traceparent.substr(36, 16)};
    const auto high = hash(job_id, 0), low = hash(job_id, 0x9e3779b97f4a7c15ULL);
    return {fmt::format("{:016x}{:016x}", high, low | 1), {}};  // all zeros would be no trace
}

CallTrace::CallTrace(SpanExporter* exporter, About about, Wall wall, TimePoint began)
    : exporter_(exporter), about_(std::move(about)), wall_(std::move(wall)), began_(began) {
    if (exporter_ != nullptr) root_ = new_span_id();
}

std::string CallTrace::add(const std::string& name, const std::string& parent, TimePoint from, TimePoint to, Attributes attributes, std::string error, Span::Kind kind) {
    Span span;
    span.trace_id = about_.ids.trace;
    span.span_id = new_span_id();
    span.parent_id = parent;
    span.name = name;
    span.kind = kind;
    span.start = wall_(from);
    span.end = wall_(to);
    span.attributes = std::move(attributes);
    span.error = std::move(error);
    auto id = span.span_id;
    exporter_->add(std::move(span));
    return id;
}

void CallTrace::prompt(TimePoint began, TimePoint ended, const std::string& error) {
    if (exporter_ != nullptr) add("prompt_fetch", root_, began, ended, {{"http.request.method", "GET"}}, error, Span::Kind::Client);
}

void CallTrace::heard(TimePoint at) {
    if (exporter_ != nullptr && !std::exchange(heard_, true)) add("session_start", root_, began_, at, {});
}

void CallTrace::user_turn(const UserTurn& turn) {
    if (exporter_ == nullptr) return;
    ++turns_;
    Attributes attributes;
    const bool spoken = turn.detail.empty();  // else typed, or keys
    if (spoken) attributes = {{"lk.end_of_turn_delay", seconds(turn.ended, turn.decided)}, {"lk.transcription_delay", seconds(turn.decided, turn.recognised)}};
    if (exporter_->speech()) attributes.emplace_back("lk.pii.user_transcript", turn.text);
    const auto id = add("user_turn", root_, turn.began, turn.recognised, std::move(attributes));
    if (!spoken) return;
    add("user_speaking", id, turn.began, turn.ended, {});
    add("eou_detection", id, turn.ended, turn.decided, {{"lk.eou.wait_duration", seconds(turn.ended, turn.decided)}});
    add("stt_node", id, turn.decided, turn.recognised, {{"gen_ai.provider.name", about_.stt}});
}

void CallTrace::agent_turn(const AgentTurn& turn) {
    if (exporter_ == nullptr || !turn.times.asked) return;
    ++turns_;
    const auto& times = turn.times;
    const auto end = times.last_audio.value_or(times.first_audio.value_or(times.first_text.value_or(*times.asked)));
    Attributes attributes{{"lk.interrupted", turn.interrupted}};
    if (turn.answers && times.first_audio) attributes.emplace_back("lk.e2e_latency", seconds(turn.answers->ended, *times.first_audio));
    if (exporter_->speech()) attributes.emplace_back("lk.pii.response.text", turn.text);
    const auto id = add("agent_turn", root_, *times.asked, end, std::move(attributes), turn.error);
    if (turn.answers) {
        Attributes model{{"gen_ai.operation.name", "chat"}, {"gen_ai.provider.name", about_.llm}};
        if (!about_.model.empty()) model.emplace_back("gen_ai.request.model", about_.model);
        if (times.first_text) model.emplace_back("lk.response.ttft", seconds(*times.asked, *times.first_text));
        add("llm_node", id, *times.asked, times.first_text.value_or(end), std::move(model), times.first_text ? "" : turn.error);
    }
    if (times.first_text && times.first_synthesis)
        add("tts_node", id, *times.first_text, *times.first_synthesis,
            {{"gen_ai.provider.name", about_.tts}, {"lk.response.ttfb", seconds(*times.first_text, *times.first_synthesis)}});
    if (times.first_audio) add("agent_speaking", id, *times.first_audio, std::max(end, *times.first_audio), {});
}

void CallTrace::end(bool good, const std::string& reason, TimePoint at) {
    if (exporter_ == nullptr || std::exchange(ended_, true)) return;
    Span span;
    span.trace_id = about_.ids.trace;
    span.span_id = root_;
    span.parent_id = about_.ids.parent;
    span.name = "agent_session";
    span.kind = Span::Kind::Server;
    span.start = wall_(began_);
    span.end = wall_(at);
    span.attributes = {{"lk.job_id", about_.job_id},   {"lk.pii.room_name", about_.room},     {"lk.agent_name", about_.agent},
                       {"gen_ai.agent.name", about_.agent}, {"gen_ai.conversation.id", about_.job_id}, {"lk.close_reason", reason},
                       {"voicectl.turns", std::int64_t{turns_}}};
    if (!caller_.empty()) span.attributes.emplace_back("lk.pii.participant_identity", caller_);
    if (!good) span.error = reason;
    exporter_->add(std::move(span));
    exporter_->flush();
}

}  // namespace voicectl::agent
