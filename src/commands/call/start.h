// voicectl call start: everything a call needs, made side by side, and undone again when a part of it fails.
#pragma once

#include <optional>

#include "commands/call/metadata.h"
#include "commands/call/room_name.h"
#include "commands/command.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

struct CallStartOptions {
    std::string room, room_template = kRoomTemplate, identity, record, metadata;
    CallFields fields;
    std::vector<std::string> agents;
    std::string wait = "30s", valid_for = "15m", empty_timeout, format = "table";
    bool no_wait = false, no_schema = false;
};

void add_call_start(Command call, Env& env, Run<CallStartOptions> run);
Result<void> run_call_start(const CallStartOptions& options, Env& env);

/// All that is decided before the first request.
struct CallPlan {
    std::string room, identity, token, url;
    Json metadata;
    std::vector<std::string> agents;
    std::optional<livekit::proto::RoomCompositeEgressRequest> recording;
    std::chrono::system_clock::time_point expires;
    std::chrono::milliseconds wait{0};  // zero: not at all
    std::uint32_t empty_timeout = 0;    // seconds
    bool empty_timeout_given = false;   // else a room that is there may have any
};
Result<CallPlan> plan_call(const CallStartOptions& options, const livekit::Server& server, const Env::Getenv& environment,
                           std::chrono::system_clock::time_point now);

class Interrupt;
/// Room, dispatches, token and recording, side by side; what was made is undone when a part fails. The report is
/// {schemaVersion, room, notApplied, url, token, …}. Blocks; any thread. `interrupt` may be null.
Result<Json> make_call(CallPlan plan, Env& env, const livekit::Server& server, std::chrono::milliseconds limit, Interrupt* interrupt);

/// `NAME=value` lines that a shell can eval, whatever stands in the values.
std::string shell_variables(const std::vector<std::pair<std::string, std::string>>& values);

}  // namespace voicectl::commands
