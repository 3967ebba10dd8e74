#include "voicectl/livekit/api.h"

#include <algorithm>

namespace voicectl::livekit {
namespace {

VideoGrant room_create() {
    VideoGrant grant;
    grant.room_create = true;
    return grant;
}

VideoGrant room_list() {
    VideoGrant grant;
    grant.room_list = true;
    return grant;
}

VideoGrant room_admin(const std::string& room) {
    VideoGrant grant;
    grant.room_admin = true;
    grant.room = room;
    return grant;
}

template<class T>
std::vector<T> to_vector(const google::protobuf::RepeatedPtrField<T>& items) {
    return {items.begin(), items.end()};
}

std::unexpected<Error> no_such_room(const std::string& name) {
    return fail_with_hint(Errc::NotFound, fmt::format("there is no room \"{}\"", name), "voicectl room list shows the rooms there are");
}

// The server has two words for it: at once, or after 3 s when nobody on its bus answers.
bool is_absent(const Error& error) {
    return error.code == Errc::NotFound || error.message.find("no response from servers") != std::string::npos;
}

std::unexpected<Error> absent(RoomApi& rooms, const std::string& room, const std::string& identity) {
    if (const auto there = rooms.get(room); !there) return std::unexpected(there.error());
    return fail_with_hint(Errc::NotFound, fmt::format("there is no participant \"{}\" in room \"{}\"", identity, room),
                          fmt::format("voicectl room participant list {} shows who is there", room));
}

}  // namespace

Result<proto::Room> RoomApi::create(const proto::CreateRoomRequest& request) {
    proto::Room room;
    VC_TRY(twirp_.call("RoomService", "CreateRoom", room_create(), request, room));
    return room;
}

Result<std::vector<proto::Room>> RoomApi::list(const std::vector<std::string>& names) {
    proto::ListRoomsRequest request;
    for (const auto& name : names) request.add_names(name);
    proto::ListRoomsResponse reply;
    VC_TRY(twirp_.call("RoomService", "ListRooms", room_list(), request, reply));
    auto rooms = to_vector(reply.rooms());
    std::sort(rooms.begin(), rooms.end(), [](const auto& a, const auto& b) { return a.name() < b.name(); });
    return rooms;
}

Result<proto::Room> RoomApi::get(const std::string& name) {
    VC_TRY_ASSIGN(auto rooms, list({name}));
    if (rooms.empty()) return no_such_room(name);
    return std::move(rooms.front());
}

Result<void> RoomApi::remove(const std::string& name) {
    proto::DeleteRoomRequest request;
    request.set_room(name);
    proto::DeleteRoomResponse reply;
    auto done = twirp_.call("RoomService", "DeleteRoom", room_create(), request, reply);
    if (!done && done.error().code == Errc::NotFound) return no_such_room(name);
    return done;
}

Result<std::vector<proto::ParticipantInfo>> RoomApi::participants(const std::string& room) {
    proto::ListParticipantsRequest request;
    request.set_room(room);
    proto::ListParticipantsResponse reply;
    VC_TRY(twirp_.call("RoomService", "ListParticipants", room_admin(room), request, reply));
    auto people = to_vector(reply.participants());
    std::sort(people.begin(), people.end(), [](const auto& a, const auto& b) { return a.identity() < b.identity(); });
    return people;
}

Result<proto::Room> RoomApi::update_metadata(const std::string& room, const std::string& metadata) {
    proto::UpdateRoomMetadataRequest request;
    request.set_room(room);
    request.set_metadata(metadata);
    proto::Room reply;
    auto done = twirp_.call("RoomService", "UpdateRoomMetadata", room_admin(room), request, reply);
    if (!done && done.error().code == Errc::NotFound) return no_such_room(room);
    VC_TRY(done);
    return reply;
}

Result<proto::ParticipantInfo> RoomApi::participant(const std::string& room, const std::string& identity) {
    proto::RoomParticipantIdentity request;
    request.set_room(room);
    request.set_identity(identity);
    proto::ParticipantInfo reply;
    auto done = twirp_.call("RoomService", "GetParticipant", room_admin(room), request, reply);
    if (!done && done.error().code == Errc::NotFound) return absent(*this, room, identity);
    VC_TRY(done);
    return reply;
}

Result<proto::ParticipantInfo> RoomApi::update_participant(const proto::UpdateParticipantRequest& request) {
    proto::ParticipantInfo reply;
    auto done = twirp_.call("RoomService", "UpdateParticipant", room_admin(request.room()), request, reply);
    if (!done && is_absent(done.error())) return absent(*this, request.room(), request.identity());
    VC_TRY(done);
    return reply;
}

Result<void> RoomApi::remove_participant(const proto::RoomParticipantIdentity& who) {
    proto::RemoveParticipantResponse reply;
    auto done = twirp_.call("RoomService", "RemoveParticipant", room_admin(who.room()), who, reply);
    if (!done && is_absent(done.error())) return absent(*this, who.room(), who.identity());
    return done;
}

Result<void> RoomApi::move_participant(const proto::MoveParticipantRequest& request) {
    auto grant = room_admin(request.room());
    grant.destination_room = request.destination_room();
    proto::MoveParticipantResponse reply;
    return twirp_.call("RoomService", "MoveParticipant", grant, request, reply);
}

Result<proto::TrackInfo> RoomApi::mute(const proto::MuteRoomTrackRequest& request) {
    proto::MuteRoomTrackResponse reply;
    auto done = twirp_.call("RoomService", "MutePublishedTrack", room_admin(request.room()), request, reply);
    if (!done && is_absent(done.error())) return absent(*this, request.room(), request.identity());
    VC_TRY(done);
    if (reply.has_track()) return reply.track();
    return fail_with_hint(Errc::NotFound, fmt::format("{} publishes no track {}", request.identity(), request.track_sid()),
                          fmt::format("voicectl room participant get {} {} shows the tracks", request.room(), request.identity()));
}

Result<void> RoomApi::send_data(const proto::SendDataRequest& request) {
    proto::SendDataResponse reply;
    return twirp_.call("RoomService", "SendData", room_admin(request.room()), request, reply);
}

Result<RpcReply> RoomApi::perform_rpc(const proto::PerformRpcRequest& request, std::chrono::milliseconds limit) {
    proto::PerformRpcResponse reply;
    // Ours ends later, so that the server's word is heard.
    auto done = twirp_.call("RoomService", "PerformRpc", room_admin(request.room()), request, reply, limit + std::chrono::seconds{3}, limit);
    if (done) return RpcReply{reply.payload(), std::nullopt};
    if (auto refusal = parse_rpc_refusal(done.error().message)) return RpcReply{{}, std::move(refusal)};
    return std::unexpected(std::move(done).error());
}

Result<proto::AgentDispatch> DispatchApi::create(const proto::CreateAgentDispatchRequest& request) {
    proto::AgentDispatch dispatch;
    auto done = twirp_.call("AgentDispatchService", "CreateDispatch", room_admin(request.room()), request, dispatch);
    if (done) return dispatch;
    // The server says so when the room is absent and its configuration does not let it make one.
    if (done.error().message.find("no response from servers") != std::string::npos && !RoomApi(twirp_).get(request.room()))
        return no_such_room(request.room());
    return std::unexpected(std::move(done).error());
}

Result<std::vector<proto::AgentDispatch>> DispatchApi::list(const std::string& room) {
    VC_TRY(RoomApi(twirp_).get(room));
    proto::ListAgentDispatchRequest request;
    request.set_room(room);
    proto::ListAgentDispatchResponse reply;
    VC_TRY(twirp_.call("AgentDispatchService", "ListDispatch", room_admin(room), request, reply));
    auto dispatches = to_vector(reply.agent_dispatches());
    std::sort(dispatches.begin(), dispatches.end(), [](const auto& a, const auto& b) { return a.id() < b.id(); });
    return dispatches;
}

Result<proto::AgentDispatch> DispatchApi::remove(const std::string& room, const std::string& id) {
    VC_TRY(RoomApi(twirp_).get(room));
    proto::DeleteAgentDispatchRequest request;
    request.set_room(room);
    request.set_dispatch_id(id);
    proto::AgentDispatch dispatch;
    auto done = twirp_.call("AgentDispatchService", "DeleteDispatch", room_admin(room), request, dispatch);
    if (!done && done.error().code == Errc::NotFound) {
        return fail_with_hint(Errc::NotFound, fmt::format("room \"{}\" has no dispatch {}", room, id),
                              fmt::format("voicectl dispatch list {} shows those there are", room));
    }
    VC_TRY(done);
    return dispatch;
}

bool is_agent(const proto::ParticipantInfo& participant) { return participant.kind() == proto::ParticipantInfo::AGENT; }

std::string agent_name(const proto::ParticipantInfo& participant) {
    const auto& attributes = participant.attributes();
    // The server's own word first: the other is what the agent's code says of itself.
    for (const char* name : {"lk.agent_name", "lk.agent.name"})
        if (const auto found = attributes.find(name); found != attributes.end() && !found->second.empty()) return found->second;
    return {};
}

}  // namespace voicectl::livekit
