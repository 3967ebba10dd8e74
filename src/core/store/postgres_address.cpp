#include "core/store/postgres_address.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "core/store/postgres_library.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/store/store.h"

namespace voicectl::store {
namespace {

constexpr const char* kUrlForm = "write postgres://USER:PASSWORD@HOST:5432/DATABASE, with %40 for @ and %2F for / in the password";

struct UrlParts {
    std::string_view scheme, user, password, place;  // place: host, port, database
    bool ambiguous = false;                          // an @ where none may be
};

// "ann:secret" without an @ looks like a host with a port.
bool has_odd_port(std::string_view place) {
    const auto hosts = place.substr(0, place.find('/'));
    bool bracket = false, port = false;
    for (const char c : hosts) {
        if (c == '[' || c == ']') bracket = c == '[';
        else if (c == ',') port = false;
        else if (port && (c < '0' || c > '9')) return true;
        else if (c == ':' && !bracket) port = true;
    }
    return false;
}

UrlParts url_parts(std::string_view url) {
    UrlParts parts;
    const auto start = url.find("://");
    parts.scheme = url.substr(0, start);
    const auto rest = url.substr(start + 3);
    const auto at = rest.rfind('@');
    const auto userinfo = at == rest.npos ? std::string_view() : rest.substr(0, at);
    parts.ambiguous = userinfo.find_first_of("@/?#") != userinfo.npos;
    const auto colon = userinfo.find(':');
    parts.user = userinfo.substr(0, colon);
    if (colon != userinfo.npos) parts.password = userinfo.substr(colon + 1);
    parts.place = at == rest.npos ? rest : rest.substr(at + 1);
    parts.place = parts.place.substr(0, parts.place.find_first_of("?#"));
    if (has_odd_port(parts.place)) {
        parts.place = "***";
        parts.ambiguous = true;
    }
    return parts;
}

// What libpq says about an address, without what it quotes of it: that may be the password.
std::string without_quotes(std::string_view reason) { return std::string(trim(reason.substr(0, reason.find(": \"")))); }

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        const auto* start = text.data() + i;
        if (text[i] == '%' && i + 2 < text.size() && std::from_chars(start + 1, start + 3, byte, 16).ptr == start + 3) {
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

Result<long> whole_number(const char* name, long fallback, long least, long most) {
    const char* given = std::getenv(name);
    if (given == nullptr || *given == '\0') return fallback;
    const std::string_view text = given;
    long number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size() && number >= least && number <= most) return number;
    return fail_with_hint(Errc::Config, fmt::format("{} is {:?}", name, text), fmt::format("a whole number from {} to {}", least, most));
}

Result<bool> switch_value(const char* name, bool fallback) {
    const char* given = std::getenv(name);
    if (given == nullptr || *given == '\0') return fallback;
    const auto text = to_lower_ascii(given);
    for (const auto* yes : {"1", "true", "yes", "on"})
        if (text == yes) return true;
    for (const auto* no : {"0", "false", "no", "off"})
        if (text == no) return false;
    return fail_with_hint(Errc::Config, fmt::format("{} is {:?}", name, text), "true or false");
}

bool is_other_scheme(const std::string& place) {
    const auto end = place.find("://");
    return end != place.npos && end > 0 && !is_postgres_url(place) &&
           std::all_of(place.begin(), place.begin() + static_cast<std::ptrdiff_t>(end),
                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+'; });
}

}  // namespace

bool is_postgres_url(std::string_view place) { return place.starts_with("postgres://") || place.starts_with("postgresql://"); }

std::string shown_place(const std::string& place) {
    if (place.find("://") == place.npos) return place;
    const auto parts = url_parts(place);
    const auto user = parts.ambiguous ? "***" : parts.user;
    return fmt::format("{}://{}{}{}", parts.scheme, user, user.empty() ? "" : "@", parts.place);
}

Result<void> refuse_other_schemes(const std::string& place) {
    if (!is_other_scheme(place)) return {};
    return fail_with_hint(Errc::Usage, fmt::format("no store can be at {}", shown_place(place)), "name a file, or postgres://USER:PASSWORD@HOST:5432/DATABASE");
}

Result<void> check_address(const std::string& place) {
    VC_TRY(PostgresAddress::parse(place));
    VC_TRY(PoolSettings::from_environment());
    return {};
}

PlaceWithoutPassword split_password(const std::string& place) {
    if (!is_postgres_url(place)) return {place, {}};
    const auto parts = url_parts(place);
    if (parts.ambiguous || parts.password.empty()) return {place, {}};
    auto rest = place;
    rest.erase(static_cast<std::size_t>(parts.password.data() - place.data()) - 1, parts.password.size() + 1);
    return {rest, percent_decoded(parts.password)};
}

Result<PostgresAddress> PostgresAddress::parse(const std::string& url) {
    const auto parts = url_parts(url);
    PostgresAddress out;
    out.shown = shown_place(url);
    if (parts.ambiguous) return fail_with_hint(Errc::Usage, fmt::format("the store's address {} is ambiguous: a character of its password or its port is not as it should be", out.shown), kUrlForm);
    VC_TRY_ASSIGN(const auto* pq, postgres_library());
    char* reason = nullptr;
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(pq->conninfo_parse(url.c_str(), &reason), pq->conninfo_free);
    if (!options) {
        const std::string said = reason != nullptr ? reason : "out of memory";
        pq->freemem(reason);
        return fail_with_hint(Errc::Usage, fmt::format("the store's address {} is not understood: {}", out.shown, without_quotes(said)), kUrlForm);
    }
    for (const auto* option = options.get(); option->keyword != nullptr; ++option)
        if (option->val != nullptr && *option->val != '\0') out.parameters.emplace_back(option->keyword, option->val);
    register_secret(out.value("password"));
    register_secret(out.value("sslpassword"));
    if (const auto limit = out.value("connect_timeout"); !limit.empty()) {
        int seconds = 0;
        std::from_chars(limit.data(), limit.data() + limit.size(), seconds);
        if (seconds > 0) out.connect_timeout = std::chrono::seconds(seconds);
    }
    return out;
}

std::vector<PostgresAddress> PostgresAddress::hosts() const {
    const auto names = split(value("host"), ',');
    if (names.size() < 2 || !value("hostaddr").empty()) return {*this};
    const auto ports = split(value("port"), ',');
    std::vector<PostgresAddress> out;
    for (std::size_t i = 0; i < names.size(); ++i) {
        auto one = *this;
        for (auto& [keyword, text] : one.parameters) {
            if (keyword == "host") text = names[i];
            if (keyword == "port" && ports.size() == names.size()) text = ports[i];
        }
        out.push_back(std::move(one));
    }
    return out;
}

std::string PostgresAddress::value(std::string_view keyword) const {
    const auto found = std::find_if(parameters.begin(), parameters.end(), [&](const auto& given) { return given.first == keyword; });
    return found != parameters.end() ? found->second : "";
}

void PostgresAddress::set_default(const std::string& keyword, const std::string& text) {
    if (value(keyword).empty()) parameters.emplace_back(keyword, text);
}

Result<PoolSettings> PoolSettings::from_environment() {
    PoolSettings out;
    VC_TRY_ASSIGN(const auto size, whole_number("DB_POOL_SIZE", out.size, 1, 1000));
    VC_TRY_ASSIGN(const auto overflow, whole_number("DB_MAX_OVERFLOW", out.overflow, 0, 1000));
    VC_TRY_ASSIGN(const auto recycle, whole_number("DB_POOL_RECYCLE", out.recycle.count(), -1, 10'000'000));
    VC_TRY_ASSIGN(const auto patience, whole_number("DB_POOL_TIMEOUT", out.patience.count(), 1, 3600));
    VC_TRY_ASSIGN(out.pre_ping, switch_value("DB_POOL_PRE_PING", out.pre_ping));
    out.size = static_cast<int>(size);
    out.overflow = static_cast<int>(overflow);
    out.recycle = std::chrono::seconds(recycle);
    out.patience = std::chrono::seconds(patience);
    return out;
}

}  // namespace voicectl::store
