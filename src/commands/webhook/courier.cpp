#include "commands/webhook/courier.h"

#include <algorithm>
#include <random>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

// Full jitter: as many who failed together do not come back together.
Duration full_jitter(Duration most) {
    thread_local std::minstd_rand random{std::random_device{}()};
    return Duration(std::uniform_int_distribution<Duration::rep>(0, most.count())(random));
}

bool worth_another(const Error& error) { return error.code == Errc::Unreachable || error.code == Errc::Timeout; }

}  // namespace

Courier::Courier(Loop& loop, CourierOptions options, CourierHooks hooks)
    : loop_(loop), options_(std::move(options)), hooks_(std::move(hooks)), targets_(options_.targets.size()),
      most_pending_(std::max<std::size_t>(256, 16 * options_.concurrency)) {}

bool Courier::all_targets_gone() const {
    return std::all_of(targets_.begin(), targets_.end(), [](const Target& one) { return one.gone; });
}

void Courier::take(CapturedDelivery delivery, const std::vector<std::size_t>& to) {
    const auto shared = std::make_shared<const CapturedDelivery>(std::move(delivery));
    for (const auto number : to) {
        auto& lane = targets_[number].lanes[shared->order_key];
        if (!lane) {
            lane = std::make_unique<Lane>();
            lane->target = number;
            lane->key = shared->order_key;
        }
        lane->waiting.push_back(shared);
        ++pending_;
        pending_bytes_ += shared->body.size();
        if (lane->queued) continue;  // whatever is under way there comes first
        if (targets_[number].gone) give_up(*lane);
        else make_ready(*lane);
    }
    pump();
}

void Courier::make_ready(Lane& lane) {
    lane.queued = true;
    ready_.push_back(&lane);
}

void Courier::stop() { stopping_ = true; }

void Courier::fail_with(Error error) {
    if (trouble_) trouble_ = std::unexpected(std::move(error));
    stop();
}

void Courier::pump() {
    while (!stopping_ && !ready_.empty() && in_flight_.size() < options_.concurrency) {
        auto& lane = *ready_.front();
        ready_.pop_front();
        const auto pause = targets_[lane.target].not_before - loop_.now();
        if (targets_[lane.target].gone) give_up(lane);
        else if (pause > Duration::zero()) try_again(lane, pause);
        else begin(lane);
    }
}

void Courier::begin(Lane& lane) {
    const auto& delivery = *lane.waiting.front();
    if (lane.attempts == 0) {
        if (auto noted = hooks_.on_begin(delivery, lane.target); !noted) return fail_with(std::move(noted).error());
    }
    ++lane.attempts;
    const auto id = ++last_flight_;
    auto& flight = in_flight_[id];
    flight.lane = &lane;
    flight.begun = loop_.now();
    net::HttpStreamHandlers handlers;
    handlers.on_head = [this, id](const net::HttpResponse& head) {
        if (const auto found = in_flight_.find(id); found != in_flight_.end()) found->second.head = head;
    };
    handlers.on_done = [this, id](const Result<void>& done) { on_done(id, done); };
    flight.stream = hooks_.send(delivery_request(options_.targets[lane.target], hooks_.authorize(delivery), delivery.content_type, delivery.body, options_.limit), std::move(handlers));
}

void Courier::on_done(std::uint64_t id, const Result<void>& done) {
    const auto flight = in_flight_.extract(id);  // dies with the stream at the end of this
    if (flight.empty()) return;
    const auto& [lane_of, begun, head, stream] = flight.mapped();
    auto& lane = *lane_of;
    Outcome outcome{lane.waiting.front().get(), lane.target, false, true, head.status, lane.attempts, loop_.now() - begun, {}, Errc::CheckFailed};
    // The status decides; that the rest of an answer broke off is no matter.
    const auto answer = head.status != 0 ? answer_of(head.status) : Answer::Again;
    const bool again = head.status != 0 ? answer == Answer::Again : !done && worth_another(done.error());
    outcome.delivered = head.status != 0 && answer == Answer::Delivered;
    if (again && lane.attempts < options_.attempts && !stopping_) {
        ++retries_;
        if (const auto asked = net::retry_after(head, std::chrono::system_clock::now()))
            targets_[lane.target].not_before = std::max(targets_[lane.target].not_before, loop_.now() + *asked);
        try_again(lane, wait_before_next(lane, head));
    } else {
        if (!outcome.delivered && head.status != 0) outcome.error = answer_words(head.status);
        if (!outcome.delivered && head.status == 0 && !done) {
            outcome.error = done.error().message;
            outcome.code = done.error().code;
        }
        if (answer == Answer::Gone) targets_[lane.target].gone = true;
        finish(lane, std::move(outcome));
    }
    pump();
    hooks_.on_room();
}

Duration Courier::wait_before_next(const Lane& lane, const net::HttpResponse& head) {
    if (const auto asked = net::retry_after(head, std::chrono::system_clock::now())) return *asked;
    const auto most = options_.first_wait * (1u << std::min(lane.attempts - 1, 10u));
    return full_jitter(std::min<Duration>(most, options_.longest_wait));
}

void Courier::try_again(Lane& lane, Duration wait) {
    loop_.call_at(loop_.now() + wait, lifeline_.guard([this, &lane] {
        ready_.push_front(&lane);
        pump();
        hooks_.on_room();
    }));
}

void Courier::finish(Lane& lane, Outcome outcome) {
    const auto delivery = lane.waiting.front();  // outlives the hook
    lane.waiting.pop_front();
    lane.attempts = 0;
    --pending_;
    pending_bytes_ -= delivery->body.size();
    if (auto told = hooks_.on_end(outcome); !told) fail_with(std::move(told).error());
    if (targets_[lane.target].gone) return give_up(lane);
    if (!lane.waiting.empty()) return make_ready(lane);
    targets_[lane.target].lanes.erase(lane.key);  // keys come and go: a year of rooms must not stay in memory
}

void Courier::give_up(Lane& lane) {
    while (!lane.waiting.empty()) {
        Outcome outcome{lane.waiting.front().get(), lane.target, false, false, 0, lane.attempts, {}, "its target wants no more (410)", Errc::CheckFailed};
        const auto delivery = lane.waiting.front();
        lane.waiting.pop_front();
        --pending_;
        pending_bytes_ -= delivery->body.size();
        if (auto told = hooks_.on_end(outcome); !told) fail_with(std::move(told).error());
    }
    targets_[lane.target].lanes.erase(lane.key);
}

}  // namespace voicectl::commands
