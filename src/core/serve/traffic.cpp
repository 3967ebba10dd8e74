#include "core/serve/traffic.h"

#include <charconv>

#include "voicectl/agent/detail_record.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::serve {
namespace {

constexpr int kMostActive = 10'000, kMostRead = 200;
constexpr std::chrono::hours kLookBack{24};  // a call that lasted longer is not counted
constexpr std::size_t kLongestPath = 120;

double number_in(const nlohmann::ordered_json& record, const char* key) {
    const auto found = record.find(key);
    if (found == record.end()) return 0;
    if (found->is_number()) return found->get<double>();
    if (!found->is_string()) return 0;
    const auto& text = found->get_ref<const std::string&>();  // money
    double out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

}  // namespace

Result<StoreNumbers> EndedCalls::read(store::Store& store) {
    StoreNumbers out;
    store::CallFilter active;
    active.status = "active";
    active.limit = kMostActive;
    VC_TRY_ASSIGN(const auto calls, store.list(active));
    out.active_calls = calls.size();
    store::SessionFilter sessions;
    sessions.status = "active";
    sessions.limit = kMostActive;
    VC_TRY_ASSIGN(const auto open, store.list_sessions(sessions));
    out.active_sessions = open.size();
    store::CallFilter recent;
    recent.since = std::chrono::system_clock::now() - kLookBack;
    recent.limit = kMostRead;
    VC_TRY_ASSIGN(const auto latest, store.list(recent));
    std::set<std::int64_t> still;
    for (const auto& call : latest) {
        if (!call.ended_at || *call.ended_at < since_) continue;
        still.insert(call.id);
        if (told_.contains(call.id)) continue;
        VC_TRY_ASSIGN(auto record, agent::read_detail_record(store, call));
        out.ended.push_back(std::move(record));
    }
    told_ = std::move(still);
    return out;
}

const std::vector<Metrics::Definition>& Traffic::definitions() {
    using MetricKind = Metrics::Kind;
    static const std::vector<Metrics::Definition> all{
        {MetricKind::Counter, "voicectl_http_requests_total", "Requests by route (its operationId, or page), method and status"},
        {MetricKind::Histogram, "voicectl_http_request_seconds", "From the whole request to its answer, by route"},
        {MetricKind::Gauge, "voicectl_http_requests_in_flight", "Requests that are being answered"},
        {MetricKind::Counter, "voicectl_http_refused_total", "Requests that were not let in, by reason"},
        {MetricKind::Counter, "voicectl_calls_started_total", "Calls that POST /v1/calls has made"},
        {MetricKind::Gauge, "voicectl_stored_calls_active", "Calls in the store that go on"},
        {MetricKind::Gauge, "voicectl_stored_sessions_active", "Sessions in the store that are not completed"},
        {MetricKind::Counter, "voicectl_stored_calls_ended_total", "Calls in the store that ended since this process runs, by status: completed, failed"},
        {MetricKind::Counter, "voicectl_stored_cost_usd_total", "What they cost, as far as prices are known"},
        {MetricKind::Histogram, "voicectl_stored_answer_seconds", "The median answer of each of them, from the caller's last sound to the agent's first"},
        {MetricKind::Gauge, "voicectl_uptime_seconds", "Since this process runs"},
    };
    return all;
}

void Traffic::end(const Exchange& exchange, const net::ServedResponse& response) {
    --in_flight_;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - exchange.began);
    const auto& method = exchange.request.method;
    const bool known = method == "GET" || method == "HEAD" || method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE" || method == "OPTIONS";
    metrics_.add("voicectl_http_requests_total", {{"route", exchange.name}, {"method", known ? method : "other"}, {"status", std::to_string(response.status)}});
    metrics_.observe("voicectl_http_request_seconds", static_cast<double>(took.count()) / 1e6, {{"route", exchange.name}});
    const auto who = exchange.question ? exchange.question->caller : Caller{};
    log::info("http", "request",
              {{"request", exchange.id}, {"method", plain_text(method, 16)}, {"path", plain_text(exchange.request.path, kLongestPath)}, {"status", response.status}, {"ms", fmt::format("{:.1f}", static_cast<double>(took.count()) / 1e3)},
               {"bytes", response.body.size()}, {"who", to_string(who.who)}, {"user", plain_text(who.user_id, 64)}, {"client", exchange.client}});
}

void Traffic::refused(const char* reason) { metrics_.add("voicectl_http_refused_total", {{"reason", reason}}); }

void Traffic::call_started() { metrics_.add("voicectl_calls_started_total"); }

std::string Traffic::text(const StoreNumbers& numbers) {
    metrics_.set("voicectl_http_requests_in_flight", static_cast<double>(in_flight_));
    metrics_.set("voicectl_stored_calls_active", static_cast<double>(numbers.active_calls));
    metrics_.set("voicectl_stored_sessions_active", static_cast<double>(numbers.active_sessions));
    metrics_.set("voicectl_uptime_seconds", std::chrono::duration<double>(loop_.now() - since_).count());
    for (const auto& record : numbers.ended) {
        metrics_.add("voicectl_stored_calls_ended_total", {{"status", record.value("status", std::string())}});
        metrics_.add("voicectl_stored_cost_usd_total", {}, number_in(record, "costUsd"));
        if (number_in(record, "answers") > 0) metrics_.observe("voicectl_stored_answer_seconds", number_in(record, "answerP50Ms") / 1000);
    }
    return metrics_.text();
}

}  // namespace voicectl::serve
