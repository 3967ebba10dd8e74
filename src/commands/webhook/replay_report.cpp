#include "commands/webhook/replay_report.h"

#include <cmath>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr double kShortestMs = 0.01, kStep = 1.02;

double in_ms(Duration took) { return std::chrono::duration<double, std::milli>(took).count(); }

double tenths(double ms) { return std::round(ms * 100) / 100; }

}  // namespace

void Latencies::add(Duration took) {
    const auto step = std::log(std::max(1.0, in_ms(took) / kShortestMs)) / std::log(kStep);
    ++counts_[std::min(counts_.size() - 1, static_cast<std::size_t>(step))];
    ++all_;
}

std::optional<double> Latencies::percentile(double part) const {
    if (all_ == 0) return std::nullopt;
    const auto wanted = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(all_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i)
        if ((seen += counts_[i]) >= std::max<std::uint64_t>(1, wanted)) return tenths(kShortestMs * std::pow(kStep, static_cast<double>(i) + 0.5));
    return std::nullopt;
}

Json outcome_json(const Outcome& outcome, const std::string& target) {
    const auto& one = *outcome.delivery;
    return {{"line", one.line}, {"id", one.id}, {"event", one.event}, {"room", one.room}, {"to", target}, {"delivered", outcome.delivered},
            {"status", outcome.status == 0 ? Json() : Json(outcome.status)}, {"ms", outcome.sent ? Json(tenths(in_ms(outcome.took))) : Json()},
            {"attempts", outcome.attempts}, {"error", outcome.error}};
}

std::string outcome_line(const Outcome& outcome, const std::string& target) {
    const auto& one = *outcome.delivery;
    const auto what = plain_text(fmt::format("{} {} {}", one.id.empty() ? "-" : one.id, one.event.empty() ? "-" : one.event, one.room), 160);
    const auto status = outcome.status == 0 ? std::string("-") : std::to_string(outcome.status);
    auto out = fmt::format("{} {} {:.1f} ms", what, status, in_ms(outcome.took));
    if (outcome.attempts > 1) out += fmt::format(", {} attempts", outcome.attempts);
    if (!target.empty()) out += " " + target;
    if (!outcome.delivered) out += ": not delivered: " + plain_text(outcome.error, 200);
    return out + "\n";
}

void ReplayReport::add(const Outcome& outcome, const std::string& target) {
    attempts += outcome.attempts;
    if (outcome.delivered) {
        ++delivered;
        latencies_.add(outcome.took);
        return;
    }
    ++(outcome.sent ? failed : not_sent);
    if (first_reason.empty()) {
        first_failure = outcome.code;
        first_reason = outcome.error;
    }
    if (failures_.size() < kMostFailures) failures_.push_back(outcome_json(outcome, target));
}

Json ReplayReport::json() const {
    const auto ms = [this](double part) {
        const auto value = latencies_.percentile(part);
        return value ? Json(*value) : Json();
    };
    const auto seconds = std::chrono::duration<double>(took).count();
    return {{"schemaVersion", 1}, {"selected", selected}, {"delivered", delivered}, {"failed", failed}, {"notSent", not_sent}, {"left", left},
            {"alreadyDelivered", already_delivered}, {"attempts", attempts}, {"retries", retries},
            {"seconds", std::round(seconds * 1000) / 1000}, {"perSecond", seconds > 0 ? std::round(static_cast<double>(delivered) / seconds * 10) / 10 : 0.0},
            {"latencyMs", {{"p50", ms(0.5)}, {"p95", ms(0.95)}, {"p99", ms(0.99)}}}, {"inDoubt", in_doubt}, {"failures", failures_}};
}

std::string ReplayReport::lines() const {
    auto out = fmt::format("{} delivered in {}", delivered, format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(took)));
    if (const auto middle = latencies_.percentile(0.5)) out += fmt::format(" (p50 {} ms, p95 {} ms)", *middle, *latencies_.percentile(0.95));
    const auto more = [&](std::size_t count, const char* what) {
        if (count != 0) out += fmt::format(", {} {}", count, what);
    };
    more(failed, "refused or given up");
    more(not_sent, "not sent");
    more(left, "left");
    more(already_delivered, "delivered by an earlier run");
    more(retries, "further attempts");
    if (!in_doubt.empty()) out += fmt::format("\nwere on their way when the earlier run ended, and may arrive twice: lines {}", fmt::join(in_doubt, ", "));
    return out;
}

}  // namespace voicectl::commands
