#include "tls.h"

#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

namespace voicectl::net {
namespace ssl = boost::asio::ssl;

ssl::context client_tls() {
    ssl::context context(ssl::context::tls_client);
    boost::system::error_code ignored;  // no authorities at all: every certificate fails, and says so
    context.set_default_verify_paths(ignored);
    context.set_verify_mode(ssl::verify_peer);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    return context;
}

void expect_host(SSL* tls, const std::string& host) {
    auto* rules = SSL_get0_param(tls);
    boost::system::error_code no_address;
    boost::asio::ip::make_address(host, no_address);
    if (!no_address) {
        X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str());
        return;
    }
    X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size());
    SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()));
}

std::string tls_failure(SSL* tls, const std::string& otherwise) {
    const long verdict = SSL_get_verify_result(tls);
    return verdict == X509_V_OK ? otherwise : X509_verify_cert_error_string(verdict);
}

}  // namespace voicectl::net
