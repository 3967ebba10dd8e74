#include "voicectl/net/http.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <ctime>
#include <future>

#include "engine.h"

namespace voicectl::net {
namespace {

/// Gathers an answer for a thread that waits.
class WholeResponse final : public TransferSink {
 public:
    explicit WholeResponse(std::size_t limit) : limit_(limit) {}
    std::future<Result<HttpResponse>> result() { return promise_.get_future(); }

    void on_head(HttpResponse head) override { response_ = std::move(head); }
    Result<void> on_chunk(std::string_view chunk) override {
        if (response_.body.size() + chunk.size() > limit_)
            return fail(Errc::Protocol, "the answer is larger than {} bytes", limit_);
        response_.body += chunk;
        return {};
    }
    void on_done(Result<void> result) override {
        response_.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun_);
        if (result) promise_.set_value(std::move(response_));
        else promise_.set_value(std::unexpected(std::move(result).error()));
    }

 private:
    std::size_t limit_;
    TimePoint begun_ = Clock::now();
    HttpResponse response_;
    std::promise<Result<HttpResponse>> promise_;
};

/// Carries events from the engine's thread to a loop for as long as the stream's owner wants them.
class LoopSink final : public TransferSink {
    /// What is not told yet of the head, if anything.
    auto telling_head() {
        return [head = std::exchange(head_, {})](const HttpStreamHandlers& to) {
            if (head && to.on_head) to.on_head(*head);
        };
    }

 public:
    LoopSink(Loop& loop, HttpStreamHandlers handlers)
        : wants_chunks_(handlers.on_chunk != nullptr), loop_(&loop), handlers_(std::make_shared<HttpStreamHandlers>(std::move(handlers))) {}

    // One trip to the loop for each answer whose body nobody wants, not two.
    void on_head(HttpResponse head) override {
        head_ = std::move(head);
        if (wants_chunks_) post(telling_head());
    }
    Result<void> on_chunk(std::string_view chunk) override {
        if (!wants_chunks_) return {};
        post([chunk = std::string(chunk)](const HttpStreamHandlers& to) {
            if (to.on_chunk) to.on_chunk(chunk);
        });
        return {};
    }
    void on_done(Result<void> result) override {
        ended_ = true;
        post(telling_head(), [result = std::move(result)](const HttpStreamHandlers& to) {
            if (to.on_done) to.on_done(result);
        });
    }
    /// Any thread. The engine has done with it: there is nothing to cancel.
    bool ended() const { return ended_; }
    /// Loop thread. After this neither the handlers nor the loop are touched again, which may die next.
    void drop() {
        std::lock_guard lock(mutex_);
        loop_ = nullptr;
        handlers_.reset();
    }

 private:
    template<class... Events>
    void post(Events... events) {
        std::lock_guard lock(mutex_);
        if (loop_ == nullptr) return;
        loop_->post([weak = std::weak_ptr<HttpStreamHandlers>(handlers_), ... events = std::move(events)] { (tell(weak, events), ...); });
    }
    // lock() keeps the handlers whole while one of them drops the stream; the next event then finds none.
    template<class Event>
    static void tell(const std::weak_ptr<HttpStreamHandlers>& weak, const Event& event) {
        if (const auto handlers = weak.lock()) event(*handlers);
    }

    const bool wants_chunks_;
    std::optional<HttpResponse> head_;  // engine's thread
    std::atomic<bool> ended_ = false;
    std::mutex mutex_;
    Loop* loop_;                                    // under mutex_
    std::shared_ptr<HttpStreamHandlers> handlers_;  // under mutex_; called on the loop only
};

class Stream final : public HttpStream {
 public:
    explicit Stream(std::shared_ptr<LoopSink> sink) : sink_(std::move(sink)) {}
    ~Stream() override {
        sink_->drop();
        if (sink_->ended()) return;
        if (const auto engine = engine_.lock(); engine && transfer_) engine->cancel(std::move(transfer_));
    }
    void begin(const std::shared_ptr<Engine>& engine, std::shared_ptr<Transfer> transfer) {
        engine_ = engine;
        transfer_ = transfer;
        engine->submit(std::move(transfer));
    }

 private:
    std::shared_ptr<LoopSink> sink_;
    std::weak_ptr<Engine> engine_;
    std::shared_ptr<Transfer> transfer_;
};

}  // namespace

struct HttpClient::Impl {
    std::mutex mutex;
    std::shared_ptr<Engine> started;  // under mutex

    Result<std::shared_ptr<Engine>> engine() {
        std::lock_guard lock(mutex);
        if (!started) {
            VC_TRY_ASSIGN(started, Engine::create());
        }
        return started;
    }
};

HttpClient::HttpClient() : impl_(std::make_unique<Impl>()) {}
HttpClient::~HttpClient() = default;

std::string_view HttpResponse::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (key == name) return value;
    return {};
}

std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text) {
    std::tm parts{};
    const std::string copy(text);
    const char* rest = strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (rest == nullptr || *rest != '\0') return std::nullopt;
    constexpr std::time_t kFarthest = 4'102'444'800;  // 2100: nanoseconds of a 64-bit clock do not reach the year 9999
    return std::chrono::system_clock::from_time_t(std::clamp<std::time_t>(timegm(&parts), 0, kFarthest));
}

std::optional<std::chrono::milliseconds> retry_after(const HttpResponse& head, std::chrono::system_clock::time_point now) {
    using std::chrono::milliseconds;
    static constexpr milliseconds kLongest = std::chrono::hours(1);
    const auto bounded = [](milliseconds wait) { return std::clamp(wait, milliseconds(0), kLongest); };
    const auto number = [](std::string_view text) -> std::optional<double> {
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (text.empty() || error != std::errc{} || end != text.data() + text.size() || !(value >= 0)) return std::nullopt;
        return std::min(value, 1e9);
    };
    if (const auto ms = number(head.header("retry-after-ms"))) return bounded(milliseconds(static_cast<std::int64_t>(*ms)));
    const auto told = head.header("retry-after");
    if (const auto seconds = number(told)) return bounded(milliseconds(static_cast<std::int64_t>(*seconds * 1000)));
    if (const auto date = parse_http_date(told)) return bounded(std::chrono::duration_cast<milliseconds>(*date - now));
    return std::nullopt;
}

Result<HttpResponse> HttpClient::send(HttpRequest request, std::stop_token stop) {
    VC_TRY_ASSIGN(const auto engine, impl_->engine());
    const auto sink = std::make_shared<WholeResponse>(request.max_body);
    VC_TRY_ASSIGN(auto transfer, Transfer::create(engine->curl(), std::move(request), sink));
    auto result = sink->result();
    engine->submit(transfer);
    const std::stop_callback on_stop(std::move(stop), [&] { engine->cancel(transfer); });
    return result.get();
}

std::unique_ptr<HttpStream> HttpClient::stream(HttpRequest request, Loop& loop, HttpStreamHandlers handlers) {
    const auto sink = std::make_shared<LoopSink>(loop, std::move(handlers));
    auto stream = std::make_unique<Stream>(sink);
    const auto engine = impl_->engine();
    if (!engine) {
        sink->on_done(std::unexpected(engine.error()));
        return stream;
    }
    auto transfer = Transfer::create((*engine)->curl(), std::move(request), sink);
    if (transfer) stream->begin(*engine, std::move(*transfer));
    else sink->on_done(std::unexpected(std::move(transfer).error()));
    return stream;
}

std::string HttpClient::version() {
    const auto curl = curl_library();
    if (!curl) return curl.error().message;
    const auto* info = (*curl)->version_info(CURLVERSION_NOW);
    return fmt::format("{} {}", info->version, info->ssl_version != nullptr ? info->ssl_version : "without TLS");
}

}  // namespace voicectl::net
