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

Result<void> TwirpClient::call(std::string_view service, std::string_view method, const VideoGrant& grant,
                               const google::protobuf::Message& request, google::protobuf::Message& reply,
                               std::optional<std::chrono::milliseconds> timeout) {
    VC_TRY_ASSIGN(const auto base, http_base(server_.url));
    Claims claims;
    claims.video = grant;
    net::HttpRequest http;
    http.method = "POST";
    http.url = fmt::format("{}/twirp/livekit.{}/{}", base, service, method);
    http.headers = {{"Content-Type", "application/protobuf"}, {"Authorization", "Bearer " + mint(server_.key, claims, kTokenLife)}};
    http.body = request.SerializeAsString();
    http.total_timeout = http.idle_timeout = timeout.value_or(timeout_);
    http.connect_timeout = std::min(http.connect_timeout, http.total_timeout);

    last_ = CallTrace{std::string(service), std::string(method), 0, {}};
    Exchange exchange{*last_, http.url, grant, request, nullptr, nullptr, nullptr};
    if (before_) before_(exchange);
    const auto begun = Clock::now();
    const auto response = http_.send(http);
    last_->elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
    if (!response) return made(exchange, std::unexpected(Error(response.error()).while_doing(method)));
    exchange.response = &*response;
    last_->status = response->status;
    if (response->status != 200) return made(exchange, std::unexpected(describe_refusal(method, *response).while_doing(method)));
    if (auto read = read_reply(*response, reply); !read) return made(exchange, std::unexpected(std::move(read).error().while_doing(method)));
    exchange.reply = &reply;
    return made(exchange, {});
}

Result<void> TwirpClient::made(const Exchange& exchange, Result<void> outcome) const {
    if (!after_) return outcome;
    auto told = exchange;
    if (!outcome) told.error = &outcome.error();
    after_(told);
    return outcome;
}

}  // namespace voicectl::livekit
