// Hands stored events over to other receivers (n8n and the like), each signed anew with our key over the exact bytes.
// The queue is the store's and outlives us; order is kept per room and target; at least once: who is killed between the
// answer and its note sends again, under the same event id. Lives on a loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "voicectl/base/loop.h"
#include "voicectl/livekit/token.h"
#include "voicectl/net/http.h"
#include "voicectl/store/store.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::webhook {

struct ForwarderOptions {
    std::vector<std::string> targets;  // http:// or https://
    livekit::ApiKey key;
    int at_once = 16;
    std::chrono::milliseconds attempt_timeout{30'000};
    std::chrono::milliseconds first_pause{1000}, longest_pause{300'000};  // of each a random part (full jitter)
    std::chrono::hours life{24};       // then an event is given up
};

class Forwarder {
 public:
    /// The client outlives us.
    Forwarder(Loop& loop, store::AsyncStore& store, net::HttpClient& http, ForwarderOptions options);
    ~Forwarder();
    /// Something may be due: also once at the start, for what an earlier life left.
    void wake();
    /// Nothing more is begun; `done` once what is under way is noted.
    void finish(std::function<void()> done);
    std::function<void(const store::Delivery&)> on_attempt;
    std::function<void(const std::string& target, int dropped)> on_gone;

 private:
    struct Flight;
    struct Due {
        std::vector<store::Forward> now;
        std::optional<store::SystemTime> next;
    };
    void look();
    void on_due(const Result<Due>& due);
    void send(store::Forward forward);
    void on_answer(std::int64_t id, const Result<void>& transport);
    void note(std::int64_t id, const store::Delivery& attempt, std::optional<store::SystemTime> again);
    void give_up(const std::string& target);
    std::chrono::milliseconds pause_after(int attempts);
    void landed(std::int64_t id);

    Loop& loop_;
    store::AsyncStore& store_;
    net::HttpClient& http_;
    ForwarderOptions options_;
    std::map<std::int64_t, std::unique_ptr<Flight>> flights_;
    bool looking_ = false, again_ = false, finishing_ = false;
    std::function<void()> finished_;
    std::mt19937_64 random_{std::random_device{}()};
    Timer timer_;
    Lifeline lifeline_;
};

/// 2xx is delivered; 410 ends the target; what may be better later is tried again; anything else, redirects too, is not.
enum class Reply { Delivered, Gone, Again, Refused };
Reply judge_reply(int status);

}  // namespace voicectl::webhook
