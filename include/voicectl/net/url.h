// URLs, as far as servers of ours are named by them. Values, any thread.
#pragma once

#include <string>
#include <string_view>

#include "voicectl/base/result.h"

namespace voicectl::net {

struct Url {
    std::string scheme;  // lower case: http, https, ws, wss
    std::string host;    // without brackets
    int port = 0;        // the scheme's default when not given
    std::string path;    // "/…" with query, or "/"

    bool secure() const { return scheme == "https" || scheme == "wss"; }
    /// "host:port", brackets around IPv6.
    std::string authority() const;
    /// As it goes over the wire: without the scheme's own port.
    std::string host_header() const;
    std::string to_string() const;
};

/// Refuses user names and passwords in the URL, unknown schemes, ports out of range.
Result<Url> parse_url(std::string_view text);
/// The host is this machine, by its name or address: no TLS is needed, and no key.
bool is_loopback(std::string_view host);
/// A numeric address that is neither of a private network, nor of this machine or its link, nor of any other special use
/// (IANA's registries; IPv4 within IPv6 counts as what it is). What is no address is not public.
bool is_public_address(std::string_view address);
/// RFC 3986 percent-encoding of everything but unreserved characters.
std::string percent_encode(std::string_view text);
/// Its reverse; a % that no two hexadecimal digits follow stands for itself.
std::string percent_decode(std::string_view text);

}  // namespace voicectl::net
