#include "voicectl/livekit/egress_bus.h"

#include "egress_rpc.pb.h"
#include "voicectl/base/log.h"

namespace voicectl::livekit {
namespace {

using std::chrono::seconds;

constexpr const char* kWorkerService = "EgressInternal";
constexpr const char* kJobService = "EgressHandler";
constexpr const char* kRecords = "IOInfo";
constexpr seconds kCreateTime{15};  // as LiveKit's own worker
constexpr seconds kRecordTime{10};  // its 30 s would be waited in full for what was lost in a cut

using Wire = rpc::StartEgressRequest;

EgressRequest to_request(const std::string& body) {
    Wire wire;
    wire.ParseFromString(body);
    EgressRequest out;
    out.egress_id = wire.egress_id();
    out.room_id = wire.room_id();
    out.token = wire.token();
    out.ws_url = wire.ws_url();
    out.retry_count = wire.retry_count();
    const auto take = [&](auto* asked) {
        if constexpr (requires { asked->room_name(); }) out.room_name = asked->room_name();
        out.what = std::move(*asked);
    };
    switch (wire.request_case()) {
        case Wire::kRoomComposite: take(wire.mutable_room_composite()); break;
        case Wire::kTrackComposite: take(wire.mutable_track_composite()); break;
        case Wire::kTrack: take(wire.mutable_track()); break;
        case Wire::kWeb: take(wire.mutable_web()); break;
        case Wire::kParticipant: take(wire.mutable_participant()); break;
        case Wire::kEgress: take(wire.mutable_egress()); break;
        case Wire::REQUEST_NOT_SET: break;
    }
    if (out.room_name.empty()) out.room_name = wire.room_name();
    return out;
}

template<class Message>
bool is_readable(const std::string& body) {
    Message message;
    return message.ParseFromString(body);
}

using Bytes = std::function<void(RpcResult<std::string>)>;

EgressAnswer as_info(Bytes answer) {
    return [answer = std::move(answer)](RpcResult<proto::EgressInfo> info) {
        if (!info) return answer(std::unexpected(std::move(info).error()));
        answer(info->SerializeAsString());
    };
}

/// Reads an answer, or makes a fault of what cannot be read.
template<class Message, class Take>
Bytes reading(Take take) {
    return [take = std::move(take)](RpcResult<std::string> bytes) {
        Message message;
        if (!bytes) return take(RpcResult<Message>(std::unexpected(std::move(bytes).error())));
        if (!message.ParseFromString(*bytes)) return take(RpcResult<Message>(std::unexpected(RpcFault{"internal", "the server's answer cannot be read"})));
        take(RpcResult<Message>(std::move(message)));
    };
}

Bytes without_content(EgressBus::Done done) {
    return [done = std::move(done)](RpcResult<std::string> bytes) {
        if (!bytes) return done(std::unexpected(std::move(bytes).error()));
        done({});
    };
}

/// Two methods that are one to whoever serves them.
class Pair final : public EgressBus::Served {
 public:
    Pair(Psrpc& rpc, RpcMethod first, RpcMethod second, std::function<void()> ready) {
        const auto one_less = [left = std::make_shared<int>(2), ready = std::move(ready)] {
            if (--*left == 0 && ready) ready();
        };
        first_ = rpc.serve(std::move(first), one_less);
        second_ = rpc.serve(std::move(second), one_less);
    }

 private:
    std::unique_ptr<EgressBus::Served> first_, second_;
};

}  // namespace

std::unique_ptr<EgressBus::Served> EgressBus::serve(Worker worker, std::function<void()> ready) {
    RpcMethod start;
    start.service = kWorkerService;
    start.method = "StartEgress";
    start.kind = RpcMethod::Kind::Claim;
    start.readable = is_readable<Wire>;
    start.judge = [judge = std::move(worker.judge)](const std::string&, const std::string& body, std::function<void(float)> bid) { judge(to_request(body), std::move(bid)); };
    start.run = [run = std::move(worker.start)](const std::string&, const std::string& body, Bytes answer) { run(to_request(body), as_info(std::move(answer))); };
    start.on_lost = [lost = std::move(worker.lost)](const std::string&, const std::string& body) {
        if (lost) lost(to_request(body));
    };
    RpcMethod list;
    list.service = kWorkerService;
    list.method = "ListActiveEgress";
    list.kind = RpcMethod::Kind::Multi;
    list.run = [active = std::move(worker.active)](const std::string&, const std::string&, const Bytes& answer) {
        rpc::ListActiveEgressResponse response;
        if (active)
            for (const auto ids = active(); const auto& id : ids) response.add_egress_ids(id);
        answer(response.SerializeAsString());
    };
    return std::make_unique<Pair>(rpc_, std::move(start), std::move(list), std::move(ready));
}

std::unique_ptr<EgressBus::Served> EgressBus::serve_job(const std::string& egress_id, std::function<void(Answer)> stop, std::function<void()> ready) {
    RpcMethod end;
    end.service = kJobService;
    end.method = "StopEgress";
    end.topic = egress_id;
    end.readable = is_readable<proto::StopEgressRequest>;
    end.run = [stop = std::move(stop)](const std::string&, const std::string&, Bytes answer) { stop(as_info(std::move(answer))); };
    RpcMethod change;
    change.service = kJobService;
    change.method = "UpdateStream";
    change.topic = egress_id;
    change.run = [](const std::string&, const std::string&, const Bytes& answer) {
        answer(std::unexpected(RpcFault{"invalid_argument", "UpdateStream called on non-streaming egress"}));
    };
    return std::make_unique<Pair>(rpc_, std::move(end), std::move(change), std::move(ready));
}

void EgressBus::create(const proto::EgressInfo& info, Done done) {
    rpc_.call(kRecords, "CreateEgress", "", info.SerializeAsString(), kCreateTime, without_content(std::move(done)));
}

void EgressBus::update(const proto::EgressInfo& info, Done done) {
    rpc_.call(kRecords, "UpdateEgress", "", info.SerializeAsString(), kRecordTime, without_content(std::move(done)));
}

void EgressBus::get(const std::string& egress_id, EgressAnswer done) {
    rpc::GetEgressRequest request;
    request.set_egress_id(egress_id);
    rpc_.call(kRecords, "GetEgress", "", request.SerializeAsString(), kRecordTime, reading<proto::EgressInfo>(std::move(done)));
}

void EgressBus::list(const std::string& room_name, bool active, std::function<void(RpcResult<std::vector<proto::EgressInfo>>)> done) {
    proto::ListEgressRequest request;
    request.set_room_name(room_name);
    request.set_active(active);
    rpc_.call(kRecords, "ListEgress", "", request.SerializeAsString(), kRecordTime, reading<proto::ListEgressResponse>([done = std::move(done)](RpcResult<proto::ListEgressResponse> all) {
                  if (!all) return done(std::unexpected(std::move(all).error()));
                  done(std::vector<proto::EgressInfo>(all->items().begin(), all->items().end()));
              }));
}

}  // namespace voicectl::livekit
