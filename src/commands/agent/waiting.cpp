#include "commands/agent/waiting.h"

#include <algorithm>

#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

constexpr std::chrono::seconds kAnswerTime{5};
constexpr std::chrono::hours kWaitingTokenLife{1};

Result<bool> somebody_is_in(const livekit::Server& server, const std::string& room, std::stop_token stop) {
    net::HttpClient http;
    livekit::TwirpClient twirp(http, server, kAnswerTime);
    twirp.stop_with(std::move(stop));
    VC_TRY_ASSIGN(const auto there, livekit::RoomApi(twirp).participants(room));
    return std::any_of(there.begin(), there.end(), [](const auto& one) {
        return one.kind() == livekit::proto::ParticipantInfo::STANDARD || one.kind() == livekit::proto::ParticipantInfo::SIP;
    });
}

}  // namespace

void WaitingRooms::ask(const std::string& room, std::function<void(Result<bool>)> done) {
    auto answer = lifeline_.guard(std::move(done));
    workers_.post([&loop = loop_, server = server_, room, answer, stop = stop_.get_token()]() mutable {
        loop.post([answer, result = somebody_is_in(server, room, stop)]() mutable { answer(result); });
    });
}

agent::CallTicket WaitingRooms::ticket(const store::Call& call) const {
    const auto identity = agent::identity_of(call.job_id);
    return {.job_id = call.job_id,
            .room = call.room,
            .url = server_.url,
            .token = livekit::mint(server_.key, livekit::agent_claims(call.room, identity, call.agent_name), kWaitingTokenLife),
            .metadata = call.dispatch_metadata,
            .resumed = true};
}

}  // namespace voicectl::commands
