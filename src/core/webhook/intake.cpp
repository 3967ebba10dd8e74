#include "voicectl/webhook/intake.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "voicectl/base/text.h"

namespace voicectl::webhook {
namespace {

constexpr std::size_t kMostWaitingBytes = 64 * 1024 * 1024;
constexpr std::size_t kMostWaiting = 20'000;
constexpr std::chrono::seconds kLogPeriod{1};
constexpr std::size_t kMostRefusedLogged = 10;     // in a period
constexpr std::size_t kMostReadOfRefused = 64 * 1024;  // a larger one is logged unread
constexpr std::size_t kLongestName = 200;
constexpr const char* kRetryAfter = "2";    // seconds; LiveKit keeps an event for 30

net::ServedResponse plain_answer(int status, std::string_view text) {
    net::ServedResponse out{status, std::string(text) + "\n"};
    if (status == 503) out.headers.emplace_back("Retry-After", kRetryAfter);
    if (status == 405) out.headers.emplace_back("Allow", "POST");
    return out;
}

// A delivery that is LiveKit's own and that we cannot read is kept all the same, under what it is.
store::WebhookEvent unread_event(const std::string& body) {
    store::WebhookEvent out;
    out.id = "sha256:" + livekit::webhook_hash(body);
    out.event = "unknown";
    out.body = body;
    out.created_at = std::chrono::system_clock::now();
    return out;
}

// What depends on the events themselves, as against a store that is down or full.
bool is_of_the_events(const Error& error) { return error.code == Errc::Rejected || error.code == Errc::Usage || error.code == Errc::Other; }

}  // namespace

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::Stored: return "stored";
        case Outcome::Repeated: return "repeated";
        case Outcome::Refused: return "refused";
        case Outcome::Postponed: return "postponed";
    }
    return "";
}

Intake::Intake(Loop& loop, store::AsyncStore& store, IntakeOptions options) : loop_(loop), store_(store), options_(std::move(options)) {}

Intake::~Intake() { log_refused(); }

void Intake::handle(const net::ServedRequest& request, net::HttpServer::Respond respond) {
    if (request.path != options_.path) return respond(plain_answer(404, "nothing here"));
    if (request.method != "POST") return respond(plain_answer(405, "webhooks are POSTed"));
    Waiting one{{}, std::move(respond), loop_.now()};
    one.handled.headers = request.headers;
    if (auto verified = verify(request, one.handled); !verified) return refuse(std::move(one), 401, verified.error().message);
    auto read = store::parse_webhook_event(request.body);
    if (!read && !options_.verify) return refuse(std::move(one), 400, read.error().message);
    auto& event = one.handled.event;
    event = read ? std::move(*read) : unread_event(request.body);
    event.received_at = std::chrono::system_clock::now();
    event.authorization = std::string(request.header("authorization"));
    if (options_.verify) event.key = one.handled.verdict.key;
    event.forward = !options_.forwards || options_.forwards(event);
    if (!scripted(one)) enqueue(std::move(one));
}

Result<void> Intake::verify(const net::ServedRequest& request, Handled& handled) const {
    if (!options_.verify) return {};
    handled.verdict = livekit::verify_delivery(request.header("authorization"), request.body, options_.keys);
    if (handled.verdict.valid()) return {};
    handled.event.body = request.body;
    handled.event.authorization = std::string(request.header("authorization"));
    handled.event.received_at = std::chrono::system_clock::now();
    return fail(Errc::Auth, "{}", handled.verdict.reason);
}

/// True: answered as the script says.
bool Intake::scripted(Waiting& one) {
    if (answered_ >= options_.answers.size()) return false;
    const int status = options_.answers[answered_++];
    if (status == 200) return false;
    one.handled.outcome = status == 503 ? Outcome::Postponed : Outcome::Refused;
    one.handled.status = status;
    one.handled.reason = "by --respond";
    one.respond(plain_answer(status, "by --respond"));
    finish(one);
    return true;
}

void Intake::add(std::vector<store::WebhookEvent> events) {
    for (auto& event : events) {
        Waiting one{{}, {}, loop_.now()};
        one.handled.event = std::move(event);
        enqueue(std::move(one));
    }
}

void Intake::enqueue(Waiting one) {
    const auto size = one.handled.event.body.size();
    if (waiting_.size() >= kMostWaiting || waiting_bytes_ + size > kMostWaitingBytes) return postpone(std::move(one), "too many deliveries wait for the store");
    waiting_bytes_ += size;
    waiting_.push_back(std::move(one));
    if (!writing_) write_next();
}

void Intake::write_next() {
    if (waiting_.empty()) {
        if (on_idle) on_idle();
        return;
    }
    writing_ = true;
    const auto count = std::min(waiting_.size(), options_.most_at_once);
    auto batch = std::make_shared<std::vector<Waiting>>(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.begin() + static_cast<std::ptrdiff_t>(count)));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    auto events = std::make_shared<std::vector<store::WebhookEvent>>();
    for (auto& one : *batch) {
        waiting_bytes_ -= one.handled.event.body.size();
        events->push_back(one.handled.event);
    }
    store_.run<std::vector<bool>>(
        [events, targets = options_.targets](store::Store& store) -> Result<std::vector<bool>> {
            auto taken = store.webhooks().take(*events, targets);
            if (taken || events->size() == 1 || !is_of_the_events(taken.error())) return taken;
            // One of them cannot be stored: that must not keep the others out. What is stored counts as repeated then,
            // and so does no harm when it comes again.
            std::vector<bool> each;
            for (const auto& event : *events) {
                auto one = store.webhooks().take({event}, targets);
                if (!one) return one;
                each.push_back(one->front());
            }
            return each;
        },
        lifeline_.guard([this, batch](const Result<std::vector<bool>>& fresh) { on_written(std::move(*batch), fresh); }));
}

void Intake::on_written(std::vector<Waiting> batch, const Result<std::vector<bool>>& fresh) {
    writing_ = false;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        auto& one = batch[i];
        if (!fresh) {
            postpone(std::move(one), fresh.error().message);
            continue;
        }
        one.handled.outcome = (*fresh)[i] ? Outcome::Stored : Outcome::Repeated;
        if (one.respond) {
            one.handled.status = 200;
            one.respond(plain_answer(200, "ok"));
        }
        finish(one);
    }
    if (!writing_) write_next();
}

void Intake::refuse(Waiting one, int status, std::string reason) {
    one.handled.outcome = Outcome::Refused;
    one.handled.status = status;
    one.handled.reason = std::move(reason);
    // Whoever is not LiveKit learns nothing from us.
    one.respond(plain_answer(status, status == 401 ? "not a signed delivery of LiveKit" : "no webhook event"));
    finish(one);
}

void Intake::postpone(Waiting one, std::string reason) {
    one.handled.outcome = Outcome::Postponed;
    one.handled.reason = std::move(reason);
    if (one.respond) {
        one.handled.status = 503;
        one.respond(plain_answer(503, "cannot store it now"));
    }
    finish(one);
}

void Intake::finish(Waiting& one) {
    one.handled.took = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - one.since);
    if (one.handled.outcome == Outcome::Refused || one.handled.outcome == Outcome::Postponed) note_refused(one.handled);
    if (on_handled) on_handled(one.handled);
}

// Of what nobody signed the names are told, which are the sender's to choose; its id is not believed.
void Intake::note_refused(const Handled& handled) {
    if (!refused_timer_.pending()) refused_timer_.after(kLogPeriod, [this] { log_refused(); });
    if (refused_.size() >= kMostRefusedLogged) {
        ++refused_more_;
        return;
    }
    auto event = handled.event;
    const bool signed_one = !event.event.empty();
    if (!signed_one && event.body.size() <= kMostReadOfRefused)
        if (auto read = store::parse_webhook_event(event.body)) event = std::move(*read);
    const auto name = [](const std::string& text) { return plain_text(text, kLongestName); };
    refused_.push_back({signed_one ? event.id : "", name(event.event), name(event.room), "", 1, std::string(to_string(handled.outcome)), handled.status, handled.took,
                        std::chrono::system_clock::now(), name(handled.reason)});
}

void Intake::log_refused() {
    refused_timer_.cancel();
    if (refused_.empty()) return;
    if (refused_more_ > 0) {
        auto more = refused_.back();
        more.event_id = more.event = more.room = "";
        more.reason = fmt::format("{} more in the same second", refused_more_);
        refused_.push_back(std::move(more));
    }
    refused_more_ = 0;
    store_.run<void>([deliveries = std::exchange(refused_, {})](store::Store& store) { return store.webhooks().log_refused(deliveries); }, [](const Result<void>&) {});
}

}  // namespace voicectl::webhook
