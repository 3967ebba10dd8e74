#include "voicectl/webhook/forwarder.h"

#include <algorithm>

#include "voicectl/livekit/json.h"
#include "voicectl/livekit/webhook.h"

namespace voicectl::webhook {
namespace {

constexpr std::chrono::seconds kStorePause{2};  // when the store itself has trouble

std::chrono::system_clock::time_point wall_clock() { return std::chrono::system_clock::now(); }

}  // namespace

Reply judge_reply(int status) {
    if (status >= 200 && status < 300) return Reply::Delivered;
    if (status == 410) return Reply::Gone;
    if (status == 408 || status == 425 || status == 429 || status >= 500 || status == 0) return Reply::Again;
    return Reply::Refused;
}

struct Forwarder::Flight {
    store::Forward forward;
    TimePoint since;
    net::HttpResponse head;
    std::unique_ptr<net::HttpStream> stream;
};

Forwarder::Forwarder(Loop& loop, store::AsyncStore& store, net::HttpClient& http, ForwarderOptions options)
    : loop_(loop), store_(store), http_(http), options_(std::move(options)), timer_(loop) {}

Forwarder::~Forwarder() = default;

void Forwarder::wake() {
    again_ = true;
    if (!looking_) look();
}

void Forwarder::finish(std::function<void()> done) {
    finishing_ = true;
    timer_.cancel();
    if (flights_.empty()) return done();
    finished_ = std::move(done);
}

void Forwarder::look() {
    const auto room = options_.at_once - static_cast<int>(flights_.size());
    if (finishing_ || options_.targets.empty() || room <= 0) return;
    looking_ = true;
    again_ = false;
    std::vector<std::int64_t> busy;
    for (const auto& [id, flight] : flights_) busy.push_back(id);
    store_.run<Due>(
        [targets = options_.targets, busy, room](store::Store& store) -> Result<Due> {
            Due due;
            VC_TRY_ASSIGN(due.now, store.webhooks().due_forwards(targets, busy, wall_clock(), room));
            VC_TRY_ASSIGN(due.next, store.webhooks().next_forward(targets));
            return due;
        },
        lifeline_.guard([this](const Result<Due>& due) { on_due(due); }));
}

void Forwarder::on_due(const Result<Due>& due) {
    looking_ = false;
    if (finishing_) return;
    if (!due) return timer_.after(kStorePause, [this] { wake(); });
    for (const auto& forward : due->now)
        if (static_cast<int>(flights_.size()) < options_.at_once && !flights_.contains(forward.id)) send(forward);
    if (again_) return look();
    if (due->next && *due->next > wall_clock()) timer_.after(*due->next - wall_clock(), [this] { wake(); });
}

void Forwarder::send(store::Forward forward) {
    const auto id = forward.id;
    net::HttpRequest request;
    request.method = "POST";
    request.url = forward.target;
    request.body = forward.event.body;
    request.headers = {{"Content-Type", livekit::kWebhookContentType}, {"Authorization", livekit::sign_delivery(options_.key, request.body)}};
    request.total_timeout = options_.attempt_timeout;
    auto& flight = flights_[id] = std::make_unique<Flight>();
    flight->forward = std::move(forward);
    flight->since = loop_.now();
    net::HttpStreamHandlers handlers;
    handlers.on_head = [this, id](const net::HttpResponse& head) { flights_[id]->head = head; };
    handlers.on_chunk = [](std::string_view) {};
    handlers.on_done = [this, id](const Result<void>& done) { on_answer(id, done); };
    flight->stream = http_.stream(std::move(request), loop_, std::move(handlers));
}

std::chrono::milliseconds Forwarder::pause_after(int attempts) {
    const auto longest = std::min(options_.longest_pause, options_.first_pause * (std::int64_t{1} << std::min(attempts, 20)));
    return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, longest.count())(random_));
}

void Forwarder::on_answer(std::int64_t id, const Result<void>& transport) {
    const auto& flight = *flights_[id];
    const auto& forward = flight.forward;
    const auto now = wall_clock();
    store::Delivery attempt{forward.event.id, forward.event.event, forward.event.room, livekit::without_secrets(forward.target), forward.attempts + 1};
    attempt.at = now;
    attempt.took = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - flight.since);
    attempt.status = flight.head.status;
    if (!transport && attempt.status == 0) attempt.reason = transport.error().message;
    std::optional<store::SystemTime> again;
    switch (judge_reply(attempt.status)) {
        case Reply::Delivered: attempt.outcome = "delivered"; break;
        case Reply::Refused: attempt.outcome = "refused"; break;
        case Reply::Gone: attempt.outcome = "gone"; break;
        case Reply::Again:
            attempt.outcome = "failed";
            again = now + std::max(pause_after(forward.attempts), net::retry_after(flight.head, now).value_or(std::chrono::milliseconds{0}));
            if (*again - forward.queued_at > options_.life) attempt.outcome = "expired";
    }
    if (attempt.outcome != "failed") again.reset();
    if (attempt.outcome == "gone") give_up(forward.target);
    if (on_attempt) on_attempt(attempt);
    note(id, attempt, again);
}

void Forwarder::note(std::int64_t id, const store::Delivery& attempt, std::optional<store::SystemTime> again) {
    store_.run<void>([id, attempt, again](store::Store& store) { return store.webhooks().end_forward(id, attempt, again); },
                     lifeline_.guard([this, id](const Result<void>& noted) {
                         // Not noted: it stays on the queue and goes out again; that is what "at least once" means.
                         if (noted) return landed(id);
                         flights_.erase(id);
                         if (finishing_ && flights_.empty() && finished_) return std::exchange(finished_, nullptr)();
                         timer_.after(kStorePause, [this] { wake(); });
                     }));
}

void Forwarder::landed(std::int64_t id) {
    flights_.erase(id);
    if (finishing_ && flights_.empty() && finished_) return std::exchange(finished_, nullptr)();
    if (!finishing_) wake();
}

void Forwarder::give_up(const std::string& target) {
    std::erase(options_.targets, target);
    store_.run<int>([target](store::Store& store) { return store.webhooks().drop_target(target); },
                    lifeline_.guard([this, target](const Result<int>& dropped) {
                        if (dropped && on_gone) on_gone(livekit::without_secrets(target), *dropped);
                    }));
}

}  // namespace voicectl::webhook
