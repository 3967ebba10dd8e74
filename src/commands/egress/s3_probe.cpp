#include "commands/egress/s3_probe.h"

#include "voicectl/base/text.h"
#include "voicectl/livekit/s3.h"

namespace voicectl::commands {
namespace {

using livekit::proto::S3Upload;
using std::chrono::milliseconds;
using std::chrono::system_clock;

std::string what_right(std::string_view step) { return step == "read" ? "s3:GetObject" : step == "delete" ? "s3:DeleteObject" : "s3:PutObject"; }

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
        auto request = livekit::s3_request(store_, method, url_);
        request.total_timeout = request.idle_timeout = std::chrono::seconds(20);
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
        auto error = livekit::explain_s3(response, store_, system_clock::now());
        const auto code = livekit::xml_element(response.body, "Code");
        if (code == "AccessDenied" || code == "AllAccessDisabled")
            error.hint = fmt::format("the key's policy must allow {} on arn:aws:s3:::{}/*", what_right(step), store_.bucket());
        return error;
    }

    net::HttpClient& http_;
    const S3Upload& store_;
    std::string url_, body_;
};

}  // namespace

Result<ProbeReport> probe_s3(net::HttpClient& http, const S3Upload& store, const std::string& key) {
    // Proxies of a storage are the egress service's.
    auto direct = store;
    direct.clear_proxy();
    VC_TRY_ASSIGN(auto url, livekit::object_url(direct, key));
    auto report = Prober(http, direct, std::move(url)).run();
    report.place = fmt::format("{}/{}", store.bucket(), key);
    return report;
}

}  // namespace voicectl::commands
