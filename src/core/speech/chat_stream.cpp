#include "core/speech/chat_stream.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "voicectl/net/sse.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostWholeAnswer = 1024 * 1024;
constexpr int kDeepestSchema = 32;

class ChatStream final : public LlmStream {
 public:
    ChatStream(Loop& loop, net::HttpClient& http, std::shared_ptr<const ChatDialect> dialect, const Chat& chat, LlmSink sink)
        : dialect_(std::move(dialect)),
          sink_(std::make_shared<LlmSink>(std::move(sink))),
          call_(loop, http, dialect_->remote(), dialect_->request(chat),
                {.on_try = [this] { begin(); },
                 .on_head = [this](const net::HttpResponse& head) { return take(head); },
                 .on_chunk = [this](std::string_view chunk) { take(chunk); },
                 .on_end = [this] { end_of_body(); },
                 .on_error = [this](const Error& error) { fail_with(error); }}) {}

 private:
    void begin() {
        reader_ = dialect_->reader();
        whole_ = false;
        body_.clear();
        thoughts_ = {};
        calls_ = {};
        finished_ = ending_ = false;
        events_.emplace([this](const std::string& data) { return take_event(data); });
    }

    Result<void> take(const net::HttpResponse& head) {
        const auto type = to_lower_ascii(head.header("content-type"));
        whole_ = type.find("json") != std::string::npos;
        const bool known = whole_ || type.empty() || type.starts_with("text/event-stream") || type.starts_with("text/plain") || type.starts_with("application/octet-stream");
        if (known) return {};
        return fail_with_hint(Errc::Protocol, fmt::format("{} answered with {} in place of a stream of events", name(), plain_text(type, 60)), "is base_url right?");
    }

    void take(std::string_view chunk) {
        if (whole_) return void(body_ += chunk.substr(0, kMostWholeAnswer - std::min(kMostWholeAnswer, body_.size())));
        if (auto pushed = events_->push(chunk); !pushed) give_up(std::move(pushed).error());  // never when dropped
    }

    /// False: read no further, we may be gone.
    bool take_event(const std::string& data) {
        auto chunk = reader_->read(data);
        if (done_) {  // some servers say what an answer took only after its end
            if (chunk && chunk->usage) tell_usage(*chunk->usage);
            return true;
        }
        if (!chunk && ending_) return false;  // cut off in its middle
        if (!chunk) return give_up(std::move(chunk).error()), false;
        const std::weak_ptr<char> alive = alive_;
        if (!handle(*chunk)) return false;
        if (chunk->last) finish();
        return !alive.expired();
    }

    /// False: we are gone, or it is over.
    bool handle(const ChatChunk& chunk) {
        if (chunk.usage) tell_usage(*chunk.usage);
        if (chunk.error) return refuse(*chunk.error), false;
        finished_ = finished_ || chunk.finished;
        for (const auto& piece : chunk.calls) {
            call_.used();
            if (auto added = calls_.add(piece); !added) return give_up(std::move(added).error()), false;
        }
        return say(thoughts_.push(chunk.text));
    }

    void tell_usage(const Usage& usage) const {
        const auto sink = sink_;
        if (sink->on_usage) sink->on_usage(usage);
    }

    /// In mid-stream, when the status was good: what was not begun may be tried again, if that can help.
    void refuse(const ServerError& error) {
        const auto message = fmt::format("{} broke off: {}", name(), error.message.empty() ? error.code : error.message);
        const auto is = [&](std::initializer_list<std::string_view> codes) { return std::find(codes.begin(), codes.end(), error.code) != codes.end(); };
        if (is({"authentication_error", "permission_error", "billing_error", "invalid_api_key", "insufficient_quota"}))
            return call_.give_up({Errc::Auth, message, "check the key and the account"});
        if (is({"invalid_request_error", "request_too_large", "not_found_error"})) return call_.give_up({Errc::Rejected, message, {}});
        call_.broke_off({Errc::Unreachable, message, {}});
    }

    /// False: the listener has dropped us.
    bool say(const std::string& text) {
        if (text.empty()) return true;
        call_.used();
        const std::weak_ptr<char> alive = alive_;
        const auto sink = sink_;
        sink->on_text(text);
        return !alive.expired();
    }

    void finish() {
        if (done_ || !say(thoughts_.finish())) return;
        done_ = true;
        call_.complete();
        const auto sink = sink_;
        sink->on_done({.calls = calls_.take()});
    }

    void end_of_body() {
        if (whole_) return end_of_whole();
        const std::weak_ptr<char> alive = alive_;
        ending_ = true;
        events_->finish();
        if (alive.expired() || done_ || failed_) return;
        if (finished_) return finish();
        call_.broke_off({Errc::Protocol, name() + " ended in the middle of an answer", {}});
    }

    void end_of_whole() {
        auto chunk = reader_->read_whole(body_);
        if (!chunk) return give_up(std::move(chunk).error());
        if (handle(*chunk)) finish();
    }

    void give_up(Error error) { call_.give_up(std::move(error).while_doing(name())); }

    void fail_with(const Error& error) {
        if (done_ || failed_) return;
        if (finished_) return finish();  // it was whole, only its end was not told
        failed_ = true;
        const auto sink = sink_;
        sink->on_error(error);
    }

    const std::string& name() const { return dialect_->remote().provider; }

    std::shared_ptr<const ChatDialect> dialect_;
    std::shared_ptr<LlmSink> sink_;
    std::unique_ptr<ChatReader> reader_;
    std::optional<net::SseParser> events_;
    std::string body_;      // of an answer that is no stream
    ThinkFilter thoughts_;
    ToolCallGatherer calls_;
    bool whole_ = false;
    bool finished_ = false;  // the model has said why it stopped
    bool ending_ = false;    // the body is over
    bool done_ = false, failed_ = false;
    std::shared_ptr<char> alive_ = std::make_shared<char>();  // tells whether a call to the sink has dropped us
    RemoteCall call_;  // last: it begins as it is made
};

/// What is answered is not read: the connection is what is wanted.
class ChatWarmUp final : public LlmStream {
 public:
    ChatWarmUp(Loop& loop, net::HttpClient& http, const ChatDialect& dialect) {
        auto request = dialect.warm_up();
        request.total_timeout = 10s;
        transfer_ = http.stream(std::move(request), loop,
                                {.on_head = [](const net::HttpResponse&) {},
                                 .on_chunk = [](std::string_view) {},
                                 .on_done = [name = dialect.remote().provider](const Result<void>& done) {
                                     if (!done) log::debug(name, "no connection ahead", {{"reason", done.error().message}});
                                 }});
    }

 private:
    std::unique_ptr<net::HttpStream> transfer_;
};

class ChatModel final : public LanguageModel {
 public:
    ChatModel(net::HttpClient& http, std::shared_ptr<const ChatDialect> dialect) : http_(http), dialect_(std::move(dialect)) {}

    std::unique_ptr<LlmStream> generate(Loop& loop, const Chat& chat, LlmSink sink) override {
        return std::make_unique<ChatStream>(loop, http_, dialect_, chat, std::move(sink));
    }
    std::unique_ptr<LlmStream> warm_up(Loop& loop) override { return std::make_unique<ChatWarmUp>(loop, http_, *dialect_); }

 private:
    net::HttpClient& http_;
    std::shared_ptr<const ChatDialect> dialect_;
};

}  // namespace

std::unique_ptr<LanguageModel> chat_model(net::HttpClient& http, std::shared_ptr<const ChatDialect> dialect) {
    return std::make_unique<ChatModel>(http, std::move(dialect));
}

std::string read_model(OptionReader& reader) {
    auto model = reader.text("model", "");
    if (model.empty()) reader.fault("model", "missing", "the name of the model, as the server knows it");
    return model;
}

void expect_http(OptionReader& reader, const Remote& remote) {
    if (!remote.base.starts_with("http")) reader.fault("base_url", "expected an http or https URL");
}

nlohmann::json schema_of(const ToolSpec& tool) {
    auto schema = parse_object(tool.parameters, kDeepestSchema);
    if (schema) return std::move(*schema);
    return {{"type", "object"}, {"properties", nlohmann::json::object()}};
}

}  // namespace voicectl::speech
