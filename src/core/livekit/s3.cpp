#include "voicectl/livekit/s3.h"

#include <array>
#include <ctime>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/json.h"
#include "voicectl/net/url.h"

namespace voicectl::livekit {
namespace {

using ::livekit::S3Upload;
using std::chrono::system_clock;

constexpr const char* kDefaultRegion = "us-east-1";
constexpr std::string_view kAmazon = "s3.amazonaws.com";  // in locations: whatever the region

// Object keys keep their slashes.
std::string encoded_path(const std::string& key) {
    std::string out;
    const auto parts = split(key, '/');
    for (std::size_t i = 0; i < parts.size(); ++i) out += (i == 0 ? "" : "/") + net::percent_encode(parts[i]);
    return out;
}

std::string without_entities(std::string text) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kEntities{
        {{"&quot;", "\""}, {"&#34;", "\""}, {"&apos;", "'"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}}};
    for (const auto& [name, character] : kEntities)
        for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) text.replace(at, name.size(), character);
    return text;
}

std::string element(const std::string& xml, const std::string& name) { return terminal_safe(valid_utf8(xml_element(xml, name))); }

struct Known {
    std::string_view code;
    Errc errc;
    std::string_view meaning, hint;  // meaning empty: the service's own words
};
constexpr std::array kKnown{
    Known{"SignatureDoesNotMatch", Errc::Auth, "the secret key is not the one of this access key",
          "check RECORDING_S3_SECRET_KEY (a copied key may have lost or gained a character)"},
    Known{"InvalidAccessKeyId", Errc::Auth, "the storage does not know this access key", "check RECORDING_S3_ACCESS_KEY, and that the endpoint is that of the key"},
    Known{"XAdminUserNotFound", Errc::Auth, "the storage does not know this access key", "check RECORDING_S3_ACCESS_KEY"},  // versitygw
    Known{"ExpiredToken", Errc::Auth, "the session token has expired", "get new temporary keys"},
    Known{"InvalidToken", Errc::Auth, "the session token is not valid", "check RECORDING_S3_SESSION_TOKEN; it belongs to these very keys"},
    Known{"NoSuchBucket", Errc::NotFound, "there is no such bucket", "check --bucket, and that it is at this endpoint and region"},
    Known{"InvalidBucketName", Errc::Usage, "this cannot be the name of a bucket", "check --bucket"},
    Known{"SlowDown", Errc::Unreachable, "", "the storage is busy; try again"},
    Known{"InvalidRegion", Errc::CheckFailed, "the region is not that of this storage", "check --region"},
};

std::chrono::seconds skew(const net::HttpResponse& response, system_clock::time_point now) {
    std::tm time{};
    if (strptime(std::string(response.header("date")).c_str(), "%a, %d %b %Y %H:%M:%S", &time) == nullptr) return std::chrono::seconds(0);
    return std::chrono::duration_cast<std::chrono::seconds>(now - system_clock::from_time_t(timegm(&time)));
}

Error skewed(const net::HttpResponse& response, system_clock::time_point now) {
    const auto difference = skew(response, now);
    const auto amount = difference.count() == 0 ? std::string("too far from")
                                                : fmt::format("{} {}", format_duration(std::chrono::abs(difference)), difference.count() > 0 ? "ahead of" : "behind");
    return {Errc::CheckFailed, fmt::format("the clock of this machine is {} the storage's", amount), "set the clock (timedatectl set-ntp true); signatures hold for 15 minutes"};
}

Error wrong_region(const std::string& right, const S3Upload& store) {
    return {Errc::CheckFailed,
            right.empty() ? fmt::format("the bucket is not in region {}", s3_region(store)) : fmt::format("the bucket is in region {}, not {}", right, s3_region(store)),
            right.empty() ? std::string("pass the bucket's own region with --region") : fmt::format("pass --region {}, or set RECORDING_S3_REGION", right)};
}

bool is_about_region(const std::string& code, const net::HttpResponse& response) {
    if (code == "AuthorizationHeaderMalformed" || code == "PermanentRedirect" || code == "IllegalLocationConstraintException" || code == "TemporaryRedirect") return true;
    return response.status == 301 || response.status == 307;
}

}  // namespace

std::string s3_region(const S3Upload& store) { return store.region().empty() ? kDefaultRegion : store.region(); }

std::string xml_element(const std::string& xml, const std::string& name, std::size_t from) {
    const auto begin = xml.find("<" + name + ">", from);
    const auto end = begin == std::string::npos ? begin : xml.find("</" + name + ">", begin);
    if (end == std::string::npos) return {};
    const auto at = begin + name.size() + 2;
    return without_entities(xml.substr(at, end - at));
}

Result<std::string> bucket_url(const S3Upload& store) {
    auto endpoint = store.endpoint().empty() ? fmt::format("https://s3.{}.amazonaws.com", s3_region(store)) : store.endpoint();
    if (endpoint.find("://") == std::string::npos) endpoint = "https://" + endpoint;
    auto url = net::parse_url(endpoint);
    if (!url || (url->scheme != "http" && url->scheme != "https"))
        return fail_with_hint(Errc::Usage, fmt::format("the endpoint '{}' is no http or https URL", terminal_safe(redact(without_secrets(endpoint)))), "write it like https://minio.example.com:9000");
    while (url->path.ends_with('/')) url->path.pop_back();
    if (store.force_path_style()) url->path += "/" + net::percent_encode(store.bucket());
    else url->host = store.bucket() + "." + url->host;
    return url->to_string();
}

Result<std::string> object_url(const S3Upload& store, const std::string& key) {
    VC_TRY_ASSIGN(const auto base, bucket_url(store));
    return base + "/" + encoded_path(key);
}

std::string object_location(const S3Upload& store, const std::string& key) {
    auto endpoint = store.endpoint().empty() ? std::string(kAmazon) : store.endpoint();
    while (endpoint.ends_with('/')) endpoint.pop_back();
    const auto scheme = endpoint.find("://");
    const auto prefix = scheme == std::string::npos ? std::string("https://") : endpoint.substr(0, scheme + 3);
    if (scheme != std::string::npos) endpoint.erase(0, scheme + 3);
    const auto host = store.force_path_style() ? endpoint + "/" + net::percent_encode(store.bucket()) : store.bucket() + "." + endpoint;
    return without_secrets(prefix + host) + "/" + encoded_path(key);
}

net::HttpRequest s3_request(const S3Upload& store, std::string method, const std::string& url, const std::string& query) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.url = query.empty() ? url : url + "?" + query;
    request.sigv4 = net::SigV4{s3_region(store), "s3", store.access_key(), store.secret()};
    request.max_body = 1 << 20;
    if (!store.session_token().empty()) request.headers.emplace_back("x-amz-security-token", store.session_token());
    if (!store.proxy().url().empty()) request.proxy = net::HttpProxy{store.proxy().url(), store.proxy().username(), store.proxy().password()};
    return request;
}

Error explain_s3(const net::HttpResponse& response, const S3Upload& store, system_clock::time_point now) {
    const auto code = element(response.body, "Code");
    const auto words = redact(element(response.body, "Message")).substr(0, 300);
    if (code == "RequestTimeTooSkewed" || code == "RequestExpired") return skewed(response, now);
    if (is_about_region(code, response)) {
        auto right = element(response.body, "Region");
        if (right.empty()) right = terminal_safe(response.header("x-amz-bucket-region"));
        const bool about_date = right.empty() && to_lower_ascii(words).find("region") == std::string::npos && code == "AuthorizationHeaderMalformed";
        if (!about_date) return wrong_region(right, store);
    }
    for (const auto& row : kKnown) {
        if (row.code != code) continue;
        return {row.errc, fmt::format("{} ({})", row.meaning.empty() ? words : std::string(row.meaning), code), std::string(row.hint)};
    }
    const auto text = code.empty() ? fmt::format("status {}", response.status) : fmt::format("{} ({}, status {})", words.empty() ? "refused" : words, code, response.status);
    if (response.status == 401 || response.status == 403) return {Errc::Auth, text, "check the keys and the policy of the bucket"};
    if (response.status == 404) return {Errc::NotFound, text, "is the endpoint that of an S3 storage, and is the bucket there?"};
    if (response.status >= 500) return {Errc::Unreachable, text, "the storage is in trouble; try again"};
    return {Errc::CheckFailed, text, "is the endpoint that of an S3 storage?"};
}

}  // namespace voicectl::livekit
