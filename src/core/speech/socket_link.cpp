#include "core/speech/socket_link.h"

#include <algorithm>

#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::speech {
namespace {

using namespace std::chrono_literals;

constexpr auto kFarewell = 1s;
// Half of it is the time between two pings: what went dead without a word is known in time.
constexpr auto kSilentLink = 20s;
constexpr std::size_t kMostMessage = 4 * 1024 * 1024;

bool names(std::string_view code, std::initializer_list<std::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return code.find(part) != std::string_view::npos; });
}

/// The HTTP status that stands for the same.
int status_of(const ServerError& server) {
    const auto code = to_lower_ascii(server.code);
    if (names(code, {"quota", "insufficient", "payment", "credits"})) return 402;
    if (names(code, {"auth", "api_key", "permission", "forbidden"})) return 401;
    if (names(code, {"rate_limit", "too_many", "concurren", "capacity"})) return 429;
    if (names(code, {"internal", "server", "unavailable", "overloaded", "timeout", "net-"})) return 503;
    return 400;
}

SocketFailure refused_upgrade(const Remote& remote, const net::HttpResponse& response) {
    auto server = parse_server_error(response.body);
    // Deepgram has it in a header, too (dg-error), and there only when the body is cut off.
    if (server.message.empty()) server.message = plain_text(response.header("dg-error"), 200);
    auto error = refusal(remote, response.status, server);
    error.wait = net::retry_after(response, std::chrono::system_clock::now());
    return {std::move(error), worth_retrying(response, server)};
}

}  // namespace

SocketFailure socket_refusal(const Remote& remote, int status, const ServerError& server) {
    const bool told = status >= 400 && status < 600;
    const auto meant = told ? status : status_of(server);
    auto error = refusal(remote, meant, server);
    const auto said = server.message.empty() ? server.code : server.message;
    if (!told) error.message = fmt::format("{} broke off: {}", remote.provider, said.empty() ? "nothing more" : said);
    net::HttpResponse head;
    head.status = meant;
    return {std::move(error), worth_retrying(head, server)};
}

SocketFailure unreadable(const Remote& remote, const std::string& why) {
    return {{Errc::Protocol, fmt::format("{} sent a message that {}", remote.provider, why), "is base_url right?"}, true};
}

std::string query_of(const std::vector<std::pair<std::string, std::string>>& parts) {
    std::string out;
    for (const auto& [name, value] : parts) out += fmt::format("{}{}={}", out.empty() ? "?" : "&", net::percent_encode(name), net::percent_encode(value));
    return out;
}

// Shared with the socket's handlers: each of them may drop the link.
struct SocketLink::State {
    State(const Remote& to, Handlers whom) : remote(to), handlers(std::move(whom)) {}
    void end(Error why) {
        open = false;
        const bool again = why.code == Errc::Unreachable || why.code == Errc::Timeout;
        auto failure = refused ? std::move(*refused) : SocketFailure{std::move(why).while_doing(remote.provider), again};
        if (handlers.on_end) handlers.on_end(failure);
    }
    const Remote& remote;
    Handlers handlers;
    std::optional<SocketFailure> refused;
    bool open = false;
};

SocketLink::SocketLink(Loop& loop, const net::WebSocketOpener& opener, const Remote& remote, const SocketAsk& ask, Handlers handlers)
    : loop_(loop), state_(std::make_shared<State>(remote, std::move(handlers))) {
    net::WebSocketOptions options;
    options.url = socket_url(remote, ask.path);
    options.headers = ask.headers;
    options.headers.insert(options.headers.end(), remote.headers.begin(), remote.headers.end());
    options.connect_timeout = remote.first;
    options.idle_timeout = kSilentLink;
    options.max_message = kMostMessage;
    const auto with = [weak = std::weak_ptr<State>(state_)](auto run) {
        return [weak, run](auto&&... what) {
            if (const auto state = weak.lock()) run(*state, std::forward<decltype(what)>(what)...);
        };
    };
    net::WebSocketHandlers on;
    on.on_open = with([](State& state) {
        state.open = true;
        if (state.handlers.on_open) state.handlers.on_open();
    });
    on.on_message = with([](State& state, const std::string& message, bool binary) {
        if (state.handlers.on_message) state.handlers.on_message(message, binary);
    });
    on.on_refused = with([](State& state, const net::HttpResponse& response) { state.refused = refused_upgrade(state.remote, response); });
    on.on_close = with([](State& state, Error why) { state.end(std::move(why)); });
    socket_ = opener(loop, std::move(options), std::move(on));
}

SocketLink::~SocketLink() = default;

bool SocketLink::open() const { return state_->open; }

void SocketLink::send(SocketMessage message) { socket_->send(std::move(message.bytes), message.binary); }

void SocketLink::send(const SocketMessages& messages) {
    for (const auto& message : messages) send(message);
}

void SocketLink::let_go(std::unique_ptr<SocketLink> link, const SocketMessages& farewell) {
    if (!link || !link->open()) return;
    link->state_.reset();  // and with it its handlers
    link->send(farewell);
    link->socket_->close();
    auto& loop = link->loop_;
    loop.call_at(loop.now() + kFarewell, [kept = std::shared_ptr<SocketLink>(std::move(link))]() mutable { kept.reset(); });
}

}  // namespace voicectl::speech
