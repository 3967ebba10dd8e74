// What the server tells of itself: a line for each request, and numbers for Prometheus (docs/serve.md). On the loop, but for
// EndedCalls.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "core/serve/route.h"
#include "voicectl/base/metrics.h"
#include "voicectl/base/loop.h"

namespace voicectl::serve {

/// One request on its way to its answer.
struct Exchange {
    net::ServedRequest request;
    net::HttpServer::Respond respond;  // empty once answered
    TimePoint began;
    std::string id, client;            // client: address and port
    const Route* route = nullptr;
    std::string name = "none";         // of the route
    std::shared_ptr<Question> question;
    bool awaited = false;  // begun before the end was
};
using ExchangePtr = std::shared_ptr<Exchange>;

/// Of the calls that agents have stored: how many go on, and of those that ended since we run how, at what cost and how quick.
struct StoreNumbers {
    std::size_t active_calls = 0, active_sessions = 0;
    std::vector<nlohmann::ordered_json> ended;  // detail records of those that were not told yet
};

/// Which calls have been told. On the store's thread.
class EndedCalls {
 public:
    explicit EndedCalls(store::SystemTime since) : since_(since) {}
    Result<StoreNumbers> read(store::Store& store);

 private:
    store::SystemTime since_;
    std::set<std::int64_t> told_;
};

class Traffic {
 public:
    explicit Traffic(Loop& loop) : loop_(loop), since_(loop.now()) {}
    TimePoint since() const { return since_; }
    void begin() { ++in_flight_; }
    void end(const Exchange& exchange, const net::ServedResponse& response);
    void refused(const char* reason);
    void call_started();
    std::string text(const StoreNumbers& numbers);

    static const std::vector<Metrics::Definition>& definitions();

 private:
    Loop& loop_;
    TimePoint since_;
    std::size_t in_flight_ = 0;
    Metrics metrics_{definitions()};
};

}  // namespace voicectl::serve
