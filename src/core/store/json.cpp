#include "voicectl/store/json.h"

#include "voicectl/base/text.h"

namespace voicectl::store {
namespace {

using ShownJson = nlohmann::ordered_json;
using std::chrono::milliseconds;

milliseconds elapsed(SystemTime from, SystemTime to) { return std::chrono::floor<milliseconds>(to - from); }

std::int64_t since_epoch_ms(SystemTime time) { return elapsed({}, time).count(); }

ShownJson object_or(const std::string& text, ShownJson otherwise) {
    auto parsed = ShownJson::parse(text, nullptr, false);
    return parsed.is_object() ? parsed : otherwise;
}

}  // namespace

ShownJson to_json(const Call& call) {
    ShownJson json{{"id", call.id},
                   {"room", call.room},
                   {"attempt", call.attempt},
                   {"agentName", call.agent_name},
                   {"jobId", call.job_id},
                   {"callerIdentity", call.caller_identity},
                   {"dispatchMetadata", call.dispatch_metadata},
                   {"status", call.status},
                   {"reason", call.reason},
                   {"startedAt", format_time(call.started_at)},
                   {"startedAtMs", since_epoch_ms(call.started_at)},
                   {"endedAt", nullptr},
                   {"endedAtMs", nullptr},
                   {"durationMs", nullptr},
                   {"turnCount", call.turns}};
    if (call.ended_at) {
        json["endedAt"] = format_time(*call.ended_at);
        json["endedAtMs"] = since_epoch_ms(*call.ended_at);
        json["durationMs"] = elapsed(call.started_at, *call.ended_at).count();
    }
    return json;
}

ShownJson to_json(const Turn& turn, const Call& call) {
    const bool began = turn.started_at != SystemTime{}, ended = turn.ended_at != SystemTime{};
    const auto known = [](bool is, auto value) { return is ? ShownJson(value) : ShownJson(); };
    return {{"sequence", turn.sequence},
            {"speaker", turn.speaker == Speaker::Agent ? "agent" : "user"},
            {"identity", turn.identity},
            {"text", turn.text},
            {"startedAt", known(began, format_time(turn.started_at))},
            {"startedAtMs", known(began, since_epoch_ms(turn.started_at))},
            {"endedAt", known(ended, format_time(turn.ended_at))},
            {"endedAtMs", known(ended, since_epoch_ms(turn.ended_at))},
            {"offsetMs", known(began, elapsed(call.started_at, turn.started_at).count())},
            {"durationMs", known(began && ended, elapsed(turn.started_at, turn.ended_at).count())},
            {"interrupted", turn.interrupted},
            {"detail", object_or(turn.detail_json, ShownJson::object())}};
}

ShownJson to_json(const Session& session) {
    ShownJson json{{"id", session.id},
                   {"userId", session.user_id},
                   {"assignmentId", session.assignment_id},
                   {"callId", nullptr},
                   {"status", session.status},
                   {"startedAt", format_time(session.started_at)},
                   {"startedAtMs", since_epoch_ms(session.started_at)},
                   {"completedAt", nullptr},
                   {"completedAtMs", nullptr}};
    if (session.call_id) json["callId"] = *session.call_id;
    if (session.completed_at) {
        json["completedAt"] = format_time(*session.completed_at);
        json["completedAtMs"] = since_epoch_ms(*session.completed_at);
    }
    json["usage"] = object_or(session.usage_json, nullptr);
    return json;
}

}  // namespace voicectl::store
