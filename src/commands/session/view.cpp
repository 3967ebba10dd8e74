#include "commands/session/view.h"

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

std::int64_t unix_ms_of(store::SystemTime time) { return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count(); }

}  // namespace

Json session_json(const store::Session& session) {
    Json json{{"id", session.id},
              {"userId", session.user_id},
              {"assignmentId", session.assignment_id},
              {"callId", nullptr},
              {"status", session.status},
              {"startedAt", format_time(session.started_at)},
              {"startedAtMs", unix_ms_of(session.started_at)},
              {"completedAt", nullptr},
              {"completedAtMs", nullptr},
              {"usage", nullptr}};
    if (session.call_id) json["callId"] = *session.call_id;
    if (session.completed_at) {
        json["completedAt"] = format_time(*session.completed_at);
        json["completedAtMs"] = unix_ms_of(*session.completed_at);
    }
    auto usage = Json::parse(session.usage_json, nullptr, false);
    if (usage.is_object()) json["usage"] = std::move(usage);
    return json;
}

std::string session_heading(const store::Session& session) {
    const auto part = [](std::string_view name, std::string_view value) {
        return value.empty() ? "" : fmt::format("{:<10} {}\n", name, terminal_safe(value));
    };
    return fmt::format("session {}\n", terminal_safe(session.id)) + part("user", session.user_id) + part("assignment", session.assignment_id) +
           part("call", session.call_id ? std::to_string(*session.call_id) : "") + part("began", format_time(session.started_at)) +
           part("status", session.status) + part("completed", session.completed_at ? format_time(*session.completed_at) : "");
}

}  // namespace voicectl::commands
