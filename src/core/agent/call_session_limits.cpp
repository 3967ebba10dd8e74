// The part of a call session that keeps its bounds: money, time, silence; and what it notes down for the report.
#include <nlohmann/json.hpp>

#include "call_session.h"
#include "voicectl/base/json.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// A voice that does not come to an end keeps nobody on the line.
constexpr std::chrono::seconds kGoodbyeTime{20};

json usage_report(Ledger& ledger, const std::string& room) {
    return {{"lines", ledger.increments()}, {"totalNanos", ledger.total().nanos}, {"room", room}};
}

}  // namespace

// ---- money ----

void CallSession::watch_money() {
    // A provider may be in the middle of something: what follows from it waits for the next turn of the loop.
    ledger_->on_change = lifeline_.guard([this] {
        if (std::exchange(cost_noted_, true)) return;
        parts_.loop.post(lifeline_.guard([this] { on_cost(); }));
    });
}

void CallSession::on_cost() {
    cost_noted_ = false;
    if (ended_) return;
    report("usage", usage_report(*ledger_, ticket_.room));
    const auto cost = ledger_->total();
    const auto step = budget_.at(cost);
    if (step == Budget::Step::Fine) return;
    const auto detail = fmt::format("{} of {} USD", to_text(cost), to_text(budget_.limit()));
    if (step == Budget::Step::Spent) return limit_reached("budget", settings_.budget_goodbye(), fmt::format("budget spent: {}", detail));
    log_.warn("the call has cost most of its budget", {{"cost", detail}});
    record_->event(ms(parts_.loop.now()), "budget_warning", detail);
    report("budget_warning", {{"detail", detail}, {"room", ticket_.room}});
    warn_ = settings_.budget_warning();
    if (!reply_) say_warning();
}

bool CallSession::say_warning() {
    if (warn_.empty() || leaving_ || ended_ || hang_up_timer_.pending()) return false;
    say(std::exchange(warn_, {}), /*interruptible=*/true);
    return reply_ != nullptr;
}

// ---- time and silence ----

void CallSession::limit_time() {
    const auto& limits = parts_.config.limits;
    const auto gone = std::chrono::duration_cast<milliseconds>(wall(parts_.loop.now()) - call_start_);  // in another process
    duration_timer_.after(std::max(limits.max_duration - gone, milliseconds{1000}),
                          [this] { limit_reached("duration", settings_.duration_goodbye(), "longest duration reached"); });
}

void CallSession::expect_caller() {
    const auto& limits = parts_.config.limits;
    if (limits.idle.count() == 0) return;
    idle_timer_.after(limits.idle, [this] {
        if (listener_ && listener_->caller_is_speaking()) return expect_caller();
        limit_reached("idle", settings_.idle_goodbye(), "the caller was silent for too long");
    });
}

void CallSession::limit_reached(const char* which, const std::string& words, const std::string& reason) {
    if (ended_ || leaving_ || hang_up_timer_.pending()) return;  // it ends already
    log_.info("a limit ends the call", {{"limit", which}});
    record_->event(ms(parts_.loop.now()), "limit", which);
    report("limit", {{"limit", which}});
    say_goodbye(words, reason);
}

void CallSession::say_goodbye(const std::string& words, const std::string& reason) {
    if (ended_ || leaving_ || hang_up_timer_.pending()) return;
    leaving_ = reason;
    last_words_ = words;
    away_timer_.cancel();
    if (const auto held = std::exchange(held_, std::nullopt)) {
        remember(*held);
        front_end_->answered(held->message, {});
    }
    goodbye_timer_.after(kGoodbyeTime, [this] { end(leaves_well_, *leaving_); });
    if (words.empty() || !output_ || !caller_) return end(leaves_well_, reason);
    if (reply_ && reply_->paused()) give_way();
    if (!reply_) return say(words, /*interruptible=*/false);
    if (!reply_->wind_up(words)) farewell_ = words;  // its end is on its way to us
}

// ---- the report ----

std::int64_t CallSession::ms(TimePoint at) const { return std::chrono::floor<milliseconds>(wall(at) - call_start_).count(); }

void CallSession::on_gap(const char* cause, milliseconds gap) {
    report("audio_gap", {{"waitedFor", cause}, {"ms", gap.count()}});
    record_->event(ms(parts_.loop.now()), "audio_gap", fmt::format("{} ms, waited for {}", gap.count(), cause));
    log_.debug("a gap in what the agent says", {{"waited_for", cause}, {"ms", gap.count()}});
}

json CallSession::reply_stages() const {
    const auto& times = reply_->times();
    json out = json::array();
    const auto note = [&](const char* stage, std::optional<TimePoint> from, std::optional<TimePoint> to) {
        if (from && to) out.push_back({{"stage", stage}, {"atMs", ms(*from)}, {"tookMs", ms(*to) - ms(*from)}});
    };
    note("llm", times.asked, times.first_text);
    note("tts", times.first_text, times.first_synthesis);
    note("output", times.first_synthesis, times.first_audio);
    note("speech", times.first_audio, times.last_audio);
    return out;
}

std::string CallSession::user_detail(const UserTurn& turn) {
    auto detail = json::parse(turn.detail, nullptr, false);
    if (!detail.is_object()) {  // spoken
        const auto part = [this](const char* stage, TimePoint from, TimePoint to) {
            return json{{"stage", stage}, {"atMs", ms(from)}, {"tookMs", ms(to) - ms(from)}};
        };
        detail = {{"stages", json::array({part("speech", turn.began, turn.ended), part("end_of_turn", turn.ended, turn.decided),
                                          part("stt", turn.decided, turn.recognised)})}};
    }
    if (auto used = ledger_->take({Stage::Stt}); !used.empty()) detail["usage"] = std::move(used);
    return json_text(detail);
}

void CallSession::save_record() { transcript_.save_report(record_->head(*ledger_)); }

void CallSession::resume_record(const TranscriptLog::Recalled& recalled) {
    if (recalled.started_at != store::SystemTime{}) call_start_ = recalled.started_at;
    const auto head = json::parse(recalled.report, nullptr, false);
    record_->restore(head);
    if (head.is_object() && head.contains("costLines")) ledger_->restore(head["costLines"]);
    record_->event(ms(parts_.loop.now()), "taken_up");
}

// The last word on the call. What a provider tells of it later is added, as long as the host lives.
void CallSession::close_record() {
    input_.reset();
    listener_.reset();  // what it has heard is charged
    ledger_->on_change = nullptr;
    report("usage", usage_report(*ledger_, ticket_.room));
    log_.info("call is over", {{"turns", transcript_.turns()}, {"costUsd", to_text(ledger_->total())}});
    const auto save = transcript_.report_saver(parts_.config.report_dir);
    save(record_->head(*ledger_));
    ledger_->on_change = [ledger = ledger_.get(), record = record_, save, tell = parts_.on_report, job = ticket_.job_id, room = ticket_.room] {
        save(record->head(*ledger));
        if (!tell) return;
        auto late = usage_report(*ledger, room);
        late.update({{"type", "report"}, {"kind", "usage"}, {"job", job}, {"late", true}});
        tell(late);
    };
}

}  // namespace voicectl::agent
