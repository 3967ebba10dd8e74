// Keys that others publish for their tokens (JWK, RFC 7517): what a key set holds, and whether one of them made a signature.
// By OpenSSL, which is asked only when such a token comes. Values, any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/base/result.h"

struct evp_pkey_st;

namespace voicectl::serve {

enum class SignatureKind { Rs256, Es256, EdDsa };
/// By the name in a token's header; none for all others.
std::optional<SignatureKind> signature_kind(std::string_view algorithm);

inline constexpr std::size_t kLongestKeyId = 256;

class PublicKey {
 public:
    PublicKey(std::string id, SignatureKind kind, std::shared_ptr<evp_pkey_st> key) : id_(std::move(id)), kind_(kind), key_(std::move(key)) {}
    const std::string& id() const { return id_; }  // "kid"; may be empty
    SignatureKind kind() const { return kind_; }
    bool signed_by_it(std::string_view text, std::string_view signature) const;

 private:
    std::string id_;
    SignatureKind kind_;
    std::shared_ptr<evp_pkey_st> key_;
};

/// The keys of a JSON Web Key Set that are of use here; others are passed over. Protocol: it is none, or holds none of use.
Result<std::vector<PublicKey>> parse_key_set(std::string_view text);

}  // namespace voicectl::serve
