// What front-ends and telephones do to a call (FrontEnd decides who may): typed text and keys are turns like spoken
// ones, but surer.
#include "call_session.h"
#include "voicectl/base/redact.h"

namespace voicectl::agent {
namespace {

// Who types reads: after so long nobody needs to hear us before we greet.
constexpr std::chrono::seconds kReadsOnly{2};

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) text.replace(at, what.size(), by);
    return text;
}

}  // namespace

void CallSession::open_front_end() {
    FrontEnd::Handlers handlers;
    handlers.on_typed = [this](const std::string& text, std::uint64_t id) {
        log_.info("caller typed", {{"text", cut_speech(text)}});
        const auto now = parts_.loop.now();
        on_sure_turn({text, now, now, now, now, R"({"typed":true})", id});
    };
    handlers.on_first_key = [this] { on_first_key(); };
    handlers.on_keys = [this](const std::string& keys, TimePoint began) {
        // What callers press may be secret: a number of a card, a code.
        log_.info("caller pressed keys", {{"count", keys.size()}});
        const auto now = parts_.loop.now();
        on_sure_turn({replaced(parts_.config.dtmf.tell, "{keys}", keys), began, now, now, now, nlohmann::json{{"keys", keys}}.dump()});
    };
    handlers.on_say = [this](const std::string& text) { return on_say(text); };
    handlers.on_interrupt = [this] { return on_interrupt(); };
    handlers.user_state = [this] { return listener_ && listener_->caller_is_speaking() ? "speaking" : asked_if_there_ > 0 ? "away" : "listening"; };
    front_end_ = std::make_unique<FrontEnd>(parts_.loop, parts_.config, *room_, std::move(handlers));
    for (const auto& turn : std::exchange(recalled_, {})) front_end_->turn(turn, /*told=*/false);
}

void CallSession::on_text(const rtc::TextMessage& message) {
    if (!ended_) front_end_->on_text(message);
}

void CallSession::on_bytes(const rtc::ByteMessage& message) {
    if (!ended_) front_end_->on_bytes(message);
}

void CallSession::on_dtmf(const rtc::Dtmf& dtmf) {
    if (!ended_) front_end_->on_dtmf(dtmf);
}

// No noise and no agreement: a turn, whatever is being said.
void CallSession::on_sure_turn(UserTurn turn) {
    asked_if_there_ = 0;
    hang_up_next_ = false;
    expect_caller();
    if (reply_ && reply_->interruptible() && !leaving_) give_way();
    save_user_turn(turn);
    if (leaving_) return front_end_->answered(turn.message, {});
    if (greeted_ && !reply_) {
        remember(turn);
        return answer(turn);
    }
    hold(turn);
    if (greeted_) return;
    // It waits for the greeting, and that for somebody who hears it: a caller who only reads is greeted all the same.
    unheard_timer_.after(kReadsOnly, [this] {
        track_heard_ = true;
        greet_when_heard();
    });
}

void CallSession::on_first_key() {
    away_timer_.cancel();
    if (!reply_ || !reply_->interruptible()) return;
    give_way();
    show_state("listening");
}

bool CallSession::on_say(const std::string& text) {
    if (!greeted_ || !output_ || ended_ || leaving_ || hang_up_timer_.pending() || (reply_ && !reply_->interruptible())) return false;
    if (reply_) give_way();
    say(text, /*interruptible=*/true);
    return true;
}

bool CallSession::on_interrupt() {
    if (!reply_ || !reply_->interruptible()) return false;
    give_way();
    show_state("listening");
    wait_for_caller();
    return true;
}

}  // namespace voicectl::agent
