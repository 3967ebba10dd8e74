// psrpc: how LiveKit's servers and workers call each other, over Redis' publish and subscribe. Both sides of it: methods that are
// served, and calls. Lives on the loop of its Redis; all is called and calls back there.
//
// A caller publishes a request to all who serve the method. Those who want it bid, the caller awards it to one, and that one answers.
// There is no ack and no ping: what does not come in time was lost, and is asked again under a new request id.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "voicectl/base/loop.h"
#include "voicectl/net/redis.h"

namespace voicectl::livekit {

/// What is answered in place of a result. `code` as in Twirp ("not_found"); of our own are "unavailable" (nobody bid: nothing
/// was done) and "deadline_exceeded" (nobody answered: open what was done).
struct RpcFault {
    std::string code, message;
};
template<class T>
using RpcResult = std::expected<T, RpcFault>;

/// The cause by the fault's code, for whoever prints it.
Error to_error(const RpcFault& fault);

inline constexpr std::chrono::milliseconds kBidTime{1000};    // callers hear no later bid
inline constexpr std::chrono::milliseconds kAwardTime{1500};  // after a bid: then nobody was chosen
inline constexpr std::chrono::seconds kQueueLock{5};

/// A method as it is served. Bodies are the method's own messages in protobuf.
struct RpcMethod {
    enum class Kind {
        Claim,  // judge() bids; the award decides
        Queue,  // one of all receivers takes it, by a lock in Redis
        Multi,  // everybody answers, at once
    };
    std::string service, method, topic;  // no topic: empty
    Kind kind = Kind::Queue;
    /// Whether the body can be read; if not, malformed_request is the answer. None: it always can.
    std::function<bool(const std::string& body)> readable = {};
    /// Claim. `bid` once, within kBidTime: more than 0 up to 1 (which wins at once), or 0 to stay silent.
    std::function<void(const std::string& request_id, const std::string& body, std::function<void(float)> bid)> judge = {};
    /// The award, or whatever needs none; `answer` once. After `on_lost` (kAwardTime passed without a word) the award may still come: what
    /// was reserved must be looked for again.
    std::function<void(const std::string& request_id, std::string body, std::function<void(RpcResult<std::string>)> answer)> run;
    /// Claim: a bid above 0 came to nothing, because another has it or nobody chose. Once, or not at all.
    std::function<void(const std::string& request_id, const std::string& body)> on_lost = {};
};

class Psrpc {
 public:
    /// The Redis outlives us.
    Psrpc(Loop& loop, net::Redis& redis);
    ~Psrpc();

    /// Dropping it ends the service: no request is heard any more, and `on_lost` is not called; answers under way still go out.
    class Served {
     public:
        virtual ~Served() = default;
    };
    /// `ready`: once, when every channel of it is subscribed. Must not outlive us.
    std::unique_ptr<Served> serve(RpcMethod method, std::function<void()> ready = {});

    /// A queue method of others: the first bid gets the award. `done` exactly once, within `timeout`, unless we are dropped before.
    void call(const std::string& service, const std::string& method, const std::string& topic, const std::string& body, std::chrono::milliseconds timeout,
              std::function<void(RpcResult<std::string>)> done);

 private:
    struct Call;
    struct Client;
    class Server;
    Client& client_of(const std::string& service);
    void begin(const std::string& request_id);
    void finish(const std::string& request_id, RpcResult<std::string> result);
    void take_claim(const std::string& payload);
    void take_response(const std::string& payload);

    Loop& loop_;
    net::Redis& redis_;
    std::map<std::string, std::unique_ptr<Client>> clients_;  // by service
    std::map<std::string, std::unique_ptr<Call>> calls_;      // by request id
    Lifeline lifeline_;  // last: dies first, on the loop
};

/// A channel's name of its parts, the empty ones left out; what is no letter, digit or underscore is escaped.
std::string rpc_channel(std::initializer_list<std::string_view> parts);

}  // namespace voicectl::livekit
