// TLS for Boost.Asio sockets: verified always, TLS 1.2 or newer. SSL_CERT_FILE names other authorities.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <string>

#include "voicectl/base/result.h"

namespace voicectl::net {

boost::asio::ssl::context client_tls();

/// Name check and SNI for a connection to `host`; a numeric address gets no SNI (RFC 6066 section 3).
void expect_host(SSL* tls, const std::string& host);

/// Why the handshake failed, in words: the verdict on the certificate when it was that.
std::string tls_failure(SSL* tls, const std::string& otherwise);

}  // namespace voicectl::net
