#include "commands/token/view.h"

#include <cmath>
#include <cstdlib>

#include "commands/command.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::SystemTime;
using livekit::Verdict;

// Numbers that stand where seconds since 1970 should.
constexpr double kYear5000 = 1e11;
constexpr std::int64_t kClockEnd = 9'200'000'000;  // what a time here can hold; readers clamp to it

std::int64_t whole_seconds(SystemTime time) { return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count(); }

bool is_off_the_clock(const std::optional<SystemTime>& time) { return time && std::abs(whole_seconds(*time)) >= kClockEnd; }

// What no clock holds has no date either.
Json optional_time(const std::optional<SystemTime>& time) { return time && !is_off_the_clock(time) ? Json(format_time(*time)) : Json(); }

Json seconds_left(const Verdict& verdict, SystemTime now) {
    const auto& end = verdict.claims.expires;
    if (!end || is_off_the_clock(end)) return nullptr;
    return whole_seconds(*end) - whole_seconds(now);
}

// A note on a time that is none; empty for one that is.
std::string oddity(const Json& payload, const char* claim, const std::optional<SystemTime>& time) {
    if (!is_off_the_clock(time) || !payload.is_object() || !payload.contains(claim)) return {};
    const auto text = scalar_text(payload[claim]);
    const double number = payload[claim].is_number() ? payload[claim].get<double>() : std::strtod(text.c_str(), nullptr);
    if (number > kYear5000 && number < kYear5000 * 1000) return fmt::format("{} {} looks like milliseconds; tokens have seconds", claim, text);
    return fmt::format("{} {} is beyond any clock{}", claim, text, whole_seconds(*time) < 0 ? "; servers take it for long past" : "");
}

std::string life_line(const Json& report) {
    if (report["oddTime"].is_string()) return terminal_safe(scalar_text(report["oddTime"]));
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
    auto odd = oddity(payload, "exp", claims.expires);
    if (odd.empty()) odd = oddity(payload, "nbf", claims.not_before);
    return {{"issuer", claims.issuer},
            {"identity", claims.identity},
            {"room", claims.video.room},
            {"notBefore", optional_time(claims.not_before)},
            {"expires", optional_time(claims.expires)},
            {"secondsLeft", seconds_left(verdict, now)},
            {"oddTime", odd.empty() ? Json() : Json(odd)},
            {"grants", std::move(grants)},
            {"claims", payload.is_discarded() ? Json() : payload}};
}

std::string token_lines(const Json& view) {
    const auto safe = [&](const char* name) { return terminal_safe(scalar_text(view[name])); };
    std::string out;
    if (view["issuer"] != "") out += fmt::format("\n  issued for  API key {}", safe("issuer"));
    if (view["identity"] != "") out += fmt::format("\n  identity    {}", safe("identity"));
    const bool malformed = view.contains("fault") && view["fault"] == livekit::to_string(livekit::TokenFault::Malformed);
    if (!malformed) out += fmt::format("\n  life        {}", life_line(view));
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
