#include "commands/agent/health.h"
#include "voicectl/base/json.h"

#include <charconv>

namespace voicectl::commands {
net::ServedResponse health_json(int status, const Json& value) { return {status, json_text(value) + "\n", "application/json"}; }

net::ServedResponse only_get() { return {405, "only GET\n", "text/plain; charset=utf-8", {{"Allow", "GET, HEAD"}}}; }

Result<net::HttpServerOptions> health_address(const std::string& text) {
    net::HttpServerOptions out;
    const auto colon = text.rfind(':');
    const auto digits = colon == std::string::npos ? text : text.substr(colon + 1);
    if (colon != std::string::npos) {
        out.host = text.substr(0, colon);
        if (out.host.starts_with('[') && out.host.ends_with(']')) out.host = out.host.substr(1, out.host.size() - 2);
    }
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || out.port < 0 || out.port > 65535 || out.host.empty())
        return fail_with_hint(Errc::Usage, fmt::format("--health: '{}' is no port", text), "write it like 8081, or 0.0.0.0:8081 to be reached from elsewhere");
    return out;
}

Result<std::unique_ptr<AgentHealth>> AgentHealth::serve(AsioLoop& loop, const net::HttpServerOptions& options, Sources sources) {
    auto self = std::unique_ptr<AgentHealth>(new AgentHealth(std::move(sources)));
    VC_TRY_ASSIGN(self->server_, net::HttpServer::listen(loop, options, [me = self.get()](const net::ServedRequest& request, const net::HttpServer::Respond& respond) {
        me->answer(request, respond);
    }));
    return self;
}

void AgentHealth::answer(const net::ServedRequest& request, const net::HttpServer::Respond& respond) {
    if (request.method != "GET" && request.method != "HEAD") return respond(only_get());
    if (request.path == "/health") return respond(health_json(200, {{"status", "ok"}}));
    if (request.path == "/ready") {
        const auto why = sources_.closed();
        return respond(why.empty() ? health_json(200, {{"ready", true}}) : health_json(503, {{"ready", false}, {"reason", why}}));
    }
    if (request.path == "/health/db") {
        return sources_.database([respond](const Result<void>& there) {
            respond(there ? health_json(200, {{"status", "ok"}}) : health_json(503, {{"status", "failed"}, {"reason", there.error().message}}));
        });
    }
    if (request.path == "/status") return respond(health_json(200, sources_.status()));
    if (request.path == "/metrics") {
        sources_.refresh(metrics_);
        return respond({200, metrics_.text(), "text/plain; version=0.0.4; charset=utf-8"});
    }
    respond({404, "there are /health, /ready, /health/db, /status and /metrics\n"});
}

}  // namespace voicectl::commands
