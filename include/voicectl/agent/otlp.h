// Traces for whoever looks at them elsewhere: spans as OTLP/HTTP wants them in JSON, in batches, beside the calls. A call
// never waits for it: what cannot be sent in time is dropped and counted. One owner, on the loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "voicectl/agent/config.h"
#include "voicectl/base/loop.h"
#include "voicectl/net/http.h"
#include "voicectl/speech/providers.h"

namespace voicectl::agent {

using Attribute = std::variant<std::string, std::int64_t, double, bool>;
using Attributes = std::vector<std::pair<std::string, Attribute>>;

struct Span {
    enum class Kind { Internal = 1, Server = 2, Client = 3 };  // numbers as OTLP has them
    std::string trace_id, span_id, parent_id;  // lower case hexadecimal: 32, 16, 16 or none
    std::string name;
    Kind kind = Kind::Internal;
    std::chrono::system_clock::time_point start, end;
    Attributes attributes;
    std::string error;  // what went wrong; empty: nothing did
};

/// Where spans go, and as whose. A value.
struct OtlpTarget {
    net::HttpClient* http = nullptr;  // outlives the exporter
    std::string url;                  // of traces: "http://127.0.0.1:4318/v1/traces"
    net::Headers headers;
    Attributes resource;              // service.name, …
    bool speech = false;              // spans may hold what people say

    /// By the configuration, else by the standard OTEL_* variables; nothing: no traces are wanted. Faults: an endpoint that is
    /// no http address, a variable for headers that is not set.
    static std::expected<std::optional<OtlpTarget>, speech::OptionFault> find(const AgentConfig& config, const speech::ProviderContext& context);
};

/// The body of one request.
std::string to_otlp_json(const std::vector<Span>& spans, const Attributes& resource);

class SpanExporter {
 public:
    struct Limits {
        std::size_t queue = 4096, batch = 512;         // spans
        std::chrono::milliseconds delay{2000};         // after the first span, unless a batch is full before
        std::chrono::milliseconds first_pause{1000};   // before a batch is sent again, doubled each time
        int attempts = 5;                              // then it is dropped
        std::chrono::milliseconds farewell{500};       // for what is left when the exporter goes
    };
    static std::unique_ptr<SpanExporter> create(Loop& loop, OtlpTarget target, Limits limits);
    static std::unique_ptr<SpanExporter> create(Loop& loop, OtlpTarget target) { return create(loop, std::move(target), Limits()); }
    /// Sends what is left, which blocks for `farewell` at most.
    virtual ~SpanExporter() = default;
    virtual void add(Span span) = 0;
    /// What there is goes out now, not after the delay: a call is over.
    virtual void flush() = 0;
    virtual bool speech() const = 0;
    /// Spans that never arrived.
    std::function<void(std::uint64_t count)> on_dropped;
};

}  // namespace voicectl::agent
