#include "sigv4.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

#include "voicectl/base/digest.h"
#include "voicectl/base/text.h"

namespace voicectl::net {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string hex(std::string_view bytes) {
    std::string out;
    for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return out;
}

std::string stamp(std::chrono::system_clock::time_point now) {
    const auto seconds = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> out{};
    return {out.data(), std::strftime(out.data(), out.size(), "%Y%m%dT%H%M%SZ", &parts)};
}

std::string with_single_blanks(std::string_view text) {
    std::string out;
    for (const char c : trim(text))
        if (c != ' ' || out.empty() || out.back() != ' ') out += c;
    return out;
}

std::string sorted_query(std::string_view query) {
    auto pairs = split(query, '&');
    std::erase(pairs, "");
    for (auto& one : pairs)
        if (one.find('=') == std::string::npos) one += '=';
    const auto name = [](const std::string& pair) { return std::string_view(pair).substr(0, pair.find('=')); };
    std::sort(pairs.begin(), pairs.end(), [&name](const auto& a, const auto& b) { return name(a) == name(b) ? a < b : name(a) < name(b); });
    return fmt::format("{}", fmt::join(pairs, "&"));
}

}  // namespace

Headers signed_headers(const HttpRequest& request, const Url& url, std::chrono::system_clock::time_point now) {
    const auto& sign = *request.sigv4;
    const auto time = stamp(now);
    const auto digest = hex(sha256(request.body));
    Headers out{{"Host", url.host_header()}, {"x-amz-date", time}, {"x-amz-content-sha256", digest}};
    out.insert(out.end(), request.headers.begin(), request.headers.end());

    std::map<std::string, std::string> sorted;
    for (const auto& [name, value] : out) sorted[to_lower_ascii(name)] = with_single_blanks(value);
    std::string lines, names;
    for (const auto& [name, value] : sorted) {
        lines += fmt::format("{}:{}\n", name, value);
        names += (names.empty() ? "" : ";") + name;
    }
    const auto mark = url.path.find('?');
    const auto query = mark == std::string::npos ? std::string() : sorted_query(std::string_view(url.path).substr(mark + 1));
    const auto canonical = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, url.path.substr(0, mark), query, lines, names, digest);

    const auto day = time.substr(0, 8);
    const auto scope = fmt::format("{}/{}/{}/aws4_request", day, sign.region, sign.service);
    auto key = "AWS4" + sign.secret_key;
    for (const auto& step : {day, sign.region, sign.service, std::string("aws4_request")}) key = hmac_sha256(key, step);
    const auto signature = hex(hmac_sha256(key, fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, scope, hex(sha256(canonical)))));
    out.emplace_back("Authorization", fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm, sign.access_key, scope, names, signature));
    return out;
}

}  // namespace voicectl::net
