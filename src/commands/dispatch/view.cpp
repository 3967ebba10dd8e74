#include "commands/dispatch/view.h"

#include <set>

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

std::set<std::string> identities_of_jobs(const AgentDispatch& dispatch) {
    std::set<std::string> out;
    for (const auto& job : dispatch.state().jobs()) {
        if (!job.state().participant_identity().empty()) out.insert(job.state().participant_identity());
        else if (!job.id().empty()) out.insert("agent-" + job.id());
    }
    return out;
}

std::set<std::string> identities_of_others(const AgentDispatch& dispatch, const std::vector<AgentDispatch>& all) {
    std::set<std::string> out;
    for (const auto& other : all)
        if (other.id() != dispatch.id()) out.merge(identities_of_jobs(other));
    return out;
}

}  // namespace

Json dispatch_json(const AgentDispatch& dispatch, const std::vector<livekit::proto::ParticipantInfo>& people, const std::vector<AgentDispatch>& all) {
    auto out = livekit::to_json(dispatch);
    Json agents = Json::array();
    const auto ours = identities_of_jobs(dispatch), theirs = identities_of_others(dispatch, all);
    const auto is_ours = [&](const livekit::proto::ParticipantInfo& one) {
        if (!livekit::is_agent(one)) return false;
        if (!ours.empty()) return ours.contains(one.identity());
        return livekit::agent_name(one) == dispatch.agent_name() && !theirs.contains(one.identity());
    };
    for (const auto& one : people)
        if (is_ours(one)) agents.push_back(one.identity());
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

std::string dispatch_workers(const Json& dispatch) {
    std::vector<std::string> out;
    if (dispatch["state"].is_object())
        for (const auto& job : dispatch["state"]["jobs"])
            if (job["state"].is_object()) out.push_back(scalar_text(job["state"]["workerId"]));
    return fmt::format("{}", fmt::join(out, " "));
}

std::string dispatch_lines(const Json& dispatch) {
    auto out = dispatch_line(dispatch);
    const auto line = [&out](const char* title, const std::string& text) {
        if (!text.empty()) out += fmt::format("\n  {:<10}  {}", title, terminal_safe(text));
    };
    line("created", scalar_text(dispatch["createdAt"]));
    line("deployment", scalar_text(dispatch["deployment"]));
    line("worker", dispatch_workers(dispatch));
    line("metadata", scalar_text(dispatch["metadata"]));
    if (dispatch.contains("attributes"))
        for (const auto& [key, value] : dispatch["attributes"].items()) line("attribute", key + "=" + scalar_text(value));
    return out;
}

}  // namespace voicectl::commands
