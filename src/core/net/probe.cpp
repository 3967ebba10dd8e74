#include "voicectl/net/probe.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>

#include "tls.h"
#include "voicectl/base/loop.h"

namespace voicectl::net {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr const char* kNoAnswer = "no answer";

/// Runs what was begun on `context` until `done` has a value or the time is over.
template<class T>
bool finished(asio::io_context& context, const std::optional<T>& done, TimePoint end) {
    context.restart();  // it stops whenever it has run out of work
    while (!done && Clock::now() < end)
        if (context.run_one_until(end) == 0) break;
    return done.has_value();
}

std::string words(error_code error) { return error ? error.message() : std::string(kNoAnswer); }

Result<void> connect(asio::io_context& context, tcp::socket& socket, const std::vector<tcp::endpoint>& where, TimePoint end) {
    std::optional<error_code> done;
    asio::async_connect(socket, where, [&](error_code error, const tcp::endpoint&) { done = error; });
    if (finished(context, done, end) && !*done) return {};
    const auto why = done ? words(*done) : std::string(kNoAnswer);
    error_code ignored;
    socket.close(ignored);
    context.poll();  // the handler refers to what is about to go
    return fail(Errc::Unreachable, "{}", why);
}

Result<std::vector<tcp::endpoint>> lookup(asio::io_context& context, const std::string& host, int port, TimePoint end) {
    tcp::resolver resolver(context);
    std::optional<error_code> done;
    std::vector<tcp::endpoint> out;
    resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service, [&](error_code error, const tcp::resolver::results_type& found) {
        for (const auto& one : found) out.push_back(one.endpoint());
        done = error;
    });
    if (!finished(context, done, end)) {
        resolver.cancel();
        context.poll();
        // The system's resolver cannot be called off; the context waits for it in its destructor.
        return fail(Errc::Unreachable, "the name {} got no answer", host);
    }
    if (*done || out.empty()) return fail(Errc::Unreachable, "cannot resolve {}: {}", host, done->message());
    return out;
}

std::string name_text(const X509_NAME* name) {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> memory(BIO_new(BIO_s_mem()), BIO_free_all);
    X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(std::max(0L, size))};
}

system_clock::time_point time_of(const ASN1_TIME* time) {
    std::tm parts{};
    ASN1_TIME_to_tm(time, &parts);
    return system_clock::from_time_t(timegm(&parts));
}

bool matches(X509* certificate, const std::string& host) {
    error_code no_address;
    asio::ip::make_address(host, no_address);
    if (!no_address) return X509_check_ip_asc(certificate, host.c_str(), 0) == 1;
    return X509_check_host(certificate, host.c_str(), host.size(), 0, nullptr) == 1;
}

TlsFacts facts_of(SSL* tls, const std::string& host, int fault) {
    TlsFacts facts;
    facts.protocol = SSL_get_version(tls);
    if (fault != X509_V_OK) facts.chain_fault = X509_verify_cert_error_string(fault);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(tls), X509_free);
    if (!certificate) return facts;
    facts.subject = name_text(X509_get_subject_name(certificate.get()));
    facts.issuer = name_text(X509_get_issuer_name(certificate.get()));
    facts.not_before = time_of(X509_get0_notBefore(certificate.get()));
    facts.not_after = time_of(X509_get0_notAfter(certificate.get()));
    facts.host_matches = matches(certificate.get(), host);
    return facts;
}

}  // namespace

Result<std::vector<std::string>> resolve(const std::string& host, milliseconds timeout) {
    asio::io_context context;
    VC_TRY_ASSIGN(const auto found, lookup(context, host, 0, Clock::now() + timeout));
    std::vector<std::string> out;
    for (const auto& one : found) {
        auto text = one.address().to_string();
        if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
    }
    return out;
}

Result<milliseconds> try_connect(const std::string& address, int port, milliseconds timeout) {
    asio::io_context context;
    error_code bad;
    const auto ip = asio::ip::make_address(address, bad);
    if (bad) return fail(Errc::Usage, "'{}' is no address", address);
    tcp::socket socket(context);
    const auto begun = Clock::now();
    VC_TRY(connect(context, socket, {tcp::endpoint(ip, static_cast<std::uint16_t>(port))}, begun + timeout));
    return std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
}

Result<TlsFacts> inspect_tls(const std::string& host, int port, milliseconds timeout) {
    asio::io_context context;
    const auto end = Clock::now() + timeout;
    VC_TRY_ASSIGN(const auto where, lookup(context, host, port, end));
    auto tls = client_tls();
    int fault = X509_V_OK;
    // The first fault is the one that counts; the handshake goes on so that the certificate can be looked at.
    tls.set_verify_callback([&fault](bool good, ssl::verify_context& verdict) {
        if (!good && fault == X509_V_OK) fault = X509_STORE_CTX_get_error(verdict.native_handle());
        return true;
    });
    ssl::stream<tcp::socket> stream(context, tls);
    // The name is sent, but not checked here: a wrong name is a fault of its own.
    error_code no_address;
    asio::ip::make_address(host, no_address);
    if (no_address) SSL_ctrl(stream.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()));
    VC_TRY(connect(context, stream.next_layer(), where, end));
    std::optional<error_code> done;
    stream.async_handshake(ssl::stream_base::client, [&](error_code error) { done = error; });
    if (!finished(context, done, end)) {
        error_code ignored;
        stream.next_layer().close(ignored);
        context.poll();
        return fail(Errc::Timeout, "no TLS handshake with {}:{}: no answer", host, port);
    }
    if (*done) return fail(Errc::Unreachable, "no TLS handshake with {}:{}: {}", host, port, done->message());
    return facts_of(stream.native_handle(), host, fault);
}

}  // namespace voicectl::net
