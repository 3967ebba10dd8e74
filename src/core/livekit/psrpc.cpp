#include "voicectl/livekit/psrpc.h"

#include <google/protobuf/any.pb.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "psrpc.pb.h"
#include "voicectl/base/digest.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/wire_time.h"

namespace voicectl::livekit {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kIdLength = 12;
constexpr std::size_t kRememberedRequests = 4096;

std::string in_envelope(const google::protobuf::Message& message) {
    google::protobuf::Any envelope;
    envelope.PackFrom(message);
    return envelope.SerializeAsString();
}

/// Nothing: of another type, or no message at all.
template<class Message>
std::optional<Message> from_envelope(const std::string& payload) {
    google::protobuf::Any envelope;
    Message message;
    if (!envelope.ParseFromString(payload) || !envelope.Is<Message>() || !message.ParseFromString(envelope.value())) return std::nullopt;
    return message;
}

std::string escaped(std::string_view part) {
    std::string out;
    while (!part.empty()) {
        const auto [value, bytes] = first_code_point(part);
        part.remove_prefix(std::max<std::size_t>(bytes, 1));
        const bool plain = (value >= '0' && value <= '9') || (value >= 'A' && value <= 'Z') || (value >= 'a' && value <= 'z') || value == '_';
        if (plain) out += static_cast<char>(value);
        else if (value < 0x10000) out += fmt::format("u+{:04x}", static_cast<std::uint32_t>(value));
        else out += fmt::format("U+{:08x}", static_cast<std::uint32_t>(value));
    }
    return out;
}

struct FaultCause {
    std::string_view code;
    Errc cause;
};
constexpr std::array kFaultCauses{
    FaultCause{"permission_denied", Errc::Auth},         FaultCause{"unauthenticated", Errc::Auth},         FaultCause{"not_found", Errc::NotFound},
    FaultCause{"already_exists", Errc::Conflict},        FaultCause{"aborted", Errc::Conflict},             FaultCause{"failed_precondition", Errc::Conflict},
    FaultCause{"invalid_argument", Errc::Rejected},      FaultCause{"malformed_request", Errc::Rejected},   FaultCause{"unimplemented", Errc::Rejected},
    FaultCause{"resource_exhausted", Errc::Unreachable}, FaultCause{"unavailable", Errc::Unreachable},      FaultCause{"canceled", Errc::Timeout},
    FaultCause{"deadline_exceeded", Errc::Timeout},
};

}  // namespace

Error to_error(const RpcFault& fault) {
    const auto* found = std::find_if(kFaultCauses.begin(), kFaultCauses.end(), [&](const auto& one) { return one.code == fault.code; });
    return {found != kFaultCauses.end() ? found->cause : Errc::Other, terminal_safe(fault.message), {}};
}

std::string rpc_channel(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const auto part : parts) {
        if (part.empty()) continue;
        if (!out.empty()) out += '|';
        out += escaped(part);
    }
    return out;
}

/// One method of ours, with its requests between bid and award.
class Psrpc::Server final : public Psrpc::Served {
 public:
    Server(Psrpc& rpc, RpcMethod method, std::function<void()> ready) : rpc_(rpc), method_(std::move(method)), ready_(std::move(ready)) {
        const auto subscribe = [this](const char* kind, void (Server::*take)(const std::string&)) {
            ++unready_;
            return rpc_.redis_.subscribe(rpc_channel({method_.service, method_.method, method_.topic, kind}),
                                         [this, take](const std::string& payload) { (this->*take)(payload); }, [this] { handle_ready(); });
        };
        // Awards first: a request can come as soon as the other is there.
        if (method_.kind != RpcMethod::Kind::Multi) awards_ = subscribe("RCLAIM", &Server::take_award);
        requests_ = subscribe("REQ", &Server::take_request);
    }

 private:
    using Request = internal::Request;
    /// Bid for, or about to be; kept until it expires, so that a late award is known.
    struct Offer {
        explicit Offer(Loop& loop) : patience(loop) {}
        Request request;
        TimePoint came;
        bool bid = false, lost = false;
        Timer patience;
    };

    void handle_ready() {
        if (--unready_ > 0) return;
        if (const auto ready = std::exchange(ready_, nullptr)) ready();
    }

    void take_request(const std::string& payload) {
        auto request = from_envelope<Request>(payload);
        if (!request || request->request_id().empty()) return;
        if (std::chrono::system_clock::now() >= from_nanoseconds(request->expiry())) {
            // Seen again and again: the clocks of caller and us do not agree.
            log::warn("psrpc", "a request has expired before it came", {{"method", method_.method}, {"request", request->request_id()}});
            return;
        }
        if (!remember(request->request_id())) return;
        if (method_.kind != RpcMethod::Kind::Queue) return consider(std::move(*request));
        rpc_.redis_.set_if_absent(base64_encode(sha256(payload)), random_id(kIdLength), kQueueLock,
                                  lifeline_.guard([this, request = std::move(*request)](const Result<bool>& taken) mutable {
                                      if (!taken) log::warn("psrpc", "no lock for a request", {{"method", method_.method}, {"why", taken.error().message}});
                                      if (taken && *taken) consider(std::move(request));
                                  }));
    }

    // The same request can come twice when Redis' replicas fail over. The oldest is forgotten first.
    bool remember(const std::string& id) {
        if (std::find(recent_.begin(), recent_.end(), id) != recent_.end()) return false;
        if (recent_.size() < kRememberedRequests) recent_.push_back(id);
        else recent_[next_recent_++ % kRememberedRequests] = id;
        return true;
    }

    void consider(Request request) {
        if (method_.readable && !method_.readable(request.raw_request())) return respond(request, std::unexpected(RpcFault{"malformed_request", "the request cannot be read"}));
        if (method_.kind == RpcMethod::Kind::Multi) return run(std::move(request));
        const auto id = request.request_id();
        const auto body = request.raw_request();
        auto offer = std::make_unique<Offer>(rpc_.loop_);
        offer->came = rpc_.loop_.now();
        const auto left = std::chrono::nanoseconds(request.expiry() - to_nanoseconds(std::chrono::system_clock::now()));
        offer->request = std::move(request);
        offer->patience.after(left, [this, id] { forget(id); });
        offers_[id] = std::move(offer);
        if (method_.kind == RpcMethod::Kind::Queue) return bid(id, body, 1.0F);
        const auto judge = method_.judge;
        judge(id, body, lifeline_.guard([this, id, body, told = false](float value) mutable {
            if (!std::exchange(told, true)) bid(id, body, value);
        }));
    }

    void bid(const std::string& id, const std::string& body, float value) {
        const auto found = offers_.find(id);
        if (!(value > 0)) return void(offers_.erase(id));  // NaN, too
        if (found == offers_.end()) return tell_lost(id, body);  // expired, or given to another already
        auto& offer = *found->second;
        offer.bid = true;
        if (method_.kind == RpcMethod::Kind::Claim && rpc_.loop_.now() - offer.came > kBidTime) {  // nobody hears it
            offers_.erase(found);
            return tell_lost(id, body);
        }
        internal::ClaimRequest claim;
        claim.set_request_id(id);
        claim.set_server_id(id_);
        claim.set_affinity(std::min(value, 1.0F));
        rpc_.redis_.publish(rpc_channel({method_.service, offer.request.client_id(), "CLAIM"}), in_envelope(claim), lifeline_.guard([this, id](const Result<int>& heard) {
            if (!heard) lose(id);
        }));
        if (method_.kind != RpcMethod::Kind::Claim) return;
        // Then it stays known for as long as an award may come.
        const auto left = std::chrono::nanoseconds(offer.request.expiry() - to_nanoseconds(std::chrono::system_clock::now()));
        offer.patience.after(kAwardTime, [this, id, left] {
            const auto still = offers_.find(id);
            if (still == offers_.end()) return;
            still->second->patience.after(std::max<Duration>(left - kAwardTime, milliseconds(1)), [this, id] { forget(id); });
            lose(id);
        });
    }

    void take_award(const std::string& payload) {
        const auto award = from_envelope<internal::ClaimResponse>(payload);
        if (!award) return;
        const auto found = offers_.find(award->request_id());
        if (found == offers_.end()) return;
        const auto offer = std::move(found->second);
        offers_.erase(found);
        if (!offer->bid) return;  // bid() will find that it is gone
        if (award->server_id() == id_) return run(std::move(offer->request));
        if (!offer->lost) tell_lost(award->request_id(), offer->request.raw_request());
    }

    void run(Request request) {
        const auto body = std::move(*request.mutable_raw_request());
        const auto id = request.request_id();
        request.clear_raw_request();
        // Outlives the service: a job's last answer goes out after it was dropped.
        auto answer = rpc_.lifeline_.guard([rpc = &rpc_, service = method_.service, server = id_, request = std::move(request), answered = false](RpcResult<std::string> result) mutable {
            if (!std::exchange(answered, true)) respond_at(*rpc, service, server, request, std::move(result));
        });
        const auto run_it = method_.run;
        // Shared: a std::function is copied, and one answer is given.
        run_it(id, body, [shared = std::make_shared<decltype(answer)>(std::move(answer))](RpcResult<std::string> result) { (*shared)(std::move(result)); });
    }

    void respond(const Request& request, RpcResult<std::string> result) { respond_at(rpc_, method_.service, id_, request, std::move(result)); }
    static void respond_at(Psrpc& rpc, const std::string& service, const std::string& server, const Request& request, RpcResult<std::string> result) {
        internal::Response response;
        response.set_request_id(request.request_id());
        response.set_server_id(server);
        response.set_sent_at(to_nanoseconds(std::chrono::system_clock::now()));
        if (result) {
            response.set_raw_response(std::move(*result));
        } else {  // an empty text would be a success
            response.set_error(result.error().message.empty() ? result.error().code : valid_utf8(result.error().message));
            response.set_code(result.error().code);
        }
        rpc.redis_.publish(rpc_channel({service, request.client_id(), "RES"}), in_envelope(response), [id = request.request_id()](const Result<int>& heard) {
            if (!heard) log::warn("psrpc", "an answer was lost", {{"request", id}, {"why", heard.error().message}});
        });
    }

    void lose(const std::string& id) {
        const auto found = offers_.find(id);
        if (found == offers_.end() || std::exchange(found->second->lost, true)) return;
        const auto body = found->second->request.raw_request();
        tell_lost(id, body);
    }
    // As a copy and last: it may end the service.
    void tell_lost(const std::string& id, const std::string& body) {
        if (const auto told = method_.on_lost) told(std::string(id), std::string(body));
    }

    void forget(const std::string& id) { offers_.erase(id); }

    Psrpc& rpc_;
    RpcMethod method_;
    std::function<void()> ready_;
    int unready_ = 0;
    const std::string id_ = "SRV_" + random_id(kIdLength);
    std::map<std::string, std::unique_ptr<Offer>> offers_;
    std::vector<std::string> recent_;
    std::size_t next_recent_ = 0;
    std::unique_ptr<net::Redis::Subscription> awards_, requests_;
    Lifeline lifeline_;  // last: dies first, on the loop
};

/// The two channels on which one service answers us.
struct Psrpc::Client {
    std::string id = "CLI_" + random_id(kIdLength);
    int unready = 2;
    std::unique_ptr<net::Redis::Subscription> claims, responses;
};

struct Psrpc::Call {
    explicit Call(Loop& loop) : limit(loop) {}
    std::string service, method, topic, body;
    std::int64_t expiry = 0;
    bool begun = false, awarded = false;
    std::function<void(RpcResult<std::string>)> done;
    Timer limit;
};

Psrpc::Psrpc(Loop& loop, net::Redis& redis) : loop_(loop), redis_(redis) {}
Psrpc::~Psrpc() = default;

std::unique_ptr<Psrpc::Served> Psrpc::serve(RpcMethod method, std::function<void()> ready) {
    return std::make_unique<Server>(*this, std::move(method), std::move(ready));
}

Psrpc::Client& Psrpc::client_of(const std::string& service) {
    auto& client = clients_[service];
    if (client) return *client;
    client = std::make_unique<Client>();
    const auto ready = [this, service] {
        if (--clients_.at(service)->unready > 0) return;
        std::vector<std::string> waiting;
        for (const auto& [id, call] : calls_)
            if (call->service == service && !call->begun) waiting.push_back(id);
        for (const auto& id : waiting) begin(id);
    };
    client->claims = redis_.subscribe(rpc_channel({service, client->id, "CLAIM"}), [this](const std::string& payload) { take_claim(payload); }, ready);
    client->responses = redis_.subscribe(rpc_channel({service, client->id, "RES"}), [this](const std::string& payload) { take_response(payload); }, ready);
    return *client;
}

void Psrpc::call(const std::string& service, const std::string& method, const std::string& topic, const std::string& body, milliseconds timeout,
                 std::function<void(RpcResult<std::string>)> done) {
    const auto id = "REQ_" + random_id(kIdLength);
    auto& call = *(calls_[id] = std::make_unique<Call>(loop_));
    call.service = service;
    call.method = method;
    call.topic = topic;
    call.body = body;
    call.expiry = to_nanoseconds(std::chrono::system_clock::now() + timeout);
    call.done = std::move(done);
    call.limit.after(timeout, [this, id] {
        const auto& late = *calls_.at(id);
        if (late.awarded) return finish(id, std::unexpected(RpcFault{"deadline_exceeded", "request timed out"}));
        finish(id, std::unexpected(RpcFault{"unavailable", late.begun ? "no response from servers" : "not connected to Redis"}));
    });
    if (client_of(service).unready == 0) begin(id);
}

void Psrpc::begin(const std::string& id) {
    auto& call = *calls_.at(id);
    call.begun = true;
    internal::Request request;
    request.set_request_id(id);
    request.set_client_id(client_of(call.service).id);
    request.set_sent_at(to_nanoseconds(std::chrono::system_clock::now()));
    request.set_expiry(call.expiry);
    request.set_raw_request(std::move(call.body));
    redis_.publish(rpc_channel({call.service, call.method, call.topic, "REQ"}), in_envelope(request), lifeline_.guard([this, id](const Result<int>& heard) {
        if (!heard) finish(id, std::unexpected(RpcFault{"unavailable", heard.error().message}));
    }));
}

void Psrpc::take_claim(const std::string& payload) {
    const auto claim = from_envelope<internal::ClaimRequest>(payload);
    if (!claim) return;
    const auto found = calls_.find(claim->request_id());
    if (found == calls_.end() || found->second->awarded || !(claim->affinity() > 0)) return;
    auto& call = *found->second;
    call.awarded = true;
    internal::ClaimResponse award;
    award.set_request_id(claim->request_id());
    award.set_server_id(claim->server_id());
    redis_.publish(rpc_channel({call.service, call.method, call.topic, "RCLAIM"}), in_envelope(award), lifeline_.guard([this, id = claim->request_id()](const Result<int>& heard) {
        if (!heard) finish(id, std::unexpected(RpcFault{"deadline_exceeded", heard.error().message}));
    }));
}

void Psrpc::take_response(const std::string& payload) {
    auto response = from_envelope<internal::Response>(payload);
    if (!response) return;
    if (response->error().empty()) return finish(response->request_id(), std::move(*response->mutable_raw_response()));
    finish(response->request_id(), std::unexpected(RpcFault{response->code().empty() ? "unknown" : response->code(), response->error()}));
}

void Psrpc::finish(const std::string& id, RpcResult<std::string> result) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    const auto call = std::move(found->second);
    calls_.erase(found);
    call->limit.cancel();
    if (call->done) call->done(std::move(result));
}

}  // namespace voicectl::livekit
