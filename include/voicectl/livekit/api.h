// LiveKit's server API over Twirp with protobuf bodies. Each call blocks (commands and the checks of
// e2e-call run it on their own thread) and mints a token with just the grant that it needs.
//
// The messages are LiveKit's own schema, generated at build time: every field of every call.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "livekit_agent_dispatch.pb.h"
#include "livekit_egress.pb.h"
#include "livekit_room.pb.h"
#include "voicectl/base/result.h"
#include "voicectl/livekit/json.h"
#include "voicectl/livekit/twirp.h"

namespace voicectl::livekit {

namespace proto = ::livekit;

/// A remote procedure call that came to nothing, in the words of the protocol or of the method itself.
struct RpcRefusal {
    int code = 0;
    std::string message, data;
};
struct RpcReply {
    std::string payload;
    std::optional<RpcRefusal> refusal;
};
/// Nothing when `text` is no "RpcError 1400: message: data".
std::optional<RpcRefusal> parse_rpc_refusal(std::string_view text);
/// By the protocol's codes a cause, a meaning and a hint; what the method refuses by itself is Other.
Error explain(const RpcRefusal& refusal);

class RoomApi {
 public:
    explicit RoomApi(TwirpClient& twirp) : twirp_(twirp) {}
    Result<proto::Room> create(const proto::CreateRoomRequest& request);
    /// Sorted by name; `names` empty: all.
    Result<std::vector<proto::Room>> list(const std::vector<std::string>& names = {});
    /// NotFound when there is none.
    Result<proto::Room> get(const std::string& name);
    Result<void> remove(const std::string& name);
    /// Sorted by identity. An absent room answers with an empty list.
    Result<std::vector<proto::ParticipantInfo>> participants(const std::string& room);
    /// Replaces the metadata; an empty text clears it.
    Result<proto::Room> update_metadata(const std::string& room, const std::string& metadata);

    /// NotFound says which of the two is absent.
    Result<proto::ParticipantInfo> participant(const std::string& room, const std::string& identity);
    /// The server replaces the whole set of permissions, and takes an empty name or metadata for "keep".
    Result<proto::ParticipantInfo> update_participant(const proto::UpdateParticipantRequest& request);
    Result<void> remove_participant(const proto::RoomParticipantIdentity& who);
    Result<void> move_participant(const proto::MoveParticipantRequest& request);
    /// NotFound for an unknown track (the server itself answers with an empty one).
    Result<proto::TrackInfo> mute(const proto::MuteRoomTrackRequest& request);

    Result<void> send_data(const proto::SendDataRequest& request);
    /// The answer's payload. `limit` also ends the server's own work, which would else call the method again
    /// after 3 s, and once more.
    Result<RpcReply> perform_rpc(const proto::PerformRpcRequest& request, std::chrono::milliseconds limit);

 private:
    TwirpClient& twirp_;
};

class DispatchApi {
 public:
    explicit DispatchApi(TwirpClient& twirp) : twirp_(twirp) {}
    Result<proto::AgentDispatch> create(const proto::CreateAgentDispatchRequest& request);
    /// NotFound for an absent room at once (the server itself takes 3 s to say "no response from servers").
    Result<std::vector<proto::AgentDispatch>> list(const std::string& room);
    Result<proto::AgentDispatch> remove(const std::string& room, const std::string& id);

 private:
    TwirpClient& twirp_;
};

class SipApi {
 public:
    explicit SipApi(TwirpClient& twirp) : twirp_(twirp) {}
    /// Refers the telephone behind a participant to `to`, "tel:…" or "sip:…"; it leaves the room once the other side has
    /// answered, which may take `ringing`. Rejected when the participant is no SIP caller.
    Result<void> transfer(const std::string& room, const std::string& identity, const std::string& to, std::chrono::seconds ringing);

 private:
    TwirpClient& twirp_;
};

/// Starts wait for the server's own answer, which without an egress worker comes after 21 to 24 s; Conflict
/// is an egress that has ended, NotFound one that the server does not know.
class EgressApi {
 public:
    /// `limit`: no call waits longer, not even for what a server takes long to say.
    explicit EgressApi(TwirpClient& twirp, std::optional<std::chrono::milliseconds> limit = {}) : twirp_(twirp), limit_(limit) {}
    /// Sorted by id. Unreachable at once when the server has no Redis.
    Result<std::vector<proto::EgressInfo>> list(const proto::ListEgressRequest& request);
    Result<proto::EgressInfo> get(const std::string& egress_id);
    Result<proto::EgressInfo> start_room_composite(const proto::RoomCompositeEgressRequest& request);
    Result<proto::EgressInfo> start_web(const proto::WebEgressRequest& request);
    Result<proto::EgressInfo> start_participant(const proto::ParticipantEgressRequest& request);
    Result<proto::EgressInfo> start_track_composite(const proto::TrackCompositeEgressRequest& request);
    Result<proto::EgressInfo> start_track(const proto::TrackEgressRequest& request);
    Result<proto::EgressInfo> start(const proto::StartEgressRequest& request);
    Result<proto::EgressInfo> update_layout(const proto::UpdateLayoutRequest& request);
    Result<proto::EgressInfo> update_stream(const proto::UpdateStreamRequest& request);
    Result<proto::EgressInfo> stop(const std::string& egress_id);

 private:
    Result<proto::EgressInfo> call(std::string_view method, const google::protobuf::Message& request, std::chrono::milliseconds at_least);
    TwirpClient& twirp_;
    std::optional<std::chrono::milliseconds> limit_;
};

/// An egress or ingress call was refused because the server has no Redis.
bool lacks_redis(const Error& error);

/// COMPLETE, FAILED, ABORTED or LIMIT_REACHED: nothing changes any more.
bool is_final(proto::EgressStatus status);

/// An agent: participant kind AGENT. Never by prefix or name (requirement A6).
bool is_agent(const proto::ParticipantInfo& participant);
/// The agent name that the participant says it has (`lk.agent_name` of the server, `lk.agent.name` of the framework).
std::string agent_name(const proto::ParticipantInfo& participant);

}  // namespace voicectl::livekit
