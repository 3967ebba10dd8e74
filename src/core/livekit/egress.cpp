#include <algorithm>

#include "voicectl/livekit/api.h"

namespace voicectl::livekit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The server asks for workers for up to 27 s before it says that there are none.
constexpr milliseconds kStart = seconds{45};
// Three tries of 3, 5 and 7 s when the worker has taken the call and does not answer.
constexpr milliseconds kControl = seconds{20};

VideoGrant room_record() {
    VideoGrant grant;
    grant.room_record = true;
    return grant;
}

std::unexpected<Error> no_such_egress(const std::string& id) {
    return fail_with_hint(Errc::NotFound, fmt::format("the server knows no egress {}", id),
                          "voicectl egress list shows those there are; ended ones are kept for 24 hours");
}

bool unknown_egress(const Error& error) {
    return error.code == Errc::NotFound && error.message.find("egress does not exist") != std::string::npos;
}

Result<proto::EgressInfo> or_no_such_egress(Result<proto::EgressInfo> result, const std::string& id) {
    if (!result && unknown_egress(result.error())) return no_such_egress(id);
    return result;
}

}  // namespace

bool lacks_redis(const Error& error) { return error.message.find("redis required") != std::string::npos; }

bool is_final(proto::EgressStatus status) { return status >= proto::EGRESS_COMPLETE; }

Result<proto::EgressInfo> EgressApi::call(std::string_view method, const google::protobuf::Message& request, milliseconds at_least) {
    proto::EgressInfo info;
    VC_TRY(twirp_.call("Egress", method, room_record(), request, info, limit_.value_or(std::max(twirp_.timeout(), at_least))));
    return info;
}

Result<std::vector<proto::EgressInfo>> EgressApi::list(const proto::ListEgressRequest& request) {
    proto::ListEgressResponse reply;
    VC_TRY(twirp_.call("Egress", "ListEgress", room_record(), request, reply));
    std::vector<proto::EgressInfo> items(reply.items().begin(), reply.items().end());
    std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.egress_id() < b.egress_id(); });
    return items;
}

Result<proto::EgressInfo> EgressApi::get(const std::string& egress_id) {
    proto::ListEgressRequest request;
    request.set_egress_id(egress_id);
    const auto items = list(request);
    if (!items && items.error().code == Errc::NotFound) return no_such_egress(egress_id);
    if (!items) return std::unexpected(items.error());
    for (const auto& one : *items)
        if (one.egress_id() == egress_id) return one;
    return no_such_egress(egress_id);
}

Result<proto::EgressInfo> EgressApi::start_room_composite(const proto::RoomCompositeEgressRequest& request) {
    return call("StartRoomCompositeEgress", request, kStart);
}
Result<proto::EgressInfo> EgressApi::start_web(const proto::WebEgressRequest& request) { return call("StartWebEgress", request, kStart); }
Result<proto::EgressInfo> EgressApi::start_participant(const proto::ParticipantEgressRequest& request) {
    return call("StartParticipantEgress", request, kStart);
}
Result<proto::EgressInfo> EgressApi::start_track_composite(const proto::TrackCompositeEgressRequest& request) {
    return call("StartTrackCompositeEgress", request, kStart);
}
Result<proto::EgressInfo> EgressApi::start_track(const proto::TrackEgressRequest& request) { return call("StartTrackEgress", request, kStart); }
Result<proto::EgressInfo> EgressApi::start(const proto::StartEgressRequest& request) { return call("StartEgress", request, kStart); }

Result<proto::EgressInfo> EgressApi::update_layout(const proto::UpdateLayoutRequest& request) {
    return or_no_such_egress(call("UpdateLayout", request, kControl), request.egress_id());
}

Result<proto::EgressInfo> EgressApi::update_stream(const proto::UpdateStreamRequest& request) {
    return or_no_such_egress(call("UpdateStream", request, kControl), request.egress_id());
}

Result<proto::EgressInfo> EgressApi::stop(const std::string& egress_id) {
    proto::StopEgressRequest request;
    request.set_egress_id(egress_id);
    return or_no_such_egress(call("StopEgress", request, kControl), egress_id);
}

}  // namespace voicectl::livekit
