#include "commands/egress/s3_probe.h"

#include <array>
#include <ctime>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::commands {
namespace {

using livekit::proto::S3Upload;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr const char* kDefaultRegion = "us-east-1";

std::string region_of(const S3Upload& store) { return store.region().empty() ? kDefaultRegion : store.region(); }

// Object keys keep their slashes.
std::string encoded_path(const std::string& key) {
    std::string out;
    for (const auto& part : split(key, '/')) out += (out.empty() ? "" : "/") + net::percent_encode(part);
    return out;
}

/// The text between <name> and </name>, which is all that S3's errors need.
std::string element(const std::string& xml, const std::string& name) {
    const auto begin = xml.find("<" + name + ">");
    const auto end = xml.find("</" + name + ">", begin == std::string::npos ? 0 : begin);
    if (begin == std::string::npos || end == std::string::npos) return {};
    const auto from = begin + name.size() + 2;
    return terminal_safe(valid_utf8(xml.substr(from, end - from)));
}

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

std::string what_right(std::string_view step) { return step == "read" ? "s3:GetObject" : step == "delete" ? "s3:DeleteObject" : "s3:PutObject"; }

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
            right.empty() ? fmt::format("the bucket is not in region {}", region_of(store)) : fmt::format("the bucket is in region {}, not {}", right, region_of(store)),
            right.empty() ? std::string("pass the bucket's own region with --region") : fmt::format("pass --region {}, or set RECORDING_S3_REGION", right)};
}

bool is_about_region(const std::string& code, const net::HttpResponse& response) {
    if (code == "AuthorizationHeaderMalformed" || code == "PermanentRedirect" || code == "IllegalLocationConstraintException" || code == "TemporaryRedirect") return true;
    return response.status == 301 || response.status == 307;
}

class Prober {
 public:
    Prober(net::HttpClient& http, const S3Upload& store, std::string url) : http_(http), store_(store), url_(std::move(url)) {}

    ProbeReport run() {
        const auto bytes = "voicectl egress check-storage " + random_id(32) + "\n";
        ProbeReport report{{}, url_, {}, false};
        auto written = step("write", "PUT", bytes);
        const bool there = !written.error;
        report.steps.push_back(std::move(written));
        // After a timeout nobody knows; what may be there is deleted too.
        const bool maybe = there || report.steps.back().status == 0;
        if (there) report.steps.push_back(read_back(bytes));
        if (there) {
            report.steps.push_back(step("delete", "DELETE", ""));
            report.left_behind = report.steps.back().error.has_value();
        } else if (maybe && report.steps.back().error->code == Errc::Timeout) {
            report.left_behind = step("delete", "DELETE", "").error.has_value();
        }
        return report;
    }

 private:
    ProbeStep read_back(const std::string& bytes) {
        auto out = step("read", "GET", "");
        if (!out.error && body_ != bytes) {
            out.error = Error{Errc::CheckFailed, fmt::format("what is read is not what was written ({} bytes, {} expected)", body_.size(), bytes.size()),
                              "is there a proxy or a cache before the storage?"};
        }
        return out;
    }

    ProbeStep step(std::string name, const char* method, std::string body) {
        net::HttpRequest request;
        request.method = method;
        request.url = url_;
        request.sigv4 = net::SigV4{region_of(store_), "s3", store_.access_key(), store_.secret()};
        request.total_timeout = request.idle_timeout = std::chrono::seconds(20);
        request.max_body = 1 << 20;
        if (!store_.session_token().empty()) request.headers.emplace_back("x-amz-security-token", store_.session_token());
        if (!body.empty()) request.headers.emplace_back("Content-Type", "text/plain");
        request.body = std::move(body);
        const auto begun = Clock::now();
        const auto response = http_.send(request);
        ProbeStep out{std::move(name), std::chrono::duration_cast<milliseconds>(Clock::now() - begun), 0, {}};
        if (!response) {
            out.error = response.error();
            return out;
        }
        out.status = response->status;
        body_ = response->body;
        if (response->status < 200 || response->status >= 300) out.error = refused(*response, out.name);
        return out;
    }

    Error refused(const net::HttpResponse& response, const std::string& step) const {
        auto error = explain_s3(response, store_, system_clock::now());
        if (element(response.body, "Code") == "AccessDenied" || element(response.body, "Code") == "AllAccessDisabled")
            error.hint = fmt::format("the key's policy must allow {} on arn:aws:s3:::{}/*", what_right(step), store_.bucket());
        return error;
    }

    net::HttpClient& http_;
    const S3Upload& store_;
    std::string url_, body_;
};

}  // namespace

Result<std::string> bucket_url(const S3Upload& store) {
    auto endpoint = store.endpoint().empty() ? fmt::format("https://s3.{}.amazonaws.com", region_of(store)) : store.endpoint();
    if (endpoint.find("://") == std::string::npos) endpoint = "https://" + endpoint;
    auto url = net::parse_url(endpoint);
    if (!url || (url->scheme != "http" && url->scheme != "https"))
        return fail_with_hint(Errc::Usage, fmt::format("the endpoint '{}' is no http or https URL", terminal_safe(redact(livekit::without_secrets(endpoint)))), "write it like https://minio.example.com:9000");
    while (url->path.ends_with('/')) url->path.pop_back();
    if (store.force_path_style()) url->path += "/" + net::percent_encode(store.bucket());
    else url->host = store.bucket() + "." + url->host;
    return url->to_string();
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

Result<ProbeReport> probe_s3(net::HttpClient& http, const S3Upload& store, const std::string& key) {
    VC_TRY_ASSIGN(const auto base, bucket_url(store));
    auto report = Prober(http, store, base + "/" + encoded_path(key)).run();
    report.place = fmt::format("{}/{}", store.bucket(), key);
    return report;
}

}  // namespace voicectl::commands
