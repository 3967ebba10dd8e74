#include "twirp_error.h"
#include "voicectl/livekit/api.h"
#include "voicectl/net/url.h"

namespace voicectl::livekit {
namespace {

// Long enough for a slow call, short enough to be worthless soon.
constexpr std::chrono::seconds kTokenLife{120};

Result<void> read_reply(const net::HttpResponse& response, google::protobuf::Message& reply) {
    // A login page of a proxy comes with status 200 too.
    if (!response.header("content-type").starts_with("application/protobuf"))
        return fail_with_hint(Errc::Protocol, "the answer is not LiveKit's", "check the server URL, its path too");
    if (!reply.ParseFromString(response.body)) return fail(Errc::Protocol, "the answer cannot be read");
    return {};
}

}  // namespace

Result<std::string> http_base(std::string_view url) {
    VC_TRY_ASSIGN(auto parsed, net::parse_url(url));
    parsed.scheme = parsed.secure() ? "https" : "http";
    if (const auto query = parsed.path.find('?'); query != std::string::npos) parsed.path.erase(query);
    while (parsed.path.ends_with('/')) parsed.path.pop_back();
    return parsed.to_string();
}

Result<void> TwirpClient::exchange(Exchange told, const char* type, std::string body, const Limits& limits, const Reader& read) {
    net::HttpRequest http;
    http.method = "POST";
    http.url = told.url;
    http.headers = {{"Content-Type", type}, {"Authorization", "Bearer " + mint(server_.key, told.claims, kTokenLife)}};
    if (limits.servers) http.headers.emplace_back("X-Twirp-Timeout-Ms", std::to_string(limits.servers->count()));
    http.body = std::move(body);
    http.total_timeout = http.idle_timeout = limits.ours.value_or(timeout_);
    http.connect_timeout = std::min(http.connect_timeout, http.total_timeout);

    if (before_) before_(told);
    const auto begun = Clock::now();
    const auto response = http_.send(http, stop_);
    last_->elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
    Result<void> outcome;
    if (!response) {
        outcome = std::unexpected(response.error());
    } else {
        last_->status = response->status;
        told.response = &*response;
        outcome = response->status == 200 ? read(*response, told) : std::unexpected(describe_refusal(last_->method, *response));
    }
    if (!outcome) outcome.error() = std::move(outcome.error()).while_doing(last_->method);
    if (!outcome) told.error = &outcome.error();
    if (after_) after_(told);
    return outcome;
}

Result<std::string> TwirpClient::begin(std::string_view service, std::string_view method) {
    VC_TRY_ASSIGN(const auto base, http_base(server_.url));
    last_ = CallTrace{std::string(service), std::string(method), 0, {}};
    return fmt::format("{}/twirp/livekit.{}/{}", base, service, method);
}

Result<void> TwirpClient::call(std::string_view service, std::string_view method, const VideoGrant& grant,
                               const google::protobuf::Message& request, google::protobuf::Message& reply,
                               std::optional<std::chrono::milliseconds> timeout,
                               std::optional<std::chrono::milliseconds> server_limit) {
    VC_TRY_ASSIGN(const auto url, begin(service, method));
    Claims claims;
    claims.video = grant;
    return exchange({.call = *last_, .url = url, .claims = claims, .request = &request}, "application/protobuf", request.SerializeAsString(), {timeout, server_limit},
                    [&reply](const net::HttpResponse& response, Exchange& told) {
                        auto read = read_reply(response, reply);
                        if (read) told.reply = &reply;
                        return read;
                    });
}

Result<std::string> TwirpClient::call_json(std::string_view service, std::string_view method, const Claims& claims, std::string body,
                                           std::optional<std::chrono::milliseconds> timeout) {
    VC_TRY_ASSIGN(const auto url, begin(service, method));
    std::string answer;
    const auto copy = body;
    VC_TRY(exchange({.call = *last_, .url = url, .claims = claims, .json = copy}, "application/json", std::move(body), {timeout, {}},
                    [&answer](const net::HttpResponse& response, Exchange&) -> Result<void> {
                        if (!response.header("content-type").starts_with("application/json"))
                            return fail_with_hint(Errc::Protocol, "the answer is not LiveKit's", "check the server URL, its path too");
                        answer = response.body;
                        return {};
                    }));
    return answer;
}

}  // namespace voicectl::livekit
