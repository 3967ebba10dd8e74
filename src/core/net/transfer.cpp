#include "transfer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "http_words.h"
#include "sigv4.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::net {
namespace {

std::chrono::milliseconds since(TimePoint begun) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
}

// libcurl names the host that it tried, which is the proxy when there is one:
// "Failed to connect to HOST port PORT after …".
std::string peer_in(std::string_view reason, const std::string& fallback) {
    constexpr std::string_view kBefore = "Failed to connect to ";
    const auto begin = reason.find(kBefore);
    const auto middle = reason.find(" port ", begin == std::string_view::npos ? 0 : begin);
    if (begin == std::string_view::npos || middle == std::string_view::npos) return fallback;
    const auto host = reason.substr(begin + kBefore.size(), middle - begin - kBefore.size());
    const auto port = reason.substr(middle + 6, reason.find_first_not_of("0123456789", middle + 6) - middle - 6);
    return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

}  // namespace

Result<std::shared_ptr<Transfer>> Transfer::create(const CurlLibrary& curl, HttpRequest request,
                                                   std::shared_ptr<TransferSink> sink) {
    VC_TRY_ASSIGN(auto url, check_request(request));
    return std::shared_ptr<Transfer>(new Transfer(curl, std::move(request), std::move(url), std::move(sink)));
}

Transfer::~Transfer() { curl_.slist_free_all(header_list_); }

void Transfer::set_up(CURL* handle) {
    handle_ = handle;
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_ERRORBUFFER, reason_.data());
    set(CURLOPT_USERAGENT, "voicectl/" VOICECTL_VERSION);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's "200 Connection established" is not the answer
    // libcurl itself looks at no such variable; OpenSSL and LiveKit's core do.
    if (const char* authorities = std::getenv("SSL_CERT_FILE"); authorities != nullptr && *authorities != '\0')
        set(CURLOPT_CAINFO, authorities);
    set_method();
    set_headers();
    set_limits();
    set_proxy();
    if (request_.public_only) {
        set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_socket);
        set(CURLOPT_OPENSOCKETDATA, this);
        set(CURLOPT_NOPROXY, "*");
    }
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header_line);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    set(CURLOPT_XFERINFODATA, this);
    set(CURLOPT_PREREQFUNCTION, &Transfer::on_connected);
    set(CURLOPT_PREREQDATA, this);
}

void Transfer::set_method() {
    if (has_body(request_)) {
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        set(CURLOPT_POSTFIELDS, request_.body.data());
        if (request_.method != "POST") set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    } else if (request_.method == "HEAD") {
        set(CURLOPT_NOBODY, 1L);
    } else if (request_.method != "GET") {
        set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    }
}

void Transfer::set_headers() {
    bool typed = false;
    const auto add = [this](const std::string& line) { header_list_ = curl_.slist_append(header_list_, line.c_str()); };
    const auto headers = request_.sigv4 ? signed_headers(request_, url_, std::chrono::system_clock::now()) : request_.headers;
    for (const auto& [name, value] : headers) {
        typed = typed || to_lower_ascii(name) == "content-type";
        // "Name:" would make libcurl drop the header, "Name;" sends it empty.
        add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
    }
    // "100-continue" costs a round trip, and spares a storage that refuses the bytes of a recording.
    if (!request_.sigv4) add("Expect:");
    if (!typed) add("Content-Type:");  // libcurl would call every body a form
    set(CURLOPT_HTTPHEADER, header_list_);
}

void Transfer::set_proxy() {
    if (!request_.proxy) return;
    set(CURLOPT_PROXY, request_.proxy->url.c_str());
    set(CURLOPT_NOPROXY, "");  // who names one wants it for every host
    if (request_.proxy->username.empty() || request_.proxy->password.empty()) return;
    set(CURLOPT_PROXYUSERNAME, request_.proxy->username.c_str());
    set(CURLOPT_PROXYPASSWORD, request_.proxy->password.c_str());
}

void Transfer::set_limits() {
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.total_timeout.count()));
    begun_ = last_heard_ = Clock::now();
}

TimePoint Transfer::silent_until() const {
    if (!connected_ || request_.idle_timeout.count() <= 0) return TimePoint::max();
    return last_heard_ + request_.idle_timeout;
}

std::size_t Transfer::on_header_line(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string_view line(data, size * count);
    if (transfer.head_delivered_) return line.size();  // trailers
    if (line.starts_with("HTTP/")) {
        transfer.head_ = {};
        long status = 0;
        transfer.curl_.easy_getinfo(transfer.handle_, CURLINFO_RESPONSE_CODE, &status);
        transfer.head_.status = static_cast<int>(status);
    } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        transfer.head_.headers.emplace_back(to_lower_ascii(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
    } else if (trim(line).empty() && transfer.head_.status >= 200) {
        transfer.deliver_head();  // a 1xx is followed by another head
    }
    return line.size();
}

void Transfer::deliver_head() {
    head_delivered_ = true;
    head_.elapsed = since(begun_);
    sink_->on_head(head_);
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    auto taken = transfer.sink_->on_chunk({data, size * count});
    if (taken) return size * count;
    transfer.refused_ = std::move(taken).error().while_doing(transfer.url_.authority());
    return 0;
}

int Transfer::on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
    static_cast<Transfer*>(self)->heard(down + up);
    return 0;
}

void Transfer::heard(curl_off_t bytes) {
    if (bytes == bytes_) return;
    bytes_ = bytes;
    last_heard_ = Clock::now();
}

bool Transfer::refuses(const std::string& address) {
    if (is_public_address(address)) return false;
    refused_ = Error{Errc::Rejected, fmt::format("{} is at a private address", url_.authority()), "only public addresses are allowed here"};
    return true;
}

// Each address that a name has leads here before anything is sent to it.
curl_socket_t Transfer::on_socket(void* self, curlsocktype, curl_sockaddr* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = nullptr;
    if (address->family == AF_INET) bytes = &reinterpret_cast<const sockaddr_in*>(&address->addr)->sin_addr;
    if (address->family == AF_INET6) bytes = &reinterpret_cast<const sockaddr_in6*>(&address->addr)->sin6_addr;
    if (bytes == nullptr || inet_ntop(address->family, bytes, text.data(), text.size()) == nullptr) text[0] = '\0';
    if (static_cast<Transfer*>(self)->refuses(text.data())) return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int Transfer::on_connected(void* self, char* address, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(self);
    // A connection that a request without this rule has left open.
    if (transfer.request_.public_only && transfer.refuses(address)) return CURL_PREREQFUNC_ABORT;
    transfer.refused_.reset();  // another address of that name was good
    transfer.connected_ = true;
    transfer.last_heard_ = Clock::now();
    return CURL_PREREQFUNC_OK;
}

void Transfer::finish(CURLcode code) {
    if (code == CURLE_OK) {
        if (!head_delivered_) return sink_->on_done(std::unexpected(no_answer_from(url_.authority())));
        return sink_->on_done({});
    }
    sink_->on_done(std::unexpected(refused_ ? *refused_ : describe(code)));
}

void Transfer::finish_silent() {
    sink_->on_done(std::unexpected(silent(url_.authority(), request_.idle_timeout)));
}

void Transfer::finish_cancelled() { sink_->on_done(fail(Errc::Cancelled, "the request was given up")); }

Error Transfer::describe(CURLcode code) {
    const auto peer = url_.authority();
    const auto reason = redact(reason_[0] != '\0' ? reason_.data() : curl_.easy_strerror(code));
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST: return unresolved(url_.host);
        case CURLE_COULDNT_RESOLVE_PROXY:
            return {Errc::Unreachable, fmt::format("cannot resolve the proxy: {}", reason), "check http_proxy and https_proxy"};
        case CURLE_COULDNT_CONNECT: return describe_connect();
        case CURLE_OPERATION_TIMEDOUT: return describe_timeout();
        case CURLE_PEER_FAILED_VERIFICATION: return not_trusted(peer, reason);
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE: return no_tls(peer, reason);
        case CURLE_GOT_NOTHING: return closed_unanswered(peer);
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR: return broke(peer, reason);
        case CURLE_PARTIAL_FILE: return ended_early(peer);
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY: return not_http(peer);
        default: return {Errc::Protocol, fmt::format("{}: {}", peer, reason), {}};
    }
}

Error Transfer::describe_connect() {
    long number = 0;
    curl_.easy_getinfo(handle_, CURLINFO_OS_ERRNO, &number);
    const auto peer = peer_in(reason_.data(), url_.authority());
    if (number == ECONNREFUSED) return connection_refused(peer);
    return not_connected(peer, number != 0 ? std::strerror(static_cast<int>(number)) : redact(reason_.data()));
}

Error Transfer::describe_timeout() const {
    const auto peer = url_.authority();
    if (connected_) return unfinished(peer, request_.total_timeout);
    long local_port = 0;  // known once TCP is connected; CURLINFO_CONNECT_TIME waits for TLS
    curl_.easy_getinfo(handle_, CURLINFO_LOCAL_PORT, &local_port);
    return local_port > 0 ? no_handshake(peer, since(begun_)) : too_far(peer, since(begun_));
}

}  // namespace voicectl::net
