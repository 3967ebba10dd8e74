#include "commands/call/people.h"

#include <nlohmann/json.hpp>

namespace voicectl::commands {
namespace {

bool says_it_is_an_agent(const std::string& metadata) {
    const auto json = nlohmann::json::parse(metadata, nullptr, false);
    if (!json.is_object()) return false;
    const auto type = json.find("type");
    return type != json.end() && *type == "ai_agent";
}

}  // namespace

Role role_of(const livekit::proto::ParticipantInfo& person) {
    if (person.kind() == livekit::proto::ParticipantInfo::EGRESS) return Role::Recorder;
    if (livekit::is_agent(person) || says_it_is_an_agent(person.metadata())) return Role::Agent;
    if (person.permission().hidden()) return Role::Observer;
    return Role::Caller;
}

}  // namespace voicectl::commands
