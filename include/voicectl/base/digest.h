// SHA-256, HMAC with it, and comparing what is secret. By nettle: the first digest of a process costs OpenSSL 2 MB and a
// millisecond for its provider and all of its algorithms. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace voicectl {

/// 32 bytes.
std::string sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);

/// Takes as long wherever the two differ; their lengths are no secret.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace voicectl
