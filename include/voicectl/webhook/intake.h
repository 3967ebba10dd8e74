// Taking LiveKit's webhook deliveries: verify, write durably, only then answer. Lives on a loop; the store works on its
// own thread, and all deliveries that wait while it syncs go into its next transaction (group commit).
//
// LiveKit counts most 4xx as delivered and tries again after 5xx (docs/webhooks.md): trouble of our own is always 503
// with a Retry-After, and what the sender did wrong never is. What is not taken goes to the log of deliveries, at most
// ten a second and once a second: the others are counted.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "voicectl/base/loop.h"
#include "voicectl/livekit/webhook.h"
#include "voicectl/net/http_server.h"
#include "voicectl/store/store.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::webhook {

inline constexpr std::size_t kMaxBody = 8 * 1024 * 1024;  // a room's and a participant's metadata at their limits, escaped

struct IntakeOptions {
    livekit::WebhookKeys keys;
    bool verify = true;
    std::string path = "/";
    std::vector<std::string> targets;  // whole addresses to forward to
    std::function<bool(const store::WebhookEvent&)> forwards;  // empty: all
    std::size_t most_at_once = 1000;   // events in one transaction, which has to stay within what an answer may take
    std::vector<int> answers;          // for tests of senders: given to the first deliveries in order; what is no 200 is not stored
};

enum class Outcome { Stored, Repeated, Refused, Postponed };
std::string_view to_string(Outcome outcome);

/// One delivery and what became of it.
struct Handled {
    store::WebhookEvent event;  // of a refused one as far as it could be read
    livekit::WebhookVerdict verdict;
    net::Headers headers;       // names in lower case
    Outcome outcome = Outcome::Refused;
    int status = 0;             // answered; 0: nobody asked (a gap that was filled)
    std::string reason;
    std::chrono::milliseconds took{0};
};

class Intake {
 public:
    Intake(Loop& loop, store::AsyncStore& store, IntakeOptions options);
    ~Intake();

    void handle(const net::ServedRequest& request, net::HttpServer::Respond respond);
    /// Events that nobody delivers: what filled a gap.
    void add(std::vector<store::WebhookEvent> events);
    /// After the answer, in the order of the transactions.
    std::function<void(const Handled&)> on_handled;
    /// Nothing waits for the store.
    bool idle() const { return !writing_ && waiting_.empty(); }
    std::function<void()> on_idle;

 private:
    struct Waiting {
        Handled handled;
        net::HttpServer::Respond respond;  // empty: nobody waits
        TimePoint since;
    };
    void refuse(Waiting one, int status, std::string reason);
    void postpone(Waiting one, std::string reason);
    bool scripted(Waiting& one);
    Result<void> verify(const net::ServedRequest& request, Handled& handled) const;
    void enqueue(Waiting one);
    void write_next();
    void on_written(std::vector<Waiting> batch, const Result<std::vector<bool>>& fresh);
    void finish(Waiting& one);
    void note_refused(const Handled& handled);
    void log_refused();

    Loop& loop_;
    store::AsyncStore& store_;
    IntakeOptions options_;
    std::deque<Waiting> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::size_t answered_ = 0;  // of the scripted answers
    bool writing_ = false;
    std::vector<store::Delivery> refused_;  // not in the log yet
    int refused_more_ = 0;                  // beyond those
    Timer refused_timer_{loop_};
    Lifeline lifeline_;
};

}  // namespace voicectl::webhook
