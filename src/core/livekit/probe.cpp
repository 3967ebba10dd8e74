#include "voicectl/livekit/probe.h"

#include <algorithm>
#include <ctime>

#include "twirp_error.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/twirp.h"

namespace voicectl::livekit {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

Result<net::HttpResponse> get(net::HttpClient& http, std::string url, net::Headers headers, milliseconds timeout) {
    net::HttpRequest request;
    request.url = std::move(url);
    request.headers = std::move(headers);
    request.total_timeout = request.idle_timeout = timeout;
    request.connect_timeout = std::min(request.connect_timeout, timeout);
    request.max_body = 1024 * 1024;
    return http.send(request);
}

// The header has whole seconds, cut off: half of one is the best guess. The answer was written about half-way.
milliseconds skew_of(system_clock::time_point date, system_clock::time_point asked, milliseconds elapsed) {
    const auto theirs = date + milliseconds(500);
    return std::chrono::duration_cast<milliseconds>(theirs - (asked + elapsed / 2));
}

}  // namespace

Result<ServerSign> probe_server(net::HttpClient& http, std::string_view url, milliseconds timeout) {
    VC_TRY_ASSIGN(const auto base, http_base(url));
    const auto asked = system_clock::now();
    VC_TRY_ASSIGN(const auto answer, get(http, base + "/", {}, timeout));
    ServerSign sign;
    sign.status = answer.status;
    sign.elapsed = answer.elapsed;
    sign.server = answer.header("server");
    sign.redirect = answer.header("location");
    const auto body = trim(answer.body);
    sign.ready = answer.status == 200 && body == "OK";
    sign.livekit = sign.ready || (answer.status == 406 && body.starts_with("Not Ready"));
    // The body has nothing to do with the head's time, but the connection has: only the answer counts.
    if (const auto date = net::parse_http_date(answer.header("date"))) sign.clock_skew = skew_of(*date, asked, answer.elapsed);
    return sign;
}

Result<void> validate_join(net::HttpClient& http, std::string_view url, std::string_view token, milliseconds timeout) {
    VC_TRY_ASSIGN(const auto base, http_base(url));
    VC_TRY_ASSIGN(const auto answer, get(http, base + "/rtc/validate?protocol=9", {{"Authorization", fmt::format("Bearer {}", token)}}, timeout));
    if (answer.status == 200 && trim(answer.body) == "success") return {};
    if (answer.status == 200) return fail_with_hint(Errc::Protocol, "the answer is not LiveKit's", "check the server URL, its path too");
    return std::unexpected(describe_refusal("validate", answer));
}

}  // namespace voicectl::livekit
