#include "core/agent/tools/http_tool.h"

#include <algorithm>
#include <set>

#include "core/agent/tools/server_request.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestUrl = 8 * 1024;

/// `on_name(name)` for each {name}; what it gives stands there.
template<class OnName>
std::string expand_url(std::string_view text, OnName on_name) {
    std::string out;
    while (true) {
        const auto open = text.find('{');
        const auto close = text.find('}', open == std::string_view::npos ? 0 : open);
        out += text.substr(0, close == std::string_view::npos ? open : std::min(open, text.size()));
        if (open == std::string_view::npos || close == std::string_view::npos) {
            if (open != std::string_view::npos) out += text.substr(open);
            return out;
        }
        out += on_name(std::string(text.substr(open + 1, close - open - 1)));
        text.remove_prefix(close + 1);
    }
}

/// "..", and "." alone: a server or a client would take them for a step up.
bool climbs(std::string_view path) {
    const auto steps = split(path.substr(0, path.find('?')), '/');
    return std::any_of(steps.begin(), steps.end(), [](const std::string& step) {
        const auto plain = net::percent_decode(step);
        return plain == "." || plain == "..";
    });
}

bool has_json_body(const std::string& method) { return method == "POST" || method == "PUT" || method == "PATCH"; }

std::string query_of(const json& arguments) {
    std::string out;
    for (const auto& [name, value] : arguments.items()) out += fmt::format("{}{}={}", out.empty() ? "" : "&", net::percent_encode(name), net::percent_encode(bare_text(value)));
    return out;
}

class HttpToolRun final : public ToolRun {
 public:
    HttpToolRun(Loop& loop, net::HttpClient& http, net::HttpRequest request, std::size_t limit, ToolDone done)
        : done_(std::move(done)), exchange_(loop, http, std::move(request), limit, [this](Result<WholeAnswer> answer) { judge(std::move(answer)); }) {}

 private:
    void judge(Result<WholeAnswer> answer) {
        const auto tell = std::move(done_);  // which may drop us
        if (!answer) return tell({answer.error().code == Errc::Timeout ? ToolOutcome::Timeout : ToolOutcome::Failed, answer.error().message});
        auto text = std::move(answer->body);
        if (answer->cut) text += ' ';  // more than the bound: whoever cuts it says so
        if (answer->status / 100 == 2) return tell({ToolOutcome::Ok, text.empty() ? "(done, no answer)" : std::move(text)});
        if (answer->status / 100 == 3) return tell({ToolOutcome::Failed, fmt::format("the server answered {}: redirects are not followed", answer->status)});
        tell({ToolOutcome::Failed, fmt::format("the server answered {}: {}", answer->status, text)});
    }

    ToolDone done_;
    WholeExchange exchange_;  // last: it begins as it is made
};

class HttpTool final : public Tool {
 public:
    HttpTool(const HttpToolSettings& settings, net::HttpClient& http)
        : settings_(settings), http_(http), spec_{settings.name, settings.description, json_text(settings.parameters)} {}
    const speech::ToolSpec& spec() const override { return spec_; }
    std::chrono::milliseconds timeout() const override { return settings_.server.timeout; }
    std::size_t max_result() const override { return settings_.server.max_result; }

    std::unique_ptr<ToolRun> run(Loop& loop, const json& arguments, ToolDone done) const override {
        auto request = request_for(settings_, arguments);
        if (!request) return tell_soon(loop, {ToolOutcome::Invalid, request.error().message}, std::move(done));
        return std::make_unique<HttpToolRun>(loop, http_, std::move(*request), settings_.server.max_result, std::move(done));
    }

 private:
    const HttpToolSettings& settings_;
    net::HttpClient& http_;
    speech::ToolSpec spec_;
};

}  // namespace

std::vector<std::string> placeholders_in(std::string_view url_template) {
    std::vector<std::string> out;
    expand_url(url_template, [&](std::string name) {
        out.push_back(std::move(name));
        return std::string();
    });
    return out;
}

Result<net::HttpRequest> request_for(const HttpToolSettings& settings, const json& arguments) {
    auto rest = arguments;
    auto url = expand_url(settings.server.url, [&](const std::string& name) {
        const auto value = arguments.find(name);
        rest.erase(name);
        return value == arguments.end() || value->is_null() ? std::string() : net::percent_encode(bare_text(*value));
    });
    const bool body = has_json_body(settings.method);
    if (!body && !rest.empty()) url += (url.find('?') == std::string::npos ? "?" : "&") + query_of(rest);
    if (url.size() > kLongestUrl) return fail(Errc::Rejected, "the arguments are too long for a URL");
    const auto parsed = net::parse_url(url);
    if (!parsed) return fail(Errc::Rejected, "the arguments make no URL that can be called");
    if (!is_allowed_host(parsed->host, settings.server.allowed_hosts)) return fail(Errc::Rejected, "the host {} is not allowed", plain_text(parsed->host, 100));
    if (climbs(parsed->path)) return fail(Errc::Rejected, "an argument may not be a step up in the path");
    auto request = request_to(settings.server, settings.method, std::move(url));
    if (!body) return request;
    request.body = json_text(rest);
    request.headers.emplace_back("Content-Type", "application/json");
    return request;
}

std::unique_ptr<Tool> http_tool(const HttpToolSettings& settings, net::HttpClient& http) { return std::make_unique<HttpTool>(settings, http); }

}  // namespace voicectl::agent
