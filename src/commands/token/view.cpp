#include "commands/token/view.h"

#include "commands/command.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::SystemTime;
using livekit::Verdict;

Json optional_time(const std::optional<SystemTime>& time) { return time ? Json(format_time(*time)) : Json(); }

Json seconds_left(const Verdict& verdict, SystemTime now) {
    if (!verdict.claims.expires) return nullptr;
    using std::chrono::seconds;
    const auto whole = [](SystemTime time) { return std::chrono::floor<seconds>(time).time_since_epoch(); };
    return (whole(*verdict.claims.expires) - whole(now)).count();
}

std::string life_line(const Json& report) {
    if (report["expires"].is_null()) return "has no end; newer servers refuse it";
    const auto left = report["secondsLeft"].get<std::int64_t>();
    const auto span = format_duration(std::chrono::seconds(std::abs(left)));
    return left >= 0 ? fmt::format("until {} ({} left)", scalar_text(report["expires"]), span)
                     : fmt::format("until {} ({} ago)", scalar_text(report["expires"]), span);
}

}  // namespace

Json token_view(const Verdict& verdict, SystemTime now) {
    const auto& claims = verdict.claims;
    Json grants = Json::array();
    for (const auto& [grant, allows] : livekit::explain(claims)) grants.push_back({{"grant", grant}, {"allows", allows}});
    const auto payload = Json::parse(valid_utf8(verdict.claims_json), nullptr, false);
    return {{"issuer", claims.issuer},
            {"identity", claims.identity},
            {"room", claims.video.room},
            {"notBefore", optional_time(claims.not_before)},
            {"expires", optional_time(claims.expires)},
            {"secondsLeft", seconds_left(verdict, now)},
            {"grants", std::move(grants)},
            {"claims", payload.is_discarded() ? Json() : payload}};
}

std::string token_lines(const Json& view) {
    const auto safe = [&](const char* name) { return terminal_safe(scalar_text(view[name])); };
    std::string out;
    if (view["issuer"] != "") out += fmt::format("\n  issued for  API key {}", safe("issuer"));
    if (view["identity"] != "") out += fmt::format("\n  identity    {}", safe("identity"));
    out += fmt::format("\n  life        {}", life_line(view));
    for (const auto& grant : view["grants"])
        out += fmt::format("\n  {:<22} {}", scalar_text(grant["grant"]), terminal_safe(scalar_text(grant["allows"])));
    return out;
}

Result<std::string> given_token(const std::string& given) {
    VC_TRY_ASSIGN(const auto text, read_payload(given));
    auto token = trim(text);
    if (token.starts_with("Bearer ")) token = trim(token.substr(7));
    if (token.empty()) return fail_with_hint(Errc::Usage, "no token given", "pass it as argument or on standard input");
    return std::string(token);
}

}  // namespace voicectl::commands
