#include "voicectl/agent/otlp.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <nlohmann/json.hpp>

#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::agent {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t kLongestSpanText = 4096;  // of an attribute
constexpr std::size_t kLargestAnswer = 64 * 1024;
constexpr std::chrono::seconds kLongestPause{30};
constexpr std::chrono::seconds kRequestTime{10};

/// OTLP's JSON has 64 bit numbers as text.
Json value_of(const Attribute& attribute) {
    if (const auto* text = std::get_if<std::string>(&attribute)) return {{"stringValue", valid_utf8(text->substr(0, kLongestSpanText))}};
    if (const auto* number = std::get_if<std::int64_t>(&attribute)) return {{"intValue", std::to_string(*number)}};
    if (const auto* number = std::get_if<double>(&attribute)) return {{"doubleValue", *number}};
    return {{"boolValue", std::get<bool>(attribute)}};
}

Json list_of(const Attributes& attributes) {
    auto out = Json::array();
    for (const auto& [key, value] : attributes) out.push_back({{"key", key}, {"value", value_of(value)}});
    return out;
}

std::string nanoseconds(std::chrono::system_clock::time_point at) {
    return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count());
}

Json to_json(const Span& span) {
    Json out{{"traceId", span.trace_id},
             {"spanId", span.span_id},
             {"name", span.name},
             {"kind", static_cast<int>(span.kind)},
             {"startTimeUnixNano", nanoseconds(span.start)},
             {"endTimeUnixNano", nanoseconds(std::max(span.start, span.end))},
             {"attributes", list_of(span.attributes)},
             {"status", Json::object()}};
    if (!span.parent_id.empty()) out["parentSpanId"] = span.parent_id;
    if (!span.error.empty()) out["status"] = {{"code", 2}, {"message", valid_utf8(redact(span.error)).substr(0, kLongestSpanText)}};
    return out;
}

/// "a=1,b=2", as OTEL_* variables have lists.
std::vector<std::pair<std::string, std::string>> pairs_in(const std::string& text) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& part : split(text, ',')) {
        const auto at = part.find('=');
        if (at == std::string::npos) continue;
        out.emplace_back(trim(std::string_view(part).substr(0, at)), net::percent_decode(trim(std::string_view(part).substr(at + 1))));
    }
    return out;
}

bool may_be_header(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 0x20 && c < 0x7F) || c == '\t'; });
}

class HttpExporter final : public SpanExporter {
 public:
    HttpExporter(Loop& loop, OtlpTarget target, Limits limits) : loop_(loop), target_(std::move(target)), limits_(limits), timer_(loop) {}

    ~HttpExporter() override {
        transfer_.reset();
        waiting_.insert(waiting_.begin(), std::make_move_iterator(batch_.begin()), std::make_move_iterator(batch_.end()));
        say_goodbye();
    }

    bool speech() const override { return target_.speech; }

    void add(Span span) override {
        if (waiting_.size() >= limits_.queue) return dropped(1);
        waiting_.push_back(std::move(span));
        if (transfer_ || pausing_) return;
        if (waiting_.size() >= limits_.batch) return send_soon();
        if (!timer_.pending()) timer_.after(limits_.delay, [this] { send(); });
    }

    void flush() override {
        if (!waiting_.empty() && !transfer_ && !pausing_) send_soon();
    }

 private:
    void send_soon() {
        timer_.after(milliseconds{0}, [this] { send(); });
    }

    net::HttpRequest request(const std::vector<Span>& spans) const {
        net::HttpRequest out;
        out.method = "POST";
        out.url = target_.url;
        out.headers = target_.headers;
        out.headers.emplace_back("Content-Type", "application/json");
        out.body = to_otlp_json(spans, target_.resource);
        out.total_timeout = out.idle_timeout = kRequestTime;
        out.max_body = kLargestAnswer;
        return out;
    }

    void send() {
        pausing_ = false;
        if (batch_.empty()) {
            const auto count = std::min(waiting_.size(), limits_.batch);
            batch_.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.begin() + static_cast<std::ptrdiff_t>(count)));
            waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
            attempts_ = 0;
        }
        if (batch_.empty()) return;
        ++attempts_;
        status_ = 0;
        pause_wished_ = {};
        answer_.clear();
        transfer_ = target_.http->stream(request(batch_), loop_,
                                         {.on_head =
                                              [this](const net::HttpResponse& head) {
                                                  status_ = head.status;
                                                  pause_wished_ = std::min<milliseconds>(net::retry_after(head, std::chrono::system_clock::now()).value_or(milliseconds(0)), kLongestPause);
                                              },
                                          .on_chunk = [this](std::string_view chunk) { answer_ += chunk.substr(0, kLargestAnswer - std::min(kLargestAnswer, answer_.size())); },
                                          .on_done =
                                              [this](const Result<void>& done) {
                                                  loop_.post(lifeline_.guard([this, why = done ? std::string() : done.error().message] { judge(why); }));
                                              }});
    }

    void judge(const std::string& broken) {
        transfer_.reset();
        if (broken.empty() && status_ >= 200 && status_ < 300) {
            note_rejected();
            if (std::exchange(in_trouble_, false)) log::info("agent", "traces are taken again", {{"endpoint", target_.url}});
            batch_.clear();
            return go_on();
        }
        const auto why = broken.empty() ? fmt::format("it answered {}", status_) : broken;
        if (!std::exchange(in_trouble_, true)) log::warn("agent", "traces cannot be sent", {{"endpoint", target_.url}, {"error", why}});
        const bool may_pass = !broken.empty() || status_ == 429 || status_ == 502 || status_ == 503 || status_ == 504;
        if (!may_pass || attempts_ >= limits_.attempts) {
            dropped(batch_.size());
            batch_.clear();
            return go_on();
        }
        pausing_ = true;
        const auto pause = std::min<milliseconds>(limits_.first_pause * (1 << std::min(attempts_ - 1, 10)), kLongestPause);
        timer_.after(std::max(pause, pause_wished_), [this] { send(); });
    }

    void go_on() {
        if (!waiting_.empty()) send_soon();
    }

    /// {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "…"}}
    void note_rejected() {
        const auto answer = Json::parse(answer_, nullptr, false);
        if (!answer.is_object() || !answer.contains("partialSuccess") || !answer["partialSuccess"].is_object()) return;
        const auto count = answer["partialSuccess"].value("rejectedSpans", Json());
        const auto text = bare_text(count);
        std::uint64_t rejected = 0;
        std::from_chars(text.data(), text.data() + text.size(), rejected);
        if (rejected > 0) dropped(std::min<std::uint64_t>(rejected, batch_.size()));
    }

    void dropped(std::uint64_t count) {
        if (on_dropped) on_dropped(count);
    }

    void say_goodbye() {
        const auto until = Deadline::in(limits_.farewell);
        while (!waiting_.empty() && !in_trouble_ && !until.passed()) {
            const auto count = std::min(waiting_.size(), limits_.batch);
            auto last = request({waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count)});
            last.connect_timeout = last.idle_timeout = last.total_timeout = std::max(milliseconds{1}, std::chrono::duration_cast<milliseconds>(until.left()));
            const auto sent = target_.http->send(last);
            in_trouble_ = !sent || sent->status >= 300;
            if (in_trouble_) break;
            waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
        }
        if (waiting_.empty()) return;
        log::warn("agent", "the last spans of traces are lost", {{"endpoint", target_.url}, {"spans", waiting_.size()}});
        dropped(waiting_.size());
    }

    Loop& loop_;
    OtlpTarget target_;
    Limits limits_;
    std::deque<Span> waiting_;
    std::vector<Span> batch_;  // on its way, or to be sent again
    int attempts_ = 0, status_ = 0;
    milliseconds pause_wished_{0};
    std::string answer_;
    bool in_trouble_ = false, pausing_ = false;
    std::unique_ptr<net::HttpStream> transfer_;
    Timer timer_;
    Lifeline lifeline_;
};

}  // namespace

std::string to_otlp_json(const std::vector<Span>& spans, const Attributes& resource) {
    auto list = Json::array();
    for (const auto& span : spans) list.push_back(to_json(span));
    const Json scope{{"scope", {{"name", "voicectl.agent"}, {"version", VOICECTL_VERSION}}}, {"spans", std::move(list)}};
    const Json whole{{"resource", {{"attributes", list_of(resource)}}}, {"scopeSpans", Json::array({scope})}};
    return json_text({{"resourceSpans", Json::array({whole})}});
}

std::expected<std::optional<OtlpTarget>, speech::OptionFault> OtlpTarget::find(const AgentConfig& config, const speech::ProviderContext& context) {
    const auto variable = [&](const char* name) { return context.environment(name).value_or(""); };
    const auto fault = [](const char* key, std::string message, std::string hint = {}) {
        return std::unexpected(speech::OptionFault{key, std::move(message), std::move(hint)});
    };
    const auto& settings = config.otlp;
    OtlpTarget out;
    out.http = &context.http;
    out.speech = settings.speech;
    out.url = settings.endpoint.empty() ? variable("OTEL_EXPORTER_OTLP_ENDPOINT") : settings.endpoint;
    while (out.url.ends_with('/')) out.url.pop_back();
    if (!out.url.empty()) out.url += "/v1/traces";
    if (const auto whole = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"); settings.endpoint.empty() && !whole.empty()) out.url = whole;
    if (out.url.empty() || to_lower_ascii(variable("OTEL_SDK_DISABLED")) == "true") return std::nullopt;
    if (settings.endpoint.empty() && (variable("OTEL_TRACES_EXPORTER") == "none" || variable("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc")) return std::nullopt;
    const auto url = net::parse_url(out.url);
    if (!url || (url->scheme != "http" && url->scheme != "https"))
        return fault("otlp.endpoint", url ? "must begin with http:// or https://" : url.error().message, "write it like http://127.0.0.1:4318");

    auto headers = variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS");
    if (headers.empty()) headers = variable("OTEL_EXPORTER_OTLP_HEADERS");
    if (!settings.headers_env.empty()) {
        headers = variable(settings.headers_env.c_str());
        if (headers.empty()) return fault("otlp.headers_env", fmt::format("the variable {} is not set", settings.headers_env), "it holds headers like api-key=…,x-team=voice");
    }
    for (auto& [name, value] : pairs_in(headers)) {
        if (name.empty() || !may_be_header(name) || !may_be_header(value)) return fault("otlp.headers_env", "holds what can be no header", "it holds headers like api-key=…,x-team=voice");
        register_secret(value);
        out.headers.emplace_back(std::move(name), std::move(value));
    }
    auto service = variable("OTEL_SERVICE_NAME");
    for (auto& [name, value] : pairs_in(variable("OTEL_RESOURCE_ATTRIBUTES"))) {
        if (name == "service.name" && service.empty()) service = value;
        if (name != "service.name") out.resource.emplace_back(std::move(name), std::move(value));
    }
    out.resource.emplace_back("service.name", service.empty() ? "voicectl-agent" : service);
    out.resource.emplace_back("service.version", VOICECTL_VERSION);
    out.resource.emplace_back("service.instance.id", fmt::format("{}-{}", config.name, getpid()));
    return out;
}

std::unique_ptr<SpanExporter> SpanExporter::create(Loop& loop, OtlpTarget target, Limits limits) {
    return std::make_unique<HttpExporter>(loop, std::move(target), limits);
}

}  // namespace voicectl::agent
