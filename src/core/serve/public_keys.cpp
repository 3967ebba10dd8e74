#include "core/serve/public_keys.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::serve {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostKeys = 64;
constexpr int kDeepestSet = 6;
constexpr std::size_t kSmallestModulus = 2048 / 8, kLargestModulus = 8192 / 8;  // RFC 7518 3.3; larger ones only cost time
constexpr std::size_t kCoordinate = 32;                                         // of P-256 and of Ed25519, in bytes

template<class T, void (*free)(T*)>
struct Freed {
    void operator()(T* what) const { free(what); }
};
template<class T, void (*free)(T*)>
using Owned = std::unique_ptr<T, Freed<T, free>>;
using Number = Owned<BIGNUM, BN_free>;
using Key = std::shared_ptr<evp_pkey_st>;

const unsigned char* octets(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

/// Empty when there is none that is canonical.
std::string bytes_at(const Json& jwk, const char* name) { return base64url_decode(text_at(jwk, name)).value_or(""); }

Number number(std::string_view bytes) { return Number(BN_bin2bn(octets(bytes), static_cast<int>(bytes.size()), nullptr)); }

Key make_key(const char* type, OSSL_PARAM_BLD* parts) {
    const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(parts));
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* made = nullptr;
    if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1) return {};
    if (EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) return {};
    Key key(made, EVP_PKEY_free);
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> check(EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr));
    return check && EVP_PKEY_public_check(check.get()) == 1 ? key : Key();
}

Key rsa_key(const Json& jwk) {
    const auto modulus = bytes_at(jwk, "n"), exponent = bytes_at(jwk, "e");
    if (modulus.size() < kSmallestModulus || modulus.size() > kLargestModulus || modulus.front() == '\0') return {};
    if (exponent.empty() || exponent.size() > 4) return {};
    const auto n = number(modulus), e = number(exponent);
    const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> parts(OSSL_PARAM_BLD_new());
    if (BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) != 0 || BN_num_bits(n.get()) < 2048) return {};
    if (OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1) return {};
    if (OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) return {};
    return make_key("RSA", parts.get());
}

Key p256_key(const Json& jwk) {
    const auto x = bytes_at(jwk, "x"), y = bytes_at(jwk, "y");
    if (text_at(jwk, "crv") != "P-256" || x.size() != kCoordinate || y.size() != kCoordinate) return {};
    const auto point = "\x04" + x + y;  // uncompressed
    const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> parts(OSSL_PARAM_BLD_new());
    if (OSSL_PARAM_BLD_push_utf8_string(parts.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1) return {};
    if (OSSL_PARAM_BLD_push_octet_string(parts.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) return {};
    return make_key("EC", parts.get());
}

Key ed25519_key(const Json& jwk) {
    const auto x = bytes_at(jwk, "x");
    if (text_at(jwk, "crv") != "Ed25519" || x.size() != kCoordinate) return {};
    return Key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(x), x.size()), EVP_PKEY_free);
}

struct Kind {
    SignatureKind kind;
    std::string_view algorithm, type;
    Key (*read)(const Json& jwk);
};
constexpr std::array kKinds{Kind{SignatureKind::Rs256, "RS256", "RSA", rsa_key}, Kind{SignatureKind::Es256, "ES256", "EC", p256_key},
                            Kind{SignatureKind::EdDsa, "EdDSA", "OKP", ed25519_key}};

// A key says what it is for in up to three ways; one that is for something else makes no signature that counts.
bool meant_for(const Json& jwk, const Kind& kind) {
    if (jwk.contains("alg") && text_at(jwk, "alg") != kind.algorithm) return false;
    if (jwk.contains("use") && text_at(jwk, "use") != "sig") return false;
    const auto uses = jwk.find("key_ops");
    return uses == jwk.end() || (uses->is_array() && std::find(uses->begin(), uses->end(), "verify") != uses->end());
}

std::optional<PublicKey> read_key(const Json& jwk) {
    if (!jwk.is_object()) return std::nullopt;
    const auto type = text_at(jwk, "kty");
    const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& known) { return known.type == type; });
    const auto id = text_at(jwk, "kid");
    if (kind == kKinds.end() || !meant_for(jwk, *kind) || id.size() > kLongestKeyId) return std::nullopt;
    auto key = kind->read(jwk);
    if (!key) return std::nullopt;
    return PublicKey(id, kind->kind, std::move(key));
}

// RFC 7518 3.4 has the two numbers side by side, OpenSSL wants them in DER.
std::string in_der(std::string_view signature) {
    if (signature.size() != 2 * kCoordinate) return {};
    const Owned<ECDSA_SIG, ECDSA_SIG_free> pair(ECDSA_SIG_new());
    auto r = number(signature.substr(0, kCoordinate)), s = number(signature.substr(kCoordinate));
    if (ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
    static_cast<void>(r.release());  // the pair's now
    static_cast<void>(s.release());
    unsigned char* der = nullptr;
    const auto size = i2d_ECDSA_SIG(pair.get(), &der);
    if (size <= 0) return {};
    std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return out;
}

}  // namespace

std::optional<SignatureKind> signature_kind(std::string_view algorithm) {
    for (const auto& known : kKinds)
        if (known.algorithm == algorithm) return known.kind;
    return std::nullopt;
}

bool PublicKey::signed_by_it(std::string_view text, std::string_view signature) const {
    const auto form = kind_ == SignatureKind::Es256 ? in_der(signature) : std::string(signature);
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    const auto* digest = kind_ == SignatureKind::EdDsa ? nullptr : EVP_sha256();
    const bool good = !form.empty() && context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
                      EVP_DigestVerify(context.get(), octets(form), form.size(), octets(text), text.size()) == 1;
    ERR_clear_error();  // or the next TLS connection of this thread finds it
    return good;
}

Result<std::vector<PublicKey>> parse_key_set(std::string_view text) {
    const auto set = parse_unambiguous_object(text, kDeepestSet);
    if (!set) return fail(Errc::Protocol, "the key set {}", set.error());
    const auto keys = set->find("keys");
    if (keys == set->end() || !keys->is_array()) return fail(Errc::Protocol, "the key set has no list of keys");
    if (keys->size() > kMostKeys) return fail(Errc::Protocol, "the key set has more than {} keys", kMostKeys);
    std::vector<PublicKey> out;
    for (const auto& jwk : *keys)
        if (auto key = read_key(jwk)) out.push_back(std::move(*key));
    ERR_clear_error();
    if (out.empty()) return fail(Errc::Protocol, "the key set has no key for RS256, ES256 or EdDSA signatures");
    return out;
}

}  // namespace voicectl::serve
