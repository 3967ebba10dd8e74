#include "voicectl/base/digest.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

namespace voicectl {
namespace {

const std::uint8_t* octets(std::string_view bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }
std::uint8_t* octets(std::string& bytes) { return reinterpret_cast<std::uint8_t*>(bytes.data()); }

}  // namespace

std::string sha256(std::string_view bytes) {
    sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, bytes.size(), octets(bytes));
    std::string out(SHA256_DIGEST_SIZE, '\0');
    sha256_digest(&context, out.size(), octets(out));
    return out;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
    hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, key.size(), octets(key));
    hmac_sha256_update(&context, bytes.size(), octets(bytes));
    std::string out(SHA256_DIGEST_SIZE, '\0');
    hmac_sha256_digest(&context, out.size(), octets(out));
    return out;
}

bool same_secret(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    return memeql_sec(a.data(), b.data(), a.size()) == 1;  // no branch on it: which of two keys it was would show
}

}  // namespace voicectl
