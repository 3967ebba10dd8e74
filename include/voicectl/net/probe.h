// The steps on the way to a server, one by one, so that each can be told apart: name, TCP, certificate.
// Blocking calls with a time limit, any thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::net {

/// Addresses of a host, in the resolver's order. Unreachable when there are none.
Result<std::vector<std::string>> resolve(const std::string& host, std::chrono::milliseconds timeout);

/// Connects and closes. Unreachable: refused, no route, no answer in time.
Result<std::chrono::milliseconds> try_connect(const std::string& address, int port, std::chrono::milliseconds timeout);

struct TlsFacts {
    std::string protocol;       // "TLSv1.3"
    std::string subject, issuer;
    std::chrono::system_clock::time_point not_before, not_after;
    std::string chain_fault;    // empty: the chain leads to an authority that this machine trusts
    bool host_matches = false;
};

/// Shakes hands whatever the certificate is, and tells what is wrong with it. SSL_CERT_FILE names other
/// authorities. Unreachable or Timeout when there is no handshake at all.
Result<TlsFacts> inspect_tls(const std::string& host, int port, std::chrono::milliseconds timeout);

}  // namespace voicectl::net
