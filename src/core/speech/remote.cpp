#include "core/speech/remote.h"

#include <algorithm>
#include <filesystem>
#include <random>

#include "voicectl/base/json.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::speech {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kShortestBackOff = 500ms, kLongestBackOff = 8s;
constexpr std::size_t kMostRefusal = 64 * 1024;  // of an error's body
constexpr int kDeepestError = 8;

std::string start_of(std::string_view text) {
    constexpr std::size_t kShown = 200;
    const auto cut = text.size() > kShown;
    return terminal_safe(valid_utf8(trim(text.substr(0, kShown)))) + (cut ? "…" : "");
}

std::string first_of(const json& value, std::initializer_list<const char*> keys) {
    for (const auto* key : keys)
        if (auto text = text_at(value, key); !text.empty()) return text;
    return {};
}

// OpenAI and Anthropic {error: {message, type, code}}, others {error: text}; FastAPI {detail: text | [{msg}] | {message}};
// Deepgram {err_code, err_msg} or {category, message} or, on sockets, {variant, description}; Cartesia {title, message, error_code}.
ServerError error_in(const json& value) {
    for (const auto* key : {"error", "detail"}) {
        const auto at = value.find(key);
        if (at == value.end()) continue;
        if (at->is_object()) return error_in(*at);
        if (at->is_array() && !at->empty() && at->front().is_object()) return {text_at(at->front(), "msg"), text_at(at->front(), "type")};
        if (at->is_string()) return {at->get<std::string>(), first_of(value, {"code", "error_code", "type"})};
    }
    return {first_of(value, {"message", "err_msg", "description", "title", "msg"}),
            first_of(value, {"code", "err_code", "error_code", "category", "variant", "type", "status"})};
}

/// A header's value can be no end of line, and a key is printable.
bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

void read_key(OptionReader& reader, const ProviderContext& context, const RemoteDefaults& defaults, bool needed, Remote& out) {
    const auto variable = reader.text("api_key_env"), file = reader.text("api_key_file"), credential = reader.text("api_key_credential");
    if (int(variable.has_value()) + int(file.has_value()) + int(credential.has_value()) > 1)
        return reader.fault(file ? "api_key_file" : "api_key_credential", "more than one place for the key", "one of api_key_env, api_key_file and api_key_credential");
    std::string option = "api_key_env";
    if (file || credential) {
        option = file ? "api_key_file" : "api_key_credential";
        // systemd.exec(5), LoadCredential=: a file of that name in a folder that only the service can read.
        const auto folder = context.environment("CREDENTIALS_DIRECTORY").value_or("");
        if (credential && folder.empty())
            return reader.fault(option, "systemd gave no credentials", "LoadCredential=NAME:PATH in the unit, or api_key_file for a file of your own");
        if (credential && credential->find('/') != std::string::npos) return reader.fault(option, "is the name of a credential, not a path");
        out.key_source = file ? resolve_path(*file, context) : (std::filesystem::path(folder) / *credential).string();
        const auto text = read_file(out.key_source, 4096);
        if (!text) return reader.fault(option, "cannot be read: " + text.error().message, "its path is relative to the folder of this configuration");
        out.key = trim(*text);
        if (out.key.empty()) return reader.fault(option, "holds no key");
    } else {
        out.key_source = variable.value_or(std::string(defaults.key_variable));
        out.key = trim(context.environment(out.key_source).value_or(""));
        if (out.key.empty() && needed) return reader.fault(option, fmt::format("the variable {} is not set", out.key_source), "put the key into it, or name an api_key_file");
    }
    if (!is_plain(out.key)) reader.fault(option, fmt::format("the key in {} has characters that no header may have", out.key_source));
}

void read_headers(OptionReader& reader, const ProviderContext& context, Remote& out) {
    const auto* headers = reader.raw("headers");
    if (headers == nullptr) return;
    if (!headers->is_object()) return reader.fault("headers", "expected a mapping of names to values");
    for (const auto& [name, value] : headers->items()) {
        const auto key = "headers." + name;
        const bool token = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_'; });
        if (!token) return reader.fault(key, "is no name of a header");
        if (!value.is_string()) return reader.fault(key, "expected text");
        auto text = value.get<std::string>();
        if (text.starts_with("$")) {  // a secret does not belong into a file
            const auto found = context.environment(text.substr(1));
            if (!found) return reader.fault(key, fmt::format("the variable {} is not set", text.substr(1)));
            text = *found;
            register_secret(text);
        }
        if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; })) return reader.fault(key, "has control characters in it");
        out.headers.emplace_back(name, std::move(text));
    }
}

std::string with_scheme(const Remote& remote, const std::string& path, bool socket) {
    const auto colon = remote.base.find(':');
    const bool secure = remote.base.starts_with("https") || remote.base.starts_with("wss");
    const auto* scheme = socket ? (secure ? "wss" : "ws") : (secure ? "https" : "http");
    return scheme + remote.base.substr(colon) + path;
}

}  // namespace

Remote read_remote(OptionReader& reader, const ProviderContext& context, const RemoteDefaults& defaults) {
    Remote out;
    out.provider = defaults.provider;
    out.base = reader.text("base_url", std::string(defaults.base));
    while (out.base.ends_with('/')) out.base.pop_back();
    const auto url = net::parse_url(out.base);
    if (!url) reader.fault("base_url", url.error().message, fmt::format("write it like {}", defaults.base));
    const bool local = url && net::is_loopback(url->host);
    read_key(reader, context, defaults, defaults.needs_key && !local, out);
    if (url && !local && !url->secure() && !out.key.empty())
        reader.fault("base_url", "a key is not sent in the clear", "write it with https:// or wss://");
    read_headers(reader, context, out);
    const auto seconds = [&](const std::string& key, milliseconds fallback) {
        // Who is followed has to fail before the caller asks whether anybody is there.
        const auto usual = context.followed && fallback >= 5s ? fallback * 3 / 5 : fallback;
        return milliseconds(static_cast<std::int64_t>(reader.number(key, static_cast<double>(usual.count()) / 1000, 0.1, 300) * 1000));
    };
    out.first = seconds(std::string(defaults.first_key), defaults.first);
    out.stall = seconds(std::string(defaults.stall_key), defaults.stall);
    out.retries = reader.integer("retries", context.followed ? 0 : defaults.retries, 0, 5);
    register_secret(out.key);
    return out;
}

net::HttpRequest request_to(const Remote& remote, const std::string& path) {
    net::HttpRequest request;
    request.method = "POST";
    request.url = http_url(remote, path);
    request.headers = remote.headers;
    request.total_timeout = 0ms;
    request.idle_timeout = 0ms;  // RemoteCall has deadlines of its own
    return request;
}

void add_header(net::HttpRequest& request, const std::string& name, const std::string& value) {
    const auto same = [&](const auto& header) { return to_lower_ascii(header.first) == to_lower_ascii(name); };
    if (std::none_of(request.headers.begin(), request.headers.end(), same)) request.headers.emplace_back(name, value);
}

std::string socket_url(const Remote& remote, const std::string& path) { return with_scheme(remote, path, true); }
std::string http_url(const Remote& remote, const std::string& path) { return with_scheme(remote, path, false); }

ServerError parse_server_error(std::string_view body) {
    const auto value = parse_object(body, kDeepestError);
    auto error = value ? error_in(*value) : ServerError{};
    error.message = start_of(error.message.empty() ? body : std::string_view(error.message));
    error.code = start_of(error.code);
    return error;
}

Error refusal(const Remote& remote, int status, const ServerError& server) {
    const auto message = fmt::format("{} answered {}: {}", remote.provider, status, server.message.empty() ? "nothing more" : server.message);
    const auto check_key = remote.key.empty() ? std::string("the server wants a key: set api_key_env") : fmt::format("check the key in {}", remote.key_source);
    if (status == 401 || status == 403) return {Errc::Auth, message, check_key};
    if (status == 402 || server.code == "insufficient_quota") return {Errc::Auth, message, "the account has no quota left"};
    if (status == 404) return {Errc::NotFound, message, "check base_url and model"};
    if (status == 429) return {Errc::Unreachable, message, "too many requests: wait, or raise the account's limit"};
    if (status == 408 || status >= 500) return {Errc::Unreachable, message, "the server is in trouble: try again later"};
    if (status >= 400) return {Errc::Rejected, message, {}};
    return {Errc::Protocol, message, "is base_url right?"};
}

bool worth_retrying(const net::HttpResponse& head, const ServerError& server) {
    if (const auto told = head.header("x-should-retry"); told == "true" || told == "false") return told == "true";
    if (server.code == "insufficient_quota") return false;
    const auto status = head.status;
    return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

milliseconds back_off(int retries) {
    const auto full = std::min(kLongestBackOff, kShortestBackOff * (1 << std::clamp(retries, 0, 10)));
    thread_local std::minstd_rand engine{std::random_device{}()};
    return full - milliseconds(std::uniform_int_distribution<long>(0, full.count() / 4)(engine));
}

// Held by whoever is within one of its handlers, for a handler may drop the call.
struct RemoteCall::State : std::enable_shared_from_this<State> {
    State(Loop& loop_of, net::HttpClient& client, const Remote& to, net::HttpRequest what, Handlers whom)
        : loop(loop_of), http(client), remote(to), request(std::move(what)), handlers(std::move(whom)), pause(loop), deadline(loop), begun_at(loop.now()) {}

    void attempt() {
        head.reset();
        refused.clear();
        handlers.on_try();
        if (closed) return;
        const std::weak_ptr<State> weak = weak_from_this();
        const auto at = [weak](auto run) {
            return [weak, run](auto&&... what) {
                if (const auto self = weak.lock(); self && !self->closed) run(*self, std::forward<decltype(what)>(what)...);
            };
        };
        transfer = http.stream(request, loop,
                               {.on_head = at([](State& self, const net::HttpResponse& got) { self.on_head(got); }),
                                .on_chunk = at([](State& self, std::string_view chunk) { self.on_chunk(chunk); }),
                                .on_done = at([](State& self, const Result<void>& done) { self.on_done(done); })});
    }

    bool good() const { return head && head->status / 100 == 2; }

    void on_head(const net::HttpResponse& got) {
        head = got;
        if (!good()) return;
        if (auto fine = handlers.on_head(got); !fine) end(std::move(fine).error());
    }

    void on_chunk(std::string_view chunk) {
        if (!good()) {
            refused += chunk.substr(0, kMostRefusal - std::min(kMostRefusal, refused.size()));
            if (refused.size() == kMostRefusal) on_refused();  // its end is not waited for
            return;
        }
        if (used && !complete) watch(remote.stall);
        handlers.on_chunk(chunk);
    }

    void on_done(const Result<void>& done) {
        if (complete || (done && good())) {
            const auto self = shared_from_this();  // a handler may drop us
            handlers.on_end();
            if (!pause.pending()) deadline.cancel();  // another try has to be in time, too
            return;
        }
        if (!done && (!head || good())) return retry_or(std::move(Error(done.error())).while_doing(remote.provider), true);
        if (!head) return retry_or({Errc::Protocol, remote.provider + " gave no answer", {}}, true);
        on_refused();
    }

    void on_refused() {
        transfer.reset();
        const auto server = parse_server_error(refused);
        retry_or(refusal(remote, head->status, server), worth_retrying(*head, server));
    }

    void retry_or(Error error, bool worth_it) {
        const auto told = head ? net::retry_after(*head, std::chrono::system_clock::now()) : std::nullopt;
        if (head && !good()) error.wait = told;
        const auto wait = told.value_or(back_off(retries));
        const bool in_time = loop.now() - begun_at + wait < remote.first;
        if (!worth_it || used || retries >= remote.retries || !in_time) return end(std::move(error));
        ++retries;
        pause.after(wait, [this] { attempt(); });
    }

    void watch(milliseconds time) {
        deadline.after(time, [this, time] {
            end({Errc::Timeout, fmt::format("{} {} for {} ms", remote.provider, used ? "sent nothing more" : "sent nothing that could be used", time.count()), {}});
        });
    }

    void end(Error error) {
        const auto self = shared_from_this();
        close();
        handlers.on_error(error);
    }

    void close() {
        closed = true;
        pause.cancel();
        deadline.cancel();
        transfer.reset();
    }

    Loop& loop;
    net::HttpClient& http;
    const Remote& remote;
    net::HttpRequest request;
    Handlers handlers;
    std::optional<net::HttpResponse> head;
    std::string refused;
    int retries = 0;
    bool used = false, complete = false, closed = false;
    Timer pause, deadline;
    TimePoint begun_at;
    std::unique_ptr<net::HttpStream> transfer;
};

RemoteCall::RemoteCall(Loop& loop, net::HttpClient& http, const Remote& remote, net::HttpRequest request, Handlers handlers)
    : state_(std::make_shared<State>(loop, http, remote, std::move(request), std::move(handlers))) {
    state_->watch(remote.first);
    state_->attempt();
}

RemoteCall::~RemoteCall() { state_->close(); }

void RemoteCall::used() {
    if (state_->closed || state_->complete) return;
    state_->used = true;
    state_->watch(state_->remote.stall);
}

void RemoteCall::complete() {
    state_->complete = true;
    state_->deadline.cancel();
}

void RemoteCall::broke_off(Error error) {
    const auto state = state_;  // a handler may drop us
    if (state->closed) return;
    state->transfer.reset();
    state->retry_or(std::move(error), true);
}

void RemoteCall::give_up(Error error) {
    if (!state_->closed) state_->end(std::move(error));
}

}  // namespace voicectl::speech
