#include "commands/dispatch/view.h"

#include "commands/room/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::AgentDispatch;

// Presence first: the record of jobs is late, and stale once a worker died.
std::string status_of(const AgentDispatch& dispatch, const Json& agents) {
    if (dispatch.state().deleted_at() != 0) return "deleted";
    if (!agents.empty()) return "present";
    for (const auto& job : dispatch.state().jobs()) {
        if (job.state().status() == livekit::proto::JS_RUNNING) return "taken";
        if (job.state().status() == livekit::proto::JS_FAILED) return "failed";
        if (job.state().status() == livekit::proto::JS_SUCCESS) return "ended";
    }
    return "absent";
}

}  // namespace

Json dispatch_json(const AgentDispatch& dispatch, const std::vector<livekit::proto::ParticipantInfo>& people) {
    auto out = livekit::to_json(dispatch);
    Json agents = Json::array();
    for (const auto& one : people)
        if (livekit::is_agent(one) && livekit::agent_name(one) == dispatch.agent_name()) agents.push_back(one.identity());
    out["createdAt"] = format_time(from_milliseconds(dispatch.state().created_at() / 1'000'000));
    out["status"] = status_of(dispatch, agents);
    out["agents"] = std::move(agents);
    return out;
}

std::string dispatch_line(const Json& dispatch) {
    std::string agents;
    for (const auto& one : dispatch["agents"]) agents += " " + terminal_safe(scalar_text(one));
    return fmt::format("{} agent {}: {}{}", scalar_text(dispatch["id"]), terminal_safe(scalar_text(dispatch["agentName"])),
                       scalar_text(dispatch["status"]), agents);
}

}  // namespace voicectl::commands
