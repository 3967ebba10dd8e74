#include "voicectl/agent/otlp.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "support/live_loop.h"
#include "voicectl/net/http_server.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

Span span(const std::string& name) {
    Span out;
    out.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    out.span_id = "00f067aa0ba902b7";
    out.name = name;
    out.start = std::chrono::system_clock::time_point(1'700'000'000s);
    out.end = out.start + 1500ms;
    return out;
}

/// A collector that answers what the test has written down, then 200, and an exporter that sends to it.
struct Collector {
    explicit Collector(std::vector<net::ServedResponse> given = {}, SpanExporter::Limits limits = fast()) : answers(std::move(given)) {
        loop.on_loop([&] {
            net::HttpServerOptions options;
            options.max_body = 16 << 20;
            server = std::move(*net::HttpServer::listen(loop.get(), options, [this](const net::ServedRequest& request, const net::HttpServer::Respond& respond) {
                const auto which = seen.size();
                waiter.change([&] { seen.push_back(request); });
                respond(which < answers.size() ? answers[which] : net::ServedResponse{200, "{}", "application/json"});
            }));
            OtlpTarget target;
            target.http = &http;
            target.url = fmt::format("http://127.0.0.1:{}/v1/traces", server->port());
            target.headers = {{"x-team", "voice"}};
            target.resource = {{"service.name", std::string("test")}};
            exporter = SpanExporter::create(loop.get(), std::move(target), limits);
            exporter->on_dropped = [this](std::uint64_t count) { waiter.change([&] { dropped += count; }); };
        });
    }
    ~Collector() {
        loop.on_loop([&] {
            exporter.reset();
            server.reset();
        });
    }
    static SpanExporter::Limits fast() {
        SpanExporter::Limits limits;
        limits.delay = 5ms;
        limits.first_pause = 1ms;
        limits.farewell = 1ms;
        return limits;
    }
    void add(int count) {
        loop.on_loop([&] {
            for (int i = 0; i < count; ++i) exporter->add(span(fmt::format("s{}", i)));
        });
    }
    bool wait_for_requests(std::size_t count) {
        return waiter.wait([&] { return seen.size() >= count; });
    }
    std::size_t spans_in(std::size_t request) {
        return nlohmann::json::parse(seen.at(request).body)["resourceSpans"][0]["scopeSpans"][0]["spans"].size();
    }

    net::HttpClient http;
    std::vector<net::ServedResponse> answers;
    std::vector<net::ServedRequest> seen;
    std::uint64_t dropped = 0;
    test::Waiter waiter;
    test::LiveLoop loop;
    std::unique_ptr<net::HttpServer> server;
    std::unique_ptr<SpanExporter> exporter;
};

}  // namespace

TEST_CASE("a span in JSON is as OTLP has it") {
    auto one = span("llm_node");
    one.parent_id = "1111111111111111";
    one.kind = Span::Kind::Client;
    one.attributes = {{"text", std::string("a\xff")}, {"count", std::int64_t{7}}, {"share", 0.5}, {"flag", true}};
    one.error = "broken";
    const auto body = nlohmann::json::parse(to_otlp_json({one}, {{"service.name", std::string("x")}}));
    const auto& resource = body["resourceSpans"][0];
    CHECK(resource["resource"]["attributes"][0].dump() == R"({"key":"service.name","value":{"stringValue":"x"}})");
    const auto& written = resource["scopeSpans"][0]["spans"][0];
    CHECK(written["traceId"] == one.trace_id);
    CHECK(written["parentSpanId"] == one.parent_id);
    CHECK(written["kind"] == 3);
    CHECK(written["startTimeUnixNano"] == "1700000000000000000");
    CHECK(written["endTimeUnixNano"] == "1700000001500000000");
    CHECK(written["status"].dump() == R"({"code":2,"message":"broken"})");
    CHECK(written["attributes"][0]["value"]["stringValue"] == "a\ufffd");
    CHECK(written["attributes"][1]["value"]["intValue"] == "7");
    CHECK(written["attributes"][2]["value"]["doubleValue"] == 0.5);
    CHECK(written["attributes"][3]["value"]["boolValue"] == true);
}

TEST_CASE("spans go out in batches, with the configured headers") {
    auto limits = Collector::fast();
    limits.batch = 10;
    limits.delay = 1h;
    Collector collector({}, limits);
    collector.add(9);
    collector.loop.on_loop([] {});
    CHECK(collector.seen.empty());
    collector.add(1);
    REQUIRE(collector.wait_for_requests(1));
    CHECK(collector.spans_in(0) == 10);
    CHECK(collector.seen[0].path == "/v1/traces");
    CHECK(collector.seen[0].header("x-team") == "voice");
    CHECK(collector.seen[0].header("content-type") == "application/json");
    collector.add(3);
    collector.loop.on_loop([&] { collector.exporter->flush(); });
    REQUIRE(collector.wait_for_requests(2));
    CHECK(collector.spans_in(1) == 3);
    CHECK(collector.dropped == 0);
}

TEST_CASE("a collector in trouble gets the batch again, one that refuses it does not") {
    SUBCASE("in trouble") {
        Collector collector({{503, "later"}, {429, "later", "text/plain", {{"Retry-After", "0"}}}});
        collector.add(2);
        REQUIRE(collector.wait_for_requests(3));
        CHECK(collector.seen[0].body == collector.seen[2].body);
        CHECK(collector.dropped == 0);
    }
    SUBCASE("for too long") {
        auto limits = Collector::fast();
        limits.attempts = 3;
        Collector collector({{503, ""}, {503, ""}, {503, ""}}, limits);
        collector.add(2);
        REQUIRE(collector.waiter.wait([&] { return collector.dropped == 2; }));
        CHECK(collector.seen.size() == 3);
        collector.add(1);  // and what comes after it is sent
        REQUIRE(collector.wait_for_requests(4));
    }
    SUBCASE("refused") {
        Collector collector({{400, "no"}});
        collector.add(2);
        REQUIRE(collector.waiter.wait([&] { return collector.dropped == 2; }));
        CHECK(collector.seen.size() == 1);
    }
}

TEST_CASE("spans that the collector rejects are counted") {
    Collector collector({{200, R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}})", "application/json"}});
    collector.add(3);
    REQUIRE(collector.waiter.wait([&] { return collector.dropped == 2; }));
}

TEST_CASE("a full queue drops what comes and keeps the calls going") {
    auto limits = Collector::fast();
    limits.queue = 5;
    limits.delay = 1h;
    Collector collector({}, limits);
    collector.add(8);
    CHECK(collector.dropped == 3);
}

TEST_CASE("what is left goes out when the exporter goes") {
    auto limits = Collector::fast();
    limits.delay = 1h;
    limits.farewell = 10s;
    net::HttpClient http;
    test::LiveLoop server_loop, loop;
    test::Waiter waiter;
    std::vector<std::string> seen;
    auto server = server_loop.on_loop([&] {
        return std::move(*net::HttpServer::listen(server_loop.get(), {}, [&](const net::ServedRequest& request, const net::HttpServer::Respond& respond) {
            waiter.change([&] { seen.push_back(request.body); });
            respond({200, "{}"});
        }));
    });
    loop.on_loop([&] {
        OtlpTarget target;
        target.http = &http;
        target.url = fmt::format("http://127.0.0.1:{}/v1/traces", server->port());
        const auto exporter = SpanExporter::create(loop.get(), std::move(target), limits);
        exporter->add(span("last"));
    });
    CHECK(seen.size() == 1);
    server_loop.on_loop([&] { server.reset(); });
}

namespace {

Workers& workers() {
    static Workers only(1, "test");
    return only;
}

std::expected<std::optional<OtlpTarget>, speech::OptionFault> found(OtlpSettings settings, std::map<std::string, std::string> environment) {
    static net::HttpClient http;
    AgentConfig config;
    config.name = "a";
    config.otlp = std::move(settings);
    return OtlpTarget::find(config, {workers(), http,
                                     [&](const std::string& name) -> std::optional<std::string> {
                                         const auto one = environment.find(name);
                                         if (one == environment.end()) return std::nullopt;
                                         return one->second;
                                     },
                                     "."});
}

}  // namespace

TEST_CASE("where traces go is said by the configuration, or by the standard variables") {
    CHECK_FALSE(*found({}, {}));
    CHECK((*found({.endpoint = "http://localhost:4318/"}, {}))->url == "http://localhost:4318/v1/traces");
    CHECK((*found({}, {{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example.com"}}))->url == "https://otel.example.com/v1/traces");
    CHECK((*found({}, {{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://localhost:1/mine"}}))->url == "http://localhost:1/mine");
    CHECK((*found({.endpoint = "http://a"}, {{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b"}}))->url == "http://a/v1/traces");
    CHECK_FALSE(*found({.endpoint = "http://a"}, {{"OTEL_SDK_DISABLED", "true"}}));
    CHECK_FALSE(*found({}, {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"}, {"OTEL_TRACES_EXPORTER", "none"}}));
    CHECK_FALSE(*found({}, {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4317"}, {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}));
    const auto whole = *found({.endpoint = "http://a", .headers_env = "H"}, {{"H", "api-key=a%20secret, x=1"}, {"OTEL_SERVICE_NAME", "desk"}, {"OTEL_RESOURCE_ATTRIBUTES", "service.name=other,region=eu"}});
    CHECK(whole->headers == net::Headers{{"api-key", "a secret"}, {"x", "1"}});
    CHECK(std::get<std::string>(whole->resource.at(0).second) == "eu");
    CHECK(std::get<std::string>(whole->resource.at(1).second) == "desk");
    CHECK(found({.endpoint = "ftp://a"}, {}).error().key == "otlp.endpoint");
    CHECK(found({.endpoint = "http://a", .headers_env = "H"}, {}).error().message == "the variable H is not set");
    CHECK(found({.endpoint = "http://a", .headers_env = "H"}, {{"H", "x=%0d%0aEvil: 1"}}).error().message == "holds what can be no header");
}
