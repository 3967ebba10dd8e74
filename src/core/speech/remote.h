// What every provider behind a network shares: where its server is and with what key, what its refusals mean, and
// one request whose answer comes as a stream, tried again as long as nothing of it was used.
// Values: any thread. RemoteCall: one loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/speech/options.h"
#include "voicectl/net/http.h"

namespace voicectl::speech {

/// A provider's server as the configuration names it.
struct Remote {
    std::string provider;  // as errors and logs name it: "deepgram"
    std::string base;      // http(s) or ws(s), without a slash at its end
    std::string key;       // empty: none is sent
    std::string key_source;  // for hints: "OPENAI_API_KEY", or the path of a file
    net::Headers headers;  // what the configuration adds to ours; these win
    std::chrono::milliseconds first{5000};  // until something that can be used has come
    std::chrono::milliseconds stall{5000};  // without a byte afterwards
    int retries = 2;                        // before anything of an answer was used
};

struct RemoteDefaults {
    std::string_view provider, base, key_variable;
    std::string_view first_key = "first_token_timeout";  // what the option is called: first_audio_timeout for voices
    std::chrono::milliseconds first{5000};
    std::string_view stall_key = "stall_timeout";
    std::chrono::milliseconds stall{5000};
    bool needs_key = true;  // anywhere but on this machine
    int retries = 2;        // none where somebody stands in
};

/// Reads `base_url`, `api_key_env`, `api_key_file`, `api_key_credential` (of systemd), `headers`, `retries` and the two
/// deadlines; what is missing or wrong becomes the reader's fault. Registers the key (and the values of headers) as secret.
Remote read_remote(OptionReader& reader, const ProviderContext& context, const RemoteDefaults& defaults);

/// `request.url` is base + path; with the headers that the configuration adds. The key's own header is the caller's.
net::HttpRequest request_to(const Remote& remote, const std::string& path);
/// Unless the configuration has a header of that name.
void add_header(net::HttpRequest& request, const std::string& name, const std::string& value);
/// The same server by WebSocket (http becomes ws) or by HTTP (ws becomes http).
std::string socket_url(const Remote& remote, const std::string& path);
std::string http_url(const Remote& remote, const std::string& path);

/// What a server says is wrong, in any of the forms that providers use; bounded, safe for a terminal.
struct ServerError {
    std::string message;
    std::string code;  // "insufficient_quota", "rate_limit_error", …; may be empty
};
/// The error in a body, or its start when it is no JSON.
ServerError parse_server_error(std::string_view body);

/// A refusal by HTTP status, for a script and for a person. Auth: the key is wrong, and nothing helps.
Error refusal(const Remote& remote, int status, const ServerError& server);
/// A refusal that another try may overcome: 408, 409, 425, 429 (but for a quota that is used up), 5xx; `x-should-retry` wins.
bool worth_retrying(const net::HttpResponse& head, const ServerError& server);
/// 0.5 s doubling to 8 s, up to a quarter off.
std::chrono::milliseconds back_off(int retries);

/// One POST (or GET) and its streamed answer. Tried again as often as `remote.retries` says, as long as used() was not called
/// and the first deadline leaves time for it. A handler may drop the call; nothing is called afterwards. `remote` outlives it.
class RemoteCall {
 public:
    struct Handlers {
        /// Another try begins: what came before is forgotten.
        std::function<void()> on_try = [] {};
        /// Status 200 (or another 2xx). An error ends the call: another type than wanted, for example.
        std::function<Result<void>(const net::HttpResponse& head)> on_head = [](const net::HttpResponse&) { return Result<void>(); };
        std::function<void(std::string_view chunk)> on_chunk;
        std::function<void()> on_end;                      // the body is whole
        std::function<void(const Error& error)> on_error;  // the last call
    };
    RemoteCall(Loop& loop, net::HttpClient& http, const Remote& remote, net::HttpRequest request, Handlers handlers);
    ~RemoteCall();
    RemoteCall(const RemoteCall&) = delete;
    RemoteCall& operator=(const RemoteCall&) = delete;

    /// Something of the answer reaches the caller: no second try, and from now on the deadline is that between two pieces.
    void used();
    /// The answer is complete: no deadline any more. Chunks and the end go on to come.
    void complete();
    /// The server broke off, or says in its answer that it is in trouble: tried again where that is still possible.
    void broke_off(Error error);
    /// The answer is wrong. As from on_error, but the connection is closed.
    void give_up(Error error);

 private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace voicectl::speech
