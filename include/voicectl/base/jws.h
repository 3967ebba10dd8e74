// A JSON Web Token's outer form (RFC 7515, compact): three parts of base64url. What stands in them is for who asks. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "voicectl/base/result.h"

namespace voicectl {

struct Jws {
    std::string header, payload, signature;  // decoded
    std::string_view signed_text;            // within the token
};

/// The unused bits of a part's last character: decoders of Go and Python do not mind them, and a token then has several forms.
enum class UnusedBits { Ignored, Refused };

/// Protocol: it is no such thing; the message starts with "it" or "a part of it" and holds nothing of the token.
Result<Jws> parse_jws(std::string_view token, UnusedBits bits);

}  // namespace voicectl
