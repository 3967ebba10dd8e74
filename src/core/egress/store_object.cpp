// A recording becomes an object: one PUT, or parts of 5 MiB of which each is read when its turn comes. Requests are signed
// over their bodies, so what arrives is what was read.
#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <random>

#include "source.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/s3.h"
#include "voicectl/net/url.h"

namespace voicectl::egress {
namespace {

using livekit::proto::S3Upload;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::int64_t kPart = 5 << 20;   // S3's smallest, but for the last
constexpr std::int64_t kMostParts = 10000;
constexpr const char* kShown = "inline";  // a browser plays it

milliseconds at_random(milliseconds longest) {
    thread_local std::mt19937_64 random{std::random_device{}()};
    return milliseconds(std::uniform_int_distribution<std::int64_t>(0, longest.count())(random));
}

/// False: stopped meanwhile.
bool sleep_for(milliseconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    return !changed.wait_for(lock, stop, time, [&stop] { return stop.stop_requested(); });
}

// "0123…ef" or "0123…ef-4" with its quotes. What looks otherwise is the storage's own affair.
bool is_digest(std::string_view etag) {
    if (etag.size() < 34 || etag.front() != '"' || etag.back() != '"') return false;
    const auto text = etag.substr(1, etag.size() - 2);
    return text.substr(0, 32).find_first_not_of("0123456789abcdef") == std::string_view::npos && (text.size() == 32 || text[32] == '-');
}

bool is_fine(const net::HttpResponse& response) { return response.status >= 200 && response.status < 300; }

bool may_pass(const net::HttpResponse& response) {
    if (response.status >= 500 || response.status == 429 || response.status == 409 || response.status == 408) return true;
    return response.status == 400 && livekit::xml_element(response.body, "Code") == "RequestTimeout";
}
bool may_pass(const Error& error) { return error.code == Errc::Timeout || error.code == Errc::Unreachable || error.code == Errc::Protocol; }

// Storages may repeat in their errors what they were sent.
Error without_secrets(Error error, const S3Upload& store) {
    for (const auto* secret : {&store.secret(), &store.session_token(), &store.access_key()})
        for (auto at = secret->empty() ? std::string::npos : error.message.find(*secret); at != std::string::npos; at = error.message.find(*secret, at + 3))
            error.message.replace(at, secret->size(), "***");
    return error;
}

class ObjectStore {
 public:
    ObjectStore(net::HttpClient& http, const StoreJob& job, const StoreHooks& hooks, const Patience& patience, std::stop_token stop)
        : http_(http), job_(job), hooks_(hooks), patience_(patience), stop_(std::move(stop)), store_(job.storage.s3()), key_(job.name.substr(std::min(job.name.find_first_not_of('/'), job.name.size()))) {}

    Result<Stored> run(const Source& source) {
        auto etag = source.size() > kPart ? put_parts(source) : put_whole(source);
        if (!etag) return std::unexpected(without_secrets(std::move(etag).error(), store_));
        if (auto there = check(*etag, source.size()); !there) return std::unexpected(without_secrets(std::move(there).error(), store_));
        return Stored{livekit::object_location(store_, key_), source.size(), false};
    }

 private:
    using Body = std::function<Result<std::string>()>;
    struct Ask {
        const char* method;
        std::string query = {};
        net::Headers headers = {};
        Body body = {};  // anew for every attempt: nothing holds a part in between
        std::string doing;
    };

    /// The answer with which it ended, whatever its status; an error when there was none.
    Result<net::HttpResponse> ask(const Ask& what) {
        for (int attempt = 1;; ++attempt) {
            auto answer = send(what);
            if (!answer && answer.error().code == Errc::Cancelled) return answer;
            if (answer && moved(*answer)) continue;
            const bool again = answer ? may_pass(*answer) : may_pass(answer.error());
            if (!again || attempt >= patience_.attempts) return answer ? std::move(answer) : failed(what, std::move(answer).error());
            auto pause = at_random(std::min(patience_.longest, patience_.first * (1 << std::min(attempt - 1, 10))));
            if (answer)
                if (const auto told = net::retry_after(*answer, system_clock::now())) pause = std::min(std::max(pause, *told), patience_.longest);
            if (!sleep_for(pause, stop_)) return fail(Errc::Cancelled, "storing {} was given up", key_);
        }
    }
    std::unexpected<Error> failed(const Ask& what, Error error) const { return std::unexpected(std::move(error).while_doing(what.doing)); }

    Result<net::HttpResponse> send(const Ask& what) {
        if (stop_.stop_requested()) return fail(Errc::Cancelled, "storing {} was given up", key_);
        VC_TRY_ASSIGN(const auto url, livekit::object_url(store_, key_));
        auto request = livekit::s3_request(store_, what.method, url, what.query);
        request.headers.insert(request.headers.end(), what.headers.begin(), what.headers.end());
        request.connect_timeout = patience_.connect;
        request.idle_timeout = patience_.silence;
        request.total_timeout = milliseconds(0);  // as long as bytes move
        if (what.body) {
            VC_TRY_ASSIGN(request.body, what.body());
        }
        return http_.send(std::move(request), stop_);
    }

    /// Amazon says where a bucket is; who named no region did not know.
    bool moved(const net::HttpResponse& answer) {
        const auto right = answer.header("x-amz-bucket-region");
        if (is_fine(answer) || right.empty() || !store_.region().empty()) return false;
        store_.set_region(std::string(right));
        return true;
    }

    std::unexpected<Error> refused(const Ask& what, const net::HttpResponse& answer) const {
        auto error = livekit::explain_s3(answer, store_, system_clock::now());
        error.message = fmt::format("{}/{}: {}", store_.bucket(), terminal_safe(key_), error.message);
        return std::unexpected(std::move(error).while_doing(what.doing));
    }
    Result<net::HttpResponse> ask_fine(const Ask& what) {
        VC_TRY_ASSIGN(auto answer, ask(what));
        if (!is_fine(answer)) return refused(what, answer);
        return answer;
    }

    net::Headers object_headers() const {
        net::Headers out{{"Content-Type", job_.content_type}, {"Content-Disposition", store_.content_disposition().empty() ? kShown : store_.content_disposition()}};
        for (const auto& [name, value] : store_.metadata())
            if (!value.empty()) out.emplace_back("x-amz-meta-" + to_lower_ascii(name), value);
        if (!store_.tagging().empty()) out.emplace_back("x-amz-tagging", store_.tagging());
        return out;
    }
    void progress(std::int64_t done, std::int64_t total) const {
        if (hooks_.on_progress) hooks_.on_progress(done, total);
    }
    void tell_upload(const std::string& id) const {
        if (hooks_.on_upload) hooks_.on_upload(id);
    }

    /// Its ETag.
    Result<std::string> put_whole(const Source& source) {
        if (!job_.upload_id.empty()) abandon(job_.upload_id);
        VC_TRY_ASSIGN(const auto answer, ask_fine({"PUT", {}, object_headers(), [&source] { return source.read(0, source.size()); }, "storing it in S3"}));
        progress(source.size(), source.size());
        return std::string(answer.header("etag"));
    }

    Result<std::string> put_parts(const Source& source) {
        const auto size = std::max(kPart, (source.size() + kMostParts - 1) / kMostParts);
        std::map<int, std::string> parts;  // number → ETag
        auto id = job_.upload_id;
        if (!id.empty()) {
            VC_TRY_ASSIGN(const bool there, find_parts(id, source.size(), size, parts));
            if (!there) id.clear();
        }
        if (id.empty()) {
            VC_TRY_ASSIGN(id, begin());
        }
        auto etag = put_rest(source, size, id, parts);
        if (!etag && etag.error().code != Errc::Cancelled) abandon(id);
        else if (etag) tell_upload("");
        return etag;
    }

    Result<std::string> begin() {
        VC_TRY_ASSIGN(const auto answer, ask_fine({"POST", "uploads=", object_headers(), {}, "beginning an upload to S3"}));
        auto id = livekit::xml_element(answer.body, "UploadId");
        if (id.empty()) return fail(Errc::Protocol, "the storage has begun an upload without an id");
        tell_upload(id);
        return id;
    }

    static std::string id_query(const std::string& id) { return "uploadId=" + net::percent_encode(id); }

    /// What a former process has stored of it. False: the storage knows nothing of this upload (any more).
    Result<bool> find_parts(const std::string& id, std::int64_t total, std::int64_t size, std::map<int, std::string>& parts) {
        for (int marker = 0;;) {
            const Ask what{"GET", fmt::format("max-parts=1000&part-number-marker={}&{}", marker, id_query(id)), {}, {}, "looking for a begun upload"};
            VC_TRY_ASSIGN(const auto answer, ask(what));
            if (answer.status == 404) return false;
            if (!is_fine(answer)) return refused(what, answer);
            const int before = marker;
            for (auto at = answer.body.find("<Part>"); at != std::string::npos; at = answer.body.find("<Part>", at + 1)) {
                const int number = std::atoi(livekit::xml_element(answer.body, "PartNumber", at).c_str());
                const auto bytes = std::atoll(livekit::xml_element(answer.body, "Size", at).c_str());
                marker = std::max(marker, number);
                // Another size: of another file, or of other parts.
                if (number >= 1 && bytes == std::min(size, total - (number - 1) * size)) parts[number] = livekit::xml_element(answer.body, "ETag", at);
            }
            if (livekit::xml_element(answer.body, "IsTruncated") != "true" || marker == before) return true;
        }
    }

    Result<std::string> put_rest(const Source& source, std::int64_t size, const std::string& id, std::map<int, std::string>& parts) {
        const auto count = static_cast<int>((source.size() + size - 1) / size);
        for (int number = 1; number <= count; ++number) {
            const auto from = (number - 1) * size;
            progress(from, source.size());
            if (parts.contains(number)) continue;
            const Ask what{"PUT", fmt::format("partNumber={}&{}", number, id_query(id)), {}, [&source, from, size] { return source.read(from, size); }, fmt::format("storing part {} of {} in S3", number, count)};
            VC_TRY_ASSIGN(const auto answer, ask_fine(what));
            parts[number] = answer.header("etag");
        }
        return complete(id, parts, source.size());
    }

    Result<std::string> complete(const std::string& id, const std::map<int, std::string>& parts, std::int64_t total) {
        std::string body = "<CompleteMultipartUpload>";
        for (const auto& [number, etag] : parts) body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", number, etag);
        body += "</CompleteMultipartUpload>";
        const Ask what{"POST", id_query(id), {{"Content-Type", "application/xml"}}, [&body]() -> Result<std::string> { return body; }, "putting the parts together"};
        VC_TRY_ASSIGN(const auto answer, ask(what));
        // An answer may have been lost on its way, and then the upload is over.
        if (answer.status == 404 && is_there(total)) return std::string();
        // S3 may say 200 first and fail afterwards.
        if (!is_fine(answer) || answer.body.find("<Error>") != std::string::npos) return refused(what, answer);
        progress(total, total);
        return livekit::xml_element(answer.body, "ETag");
    }

    bool is_there(std::int64_t total) {
        const auto answer = ask({"HEAD", {}, {}, {}, "looking at it"});
        return answer && is_fine(*answer) && answer->header("content-length") == std::to_string(total);
    }

    /// Once and without waiting for long: what is left of an upload costs money until somebody removes it.
    void abandon(const std::string& id) {
        const auto answer = send({"DELETE", id_query(id), {}, {}, "giving up an upload"});
        if (answer && (is_fine(*answer) || answer->status == 404)) tell_upload("");
    }

    Result<void> check(const std::string& etag, std::int64_t total) {
        const Ask what{"HEAD", {}, {}, {}, "looking at what was stored"};
        VC_TRY_ASSIGN(const auto answer, ask(what));
        if (answer.status == 403) return {};  // a key that may only write
        if (!is_fine(answer)) return refused(what, answer);
        const auto stored = answer.header("content-length");
        if (stored != std::to_string(total)) return fail(Errc::CheckFailed, "the storage has {} bytes of {}, {} were stored", stored, terminal_safe(key_), total);
        const auto known = answer.header("etag");
        if (is_digest(etag) && is_digest(known) && etag != known) return fail_with_hint(Errc::CheckFailed, fmt::format("{} is not what was stored: another has written it at the same time", terminal_safe(key_)), "put {egress_id} or {utc} into the path");
        return {};
    }

    net::HttpClient& http_;
    const StoreJob& job_;
    const StoreHooks& hooks_;
    const Patience patience_;
    std::stop_token stop_;
    S3Upload store_;
    const std::string key_;
};

}  // namespace

Result<Stored> store_object(net::HttpClient& http, const StoreJob& job, const StoreHooks& hooks, const Patience& patience, std::stop_token stop) {
    VC_TRY_ASSIGN(const auto source, Source::open(job));
    return ObjectStore(http, job, hooks, patience, std::move(stop)).run(source);
}

}  // namespace voicectl::egress
