#include "voicectl/livekit/room_config.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::livekit {
namespace {

// Below its first line the library draws where it stopped.
std::string reason_of(const auto& status) {
    const std::string_view text(status.message().data(), status.message().size());
    return terminal_safe(redact(text.substr(0, text.find('\n'))));
}

}  // namespace

Result<proto::RoomAgentDispatch> parse_agent(std::string_view text) {
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    if (name.empty())
        return fail_with_hint(Errc::Usage, fmt::format("'{}' names no agent", terminal_safe(text)), "write it like receptionist or receptionist=METADATA");
    proto::RoomAgentDispatch agent;
    agent.set_agent_name(std::string(name));
    if (equals != std::string_view::npos) agent.set_metadata(std::string(text.substr(equals + 1)));
    return agent;
}

Result<proto::RoomEgress> parse_room_egress(std::string_view json) {
    proto::RoomEgress egress;
    const auto status = google::protobuf::util::JsonStringToMessage(std::string(json), &egress);
    if (!status.ok()) {
        return fail_with_hint(Errc::Usage, fmt::format("that is no recording of a room: {}", reason_of(status)),
                              R"(write it like {"room":{"audioOnly":true,"fileOutputs":[{"filepath":"recordings/{room_name}.ogg"}]}}, or name a file with @)");
    }
    return egress;
}

Result<std::string> compose_room_config(std::string_view json, const std::vector<proto::RoomAgentDispatch>& agents) {
    namespace util = google::protobuf::util;
    if (trim(json).empty() && agents.empty()) return std::string();
    proto::RoomConfiguration config;
    if (!trim(json).empty()) {
        const auto status = util::JsonStringToMessage(std::string(json), &config);
        if (!status.ok()) {
            return fail(Errc::Usage, "the room configuration is not one: {}", reason_of(status));
        }
    }
    for (const auto& agent : agents) *config.add_agents() = agent;
    // What to_json() masks is what must not be in a token.
    if (to_json(config).dump().find("\"***\"") != std::string::npos || to_json(config).dump().find("/***\"") != std::string::npos) {
        return fail_with_hint(Errc::Usage, "the room configuration holds storage secrets or stream keys",
                              "whoever holds the token can read them; let the egress service have its own storage configuration");
    }
    std::string out;
    const auto status = util::MessageToJsonString(config, &out);
    if (!status.ok()) return fail(Errc::Usage, "the room configuration cannot be written as JSON");
    return out;
}

}  // namespace voicectl::livekit
