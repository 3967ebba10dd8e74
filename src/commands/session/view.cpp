#include "commands/session/view.h"

#include "voicectl/base/text.h"

namespace voicectl::commands {

std::string session_heading(const store::Session& session) {
    const auto part = [](std::string_view name, std::string_view value) {
        return value.empty() ? "" : fmt::format("{:<10} {}\n", name, terminal_safe(value));
    };
    return fmt::format("session {}\n", terminal_safe(session.id)) + part("user", session.user_id) + part("assignment", session.assignment_id) +
           part("call", session.call_id ? std::to_string(*session.call_id) : "") + part("began", format_time(session.started_at)) +
           part("status", session.status) + part("completed", session.completed_at ? format_time(*session.completed_at) : "");
}

}  // namespace voicectl::commands
