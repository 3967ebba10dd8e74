// Chat completions of OpenAI and of everything that speaks the same protocol (vLLM, Ollama, llama.cpp,
// LiteLLM, …), streamed. Lives on the loop of the stream; sockets are net::HttpClient's.
#include <nlohmann/json.hpp>
#include <random>

#include "core/speech/chat_chunk.h"
#include "core/speech/options.h"
#include "core/speech/providers/all.h"
#include "core/speech/sse.h"
#include "voicectl/base/log.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::speech {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr int kRetries = 2;
constexpr milliseconds kFirstBackOff = 500ms;

struct OpenAiSettings {
    std::string url, models_url;
    std::string model;
    std::string key;           // empty: none is sent
    std::string key_variable;  // for hints
    std::optional<double> temperature;
    std::optional<int> max_tokens;
    milliseconds first_token{5000};
};

std::string_view role_name(ChatMessage::Role role) {
    switch (role) {
        case ChatMessage::Role::System: return "system";
        case ChatMessage::Role::User: return "user";
        case ChatMessage::Role::Assistant: return "assistant";
    }
    return "user";
}

std::string body_for(const OpenAiSettings& settings, const std::vector<ChatMessage>& messages) {
    nlohmann::json body{{"model", settings.model}, {"stream", true}, {"stream_options", {{"include_usage", true}}}};
    auto& list = body["messages"] = nlohmann::json::array();
    for (const auto& message : messages)
        list.push_back({{"role", role_name(message.role)}, {"content", valid_utf8(message.text)}});
    if (settings.temperature) body["temperature"] = *settings.temperature;
    if (settings.max_tokens) body["max_tokens"] = *settings.max_tokens;
    return body.dump();
}

net::HttpRequest request_for(const OpenAiSettings& settings, const std::vector<ChatMessage>& messages) {
    net::HttpRequest request;
    request.method = "POST";
    request.url = settings.url;
    request.headers = {{"Content-Type", "application/json"}, {"Accept", "text/event-stream"}};
    if (!settings.key.empty()) request.headers.emplace_back("Authorization", "Bearer " + settings.key);
    request.body = body_for(settings, messages);
    request.total_timeout = 0ms;
    return request;
}

/// What a refusal means for a script and for a person.
Error refusal(int status, const ServerError& server, const OpenAiSettings& settings) {
    const auto message = fmt::format("{} answered {}: {}", settings.url, status, server.message);
    const auto check_key = settings.key.empty() ? std::string("the server wants a key: set api_key_env")
                                                : fmt::format("check the key in {}", settings.key_variable);
    if (status == 401 || status == 403) return {Errc::Auth, message, check_key};
    if (status == 404) return {Errc::NotFound, message, "check base_url and model"};
    if (status == 429 && server.code == "insufficient_quota")
        return {Errc::Unreachable, message, "the account has no quota left"};
    if (status == 429) return {Errc::Unreachable, message, "too many requests: wait, or raise the account's limit"};
    if (status >= 500) return {Errc::Unreachable, message, "the server is in trouble: try again later"};
    if (status >= 400) return {Errc::Rejected, message, {}};
    return {Errc::Protocol, message, "is base_url right? It usually ends in /v1"};
}

bool worth_retrying(int status, const ServerError& server) {
    if (server.code == "insufficient_quota") return false;
    return status == 408 || status == 409 || status == 429 || status >= 500;
}

/// Whole seconds only; the other form of the header, a date, counts as none.
std::optional<milliseconds> retry_after(const net::HttpResponse& head) {
    const auto value = std::string(head.header("retry-after"));
    if (value.empty() || value.size() > 6 || value.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
    return std::chrono::seconds(std::stoi(value));
}

class OpenAiStream final : public LlmStream {
 public:
    OpenAiStream(Loop& loop, net::HttpClient& http, std::shared_ptr<const OpenAiSettings> settings,
                 const std::vector<ChatMessage>& messages, LlmSink sink)
        : loop_(loop),
          http_(http),
          settings_(std::move(settings)),
          request_(request_for(*settings_, messages)),
          sink_(std::make_shared<LlmSink>(std::move(sink))),
          back_off_(loop),
          deadline_(loop) {
        deadline_.after(settings_->first_token, [this] {
            transfer_.reset();
            end_with({Errc::Timeout, fmt::format("{} gave no first word within {} ms", settings_->url,
                                                 settings_->first_token.count()), {}});
        });
        attempt();
    }

 private:
    void attempt() {
        head_.reset();
        body_.clear();
        thoughts_ = {};
        sse_.emplace([this](const std::string& data) { return handle_event(data); });
        transfer_ = http_.stream(request_, loop_,
                                 {.on_head = [this](const net::HttpResponse& head) { head_ = head; },
                                  .on_chunk = [this](std::string_view chunk) { handle_chunk(chunk); },
                                  .on_done = [this](Result<void> done) { handle_done(std::move(done)); }});
    }

    bool streaming() const {
        return head_ && head_->status == 200 &&
               head_->header("content-type").find("json") == std::string_view::npos;
    }

    void handle_chunk(std::string_view chunk) {
        if (over_ && !done_) return;
        if (!streaming()) {
            constexpr std::size_t kMaxBody = 1024 * 1024;
            body_ += chunk.substr(0, kMaxBody - std::min(kMaxBody, body_.size()));
            return;
        }
        if (auto pushed = sse_->push(chunk); !pushed) end_with(std::move(pushed).error());  // never when dropped
    }

    /// False: read no further, we may be gone.
    bool handle_event(const std::string& data) {
        if (over_) return done_ && late_usage(data);
        if (trim(data) == "[DONE]") {
            const std::weak_ptr<char> alive = alive_;
            finish();
            return !alive.expired();
        }
        auto chunk = parse_chat_chunk(data);
        if (!chunk) return end_with(std::move(chunk).error()), false;
        return handle(*chunk);
    }

    bool handle(const ChatChunk& chunk) {
        if (chunk.error) return end_with(refusal_in_stream(*chunk.error)), false;
        if (chunk.usage) tell_usage(*chunk.usage);
        finished_ = finished_ || chunk.finished;
        return say(thoughts_.push(chunk.text));
    }

    void tell_usage(const Usage& usage) const {
        const auto sink = sink_;
        if (sink->on_usage) sink->on_usage(usage);
    }

    /// Some servers say what an answer took only after its [DONE].
    bool late_usage(const std::string& data) const {
        if (const auto chunk = parse_chat_chunk(data); chunk && chunk->usage) tell_usage(*chunk->usage);
        return true;
    }

    Error refusal_in_stream(const ServerError& error) const {
        return {Errc::Unreachable, fmt::format("{} broke off: {}", settings_->url, error.message), {}};
    }

    /// False: the listener has dropped us.
    bool say(const std::string& text) {
        if (text.empty()) return true;
        said_ = true;
        deadline_.cancel();
        const std::weak_ptr<char> alive = alive_;
        const auto sink = sink_;
        sink->on_text(text);
        return !alive.expired();
    }

    void finish() {
        if (over_ || !say(thoughts_.finish())) return;
        over_ = done_ = true;
        deadline_.cancel();
        const auto sink = sink_;
        sink->on_done({});
    }

    void end_with(Error error) {
        if (over_) return;
        over_ = true;
        deadline_.cancel();
        back_off_.cancel();
        const auto sink = sink_;
        sink->on_error(error);
    }

    void handle_done(Result<void> done) {
        if (done_ && streaming()) sse_->finish();
        if (over_) return;
        if (!done) return retry_or(std::move(done).error(), !said_);
        if (!head_) return end_with({Errc::Protocol, settings_->url + " gave no answer", {}});
        if (head_->status != 200) {
            const auto server = parse_server_error(body_);
            return retry_or(refusal(head_->status, server, *settings_), worth_retrying(head_->status, server));
        }
        if (!streaming()) return handle_whole_answer();
        const std::weak_ptr<char> alive = alive_;
        sse_->finish();
        if (alive.expired() || over_) return;
        if (finished_) return finish();
        end_with({Errc::Protocol, settings_->url + " ended in the middle of an answer", {}});
    }

    /// A server that ignores stream: true.
    void handle_whole_answer() {
        auto chunk = parse_chat_chunk(body_);
        if (!chunk) return end_with(std::move(chunk).error());
        if (handle(*chunk)) finish();
    }

    void retry_or(Error error, bool worth_it) {
        if (!worth_it || said_ || retries_ == kRetries) return end_with(std::move(error));
        const auto wait = wait_before_retry();
        if (wait >= settings_->first_token) return end_with(std::move(error));
        ++retries_;
        back_off_.after(wait, [this] { attempt(); });
    }

    milliseconds wait_before_retry() const {
        if (head_)
            if (const auto told = retry_after(*head_)) return *told;
        const auto full = kFirstBackOff * (1 << retries_);
        thread_local std::minstd_rand engine{std::random_device{}()};
        return full - milliseconds(std::uniform_int_distribution<long>(0, full.count() / 4)(engine));
    }

    Loop& loop_;
    net::HttpClient& http_;
    std::shared_ptr<const OpenAiSettings> settings_;
    net::HttpRequest request_;
    std::shared_ptr<LlmSink> sink_;
    std::optional<net::HttpResponse> head_;
    std::string body_;  // of an answer that is no stream
    std::optional<SseParser> sse_;
    ThinkFilter thoughts_;
    int retries_ = 0;
    bool said_ = false;      // the caller has heard something: no second try
    bool finished_ = false;  // the model has said why it stopped
    bool over_ = false;      // on_done or on_error was called
    bool done_ = false;      // on_done was: what the answer took may be told yet
    Timer back_off_;
    Timer deadline_;
    std::unique_ptr<net::HttpStream> transfer_;
    std::shared_ptr<char> alive_ = std::make_shared<char>();  // tells whether a call to the sink has dropped us
};

/// The list of models is asked for and not read: its connection is what is wanted.
class WarmUp final : public LlmStream {
 public:
    WarmUp(Loop& loop, net::HttpClient& http, const OpenAiSettings& settings) {
        net::HttpRequest request;
        request.url = settings.models_url;
        if (!settings.key.empty()) request.headers.emplace_back("Authorization", "Bearer " + settings.key);
        request.total_timeout = 10s;
        transfer_ = http.stream(std::move(request), loop,
                                {.on_head = [](const net::HttpResponse&) {},
                                 .on_chunk = [](std::string_view) {},
                                 .on_done = [](const Result<void>& done) {
                                     if (!done) log::debug("openai", "no connection ahead", {{"reason", done.error().message}});
                                 }});
    }

 private:
    std::unique_ptr<net::HttpStream> transfer_;
};

class OpenAi final : public LanguageModel {
 public:
    OpenAi(net::HttpClient& http, OpenAiSettings settings)
        : http_(http), settings_(std::make_shared<const OpenAiSettings>(std::move(settings))) {}

    std::unique_ptr<LlmStream> generate(Loop& loop, const std::vector<ChatMessage>& messages, LlmSink sink) override {
        return std::make_unique<OpenAiStream>(loop, http_, settings_, messages, std::move(sink));
    }
    std::unique_ptr<LlmStream> warm_up(Loop& loop) override { return std::make_unique<WarmUp>(loop, http_, *settings_); }

 private:
    net::HttpClient& http_;
    std::shared_ptr<const OpenAiSettings> settings_;
};

Built<LanguageModel> build_openai(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    OpenAiSettings settings;
    auto base = reader.text("base_url", "https://api.openai.com/v1");
    settings.model = reader.text("model", "");
    settings.key_variable = reader.text("api_key_env", "OPENAI_API_KEY");
    settings.temperature = reader.number("temperature", 0, 2);
    settings.max_tokens = reader.integer("max_tokens", 1, 1'000'000);
    settings.first_token = milliseconds(static_cast<long>(reader.number("first_token_timeout", 5, 0.1, 300) * 1000));
    if (settings.model.empty()) reader.fault("model", "missing", "the name of the model, as the server knows it");
    const auto url = net::parse_url(base);
    if (!url) reader.fault("base_url", url.error().message, "write it like https://api.openai.com/v1");
    else if (url->scheme != "http" && url->scheme != "https") reader.fault("base_url", "expected an http or https URL");
    settings.key = context.environment(settings.key_variable).value_or("");
    if (settings.key.empty() && url && !net::is_loopback(url->host))
        reader.fault("api_key_env", fmt::format("the variable {} is not set", settings.key_variable), "put the key into it");
    if (settings.key.find_first_of("\r\n") != std::string::npos)
        reader.fault("api_key_env", fmt::format("the key in {} has a line break in it", settings.key_variable));
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    register_secret(settings.key);
    while (base.ends_with('/')) base.pop_back();
    settings.url = base + "/chat/completions";
    settings.models_url = base + "/models";
    return std::make_unique<OpenAi>(context.http, std::move(settings));
}

}  // namespace

const Provider<LanguageModel> kOpenAi{"openai", "chat completions of OpenAI and compatible servers", &build_openai};

}  // namespace voicectl::speech
