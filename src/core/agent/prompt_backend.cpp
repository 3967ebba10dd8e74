#include "voicectl/agent/prompt_backend.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "voicectl/base/json.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::agent {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLargestBody = 256 * 1024;
constexpr std::size_t kLongestFetched = 100'000, kLongestGreeting = 1'000;  // characters
constexpr int kDeepestPrompt = 8;
constexpr int kAttempts = 2;
constexpr std::string_view kPlace = "{scenarioId}";
constexpr const char* kKeyHeader = "X-Internal-Service-Key";

Result<std::string> text_of(const Json& data, const char* key, std::size_t limit) {
    const auto found = data.find(key);
    if (found == data.end() || found->is_null()) return std::string();
    if (!found->is_string()) return fail(Errc::Protocol, "its answer's data.{} is no text", key);
    const auto& text = found->get_ref<const std::string&>();
    if (utf8_length(text) > limit) return fail(Errc::Protocol, "its answer's data.{} is longer than {} characters", key, limit);
    return plain_text(text, limit, /*lines=*/true);
}

/// One call's question to the backend: asked, and asked once more where that may help.
class LiveFetch final : public PromptFetch {
 public:
    LiveFetch(Loop& loop, net::HttpClient& http, net::HttpRequest request, std::function<void(Result<FetchedPrompt>)> done)
        : loop_(loop), http_(http), request_(std::move(request)), done_(std::move(done)) {
        attempt();
    }

 private:
    void attempt() {
        ++attempts_;
        status_ = 0;
        body_.clear();
        transfer_ = http_.stream(request_, loop_,
                                 {.on_head = [this](const net::HttpResponse& head) { status_ = head.status; },
                                  .on_chunk = [this](std::string_view chunk) { take(chunk); },
                                  .on_done = [this](const Result<void>& done) { judge(done); }});
    }

    void take(std::string_view chunk) {
        if (over_) return;
        if (body_.size() + chunk.size() > kLargestBody) return end(fail(Errc::Protocol, "its answer is longer than {} bytes", kLargestBody));
        body_ += chunk;
    }

    void judge(const Result<void>& done) {
        if (over_) return;
        if (!done) return again_or(std::unexpected(done.error()));
        if (status_ == 200) return end(parse_prompt(body_));
        Result<FetchedPrompt> refused = fail(status_ == 401 || status_ == 403 ? Errc::Auth : status_ == 404 ? Errc::NotFound : Errc::Unreachable, "it answered {}", status_);
        const bool may_pass = status_ == 408 || status_ == 425 || status_ == 429 || status_ >= 500;
        if (may_pass) return again_or(std::move(refused));
        end(std::move(refused));
    }

    void again_or(Result<FetchedPrompt> why) {
        if (attempts_ >= kAttempts) return end(std::move(why));
        loop_.post(lifeline_.guard([this] { attempt(); }));  // the transfer that calls us goes first
    }

    /// Never inside the call that asked, nor inside the transfer.
    void end(Result<FetchedPrompt> result) {
        if (std::exchange(over_, true)) return;
        loop_.post(lifeline_.guard([this, result = std::move(result)] {
            transfer_.reset();
            const auto tell = std::move(done_);  // which may destroy us
            tell(result);
        }));
    }

    Loop& loop_;
    net::HttpClient& http_;
    net::HttpRequest request_;
    std::function<void(Result<FetchedPrompt>)> done_;
    int attempts_ = 0, status_ = 0;
    bool over_ = false;
    std::string body_;
    std::unique_ptr<net::HttpStream> transfer_;
    Lifeline lifeline_;
};

struct Key {
    std::string value;
    std::optional<speech::OptionFault> fault;
};

Key find_key(const BackendSettings& settings, const speech::ProviderContext& context) {
    Key out;
    if (settings.key_file.empty()) {
        out.value = context.environment(settings.key_env).value_or("");
        if (out.value.empty()) out.fault = {"backend.key_env", fmt::format("the variable {} is not set", settings.key_env), "put the internal service key into it, or name a key_file"};
    } else {
        const auto read = read_file((std::filesystem::path(context.base_folder) / settings.key_file).string(), 4096);
        if (read) out.value = trim(*read);
        if (out.value.empty()) out.fault = {"backend.key_file", read ? "holds no key" : "cannot be read: " + read.error().message, "its path is relative to the folder of this configuration"};
    }
    const bool plain = std::all_of(out.value.begin(), out.value.end(), [](char c) { return c > 0x20 && c < 0x7F; });
    if (!out.fault && !plain) out.fault = {settings.key_file.empty() ? "backend.key_env" : "backend.key_file", "the key has characters that no header may have", ""};
    return out;
}

}  // namespace

Result<FetchedPrompt> parse_prompt(const std::string& body) {
    const auto answer = parse_object(body, kDeepestPrompt);
    if (!answer) return fail(Errc::Protocol, "its answer {}", answer.error());
    if (answer->value("ok", Json()) != true) return fail(Errc::Protocol, "its answer does not say ok");
    const auto data = answer->value("data", Json());
    if (!data.is_object()) return fail(Errc::Protocol, "its answer has no data");
    FetchedPrompt out;
    VC_TRY_ASSIGN(out.instructions, text_of(data, "prompt", kLongestFetched));
    VC_TRY_ASSIGN(out.greeting, text_of(data, "greeting", kLongestGreeting));
    if (trim(out.instructions).empty()) return fail(Errc::Protocol, "its answer's data.prompt is missing or empty");
    return out;
}

speech::Built<PromptBackend> PromptBackend::build(const AgentConfig& config, const speech::ProviderContext& context) {
    const auto& wanted = config.prompt_from;
    if (std::find(wanted.begin(), wanted.end(), "backend") == wanted.end()) return nullptr;
    const auto fault = [](const char* key, std::string message, std::string hint = {}) {
        return std::unexpected(speech::OptionFault{key, std::move(message), std::move(hint)});
    };
    auto settings = config.backend;
    auto base = settings.url.empty() ? context.environment("VOICECTL_BACKEND_URL").value_or("") : settings.url;
    if (base.empty()) return fault("backend.url", "is missing", "prompt_from names the backend: write its address here, or into VOICECTL_BACKEND_URL");
    const auto url = net::parse_url(base);
    if (!url || (url->scheme != "https" && url->scheme != "http"))
        return fault("backend.url", url ? "must begin with https://" : url.error().message, "write it like https://app.example.com");
    if (!url->secure() && !net::is_loopback(url->host)) return fault("backend.url", "must begin with https://: a key is sent there");
    while (base.ends_with('/')) base.pop_back();
    if (!settings.path.starts_with('/') || settings.path.find(kPlace) == std::string::npos)
        return fault("backend.path", "must begin with / and have {scenarioId} in it", "for example /api/internal/scenarios/{scenarioId}");
    auto key = find_key(settings, context);
    if (key.fault) return std::unexpected(std::move(*key.fault));
    register_secret(key.value);
    return std::unique_ptr<PromptBackend>(new PromptBackend(context.http, std::move(base), std::move(settings), std::move(key.value)));
}

std::unique_ptr<PromptFetch> PromptBackend::fetch(Loop& loop, const std::string& scenario_id, std::function<void(Result<FetchedPrompt>)> done) const {
    auto path = settings_.path;
    path.replace(path.find(kPlace), kPlace.size(), net::percent_encode(scenario_id));
    net::HttpRequest request;
    request.url = base_ + path;
    request.headers = {{kKeyHeader, key_}, {"Accept", "application/json"}};
    request.connect_timeout = request.idle_timeout = request.total_timeout = settings_.timeout;
    return std::make_unique<LiveFetch>(loop, http_, std::move(request), std::move(done));
}

}  // namespace voicectl::agent
