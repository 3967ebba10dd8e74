"""Prints token_vectors.h: tokens that PyJWT signed (and what is wrong with some), and the key set they are checked with.
Keys are made anew: .cache/venv/bin/python tests/unit/serve/token_vectors.py > tests/unit/serve/token_vectors.h"""
import base64
import hashlib
import hmac
import json

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

NOW = 1_800_000_000
SECRET = "a secret of the issuer, of more than 32 bytes"
GOOD = {"sub": "0b5a7a1c-2f5e-4d0e-9d3b-6f1f6f8f2b11", "aud": "authenticated", "exp": NOW + 3600, "iat": NOW - 5,
        "iss": "https://issuer.test/auth/v1", "role": "authenticated", "email": "ann@example.test", "session_id": "x",
        "app_metadata": {"provider": "email"}, "user_metadata": {}, "amr": [{"method": "password", "timestamp": NOW - 5}], "is_anonymous": False}
rsa_key, other_rsa = (rsa.generate_private_key(65537, 2048) for _ in range(2))
small_rsa = rsa.generate_private_key(65537, 1024)
ec_key = ec.generate_private_key(ec.SECP256R1())
ed_key = ed25519.Ed25519PrivateKey.generate()
ALGORITHMS = {"RS256": jwt.algorithms.RSAAlgorithm, "ES256": jwt.algorithms.ECAlgorithm, "EdDSA": jwt.algorithms.OKPAlgorithm}


def jwk(algorithm, key, **more):
    public = json.loads(ALGORITHMS[algorithm].to_jwk(key.public_key()))
    public.pop("key_ops", None)
    return {**public, **more}


KEYS = {"keys": [jwk("RS256", rsa_key, kid="rsa", alg="RS256", use="sig"), jwk("ES256", ec_key, kid="ec", use="sig"),
                 jwk("EdDSA", ed_key, kid="ed"), jwk("RS256", small_rsa, kid="small"), jwk("RS256", other_rsa, kid="enc", use="enc"),
                 jwk("RS256", other_rsa, kid="ps", alg="PS256"), {"kty": "oct", "k": "c2VjcmV0", "kid": "oct", "alg": "HS256"}, {"kty": "new"}, 7]}


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def hs256(header, payload, secret=SECRET.encode()):
    """Signed as it stands, whatever it is."""
    text = b64(header) + "." + b64(payload)
    return text + "." + b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())


def hs(change=None, without=(), **header):
    claims = {k: v for k, v in {**GOOD, **(change or {})}.items() if k not in without}
    return jwt.encode(claims, SECRET, "HS256", headers=header)


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def other_last_character(token):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


def signed(algorithm, key, kid, claims=GOOD):
    return jwt.encode(claims, key, algorithm, headers={"kid": kid} if kid else {})


plain = '{"alg":"HS256","typ":"JWT"}'
body = json.dumps(GOOD)
good = hs()
es = signed("ES256", ec_key, "ec")
rs = signed("RS256", rsa_key, "rsa")
VECTORS = [
    ("HS256", good, ""), ("HS256, several audiences", hs({"aud": ["other", "authenticated"]}), ""), ("HS256 with a kid", hs(kid="main"), ""),
    ("HS256, no type", jwt.encode(GOOD, SECRET, "HS256", headers={"typ": None}), ""), ("within the leeway", hs({"exp": NOW - 9, "nbf": NOW + 9}), ""),
    ("times with fractions", hs({"exp": NOW + 0.5}), ""),
    ("RS256", rs, ""), ("ES256", es, ""), ("EdDSA", signed("EdDSA", ed_key, "ed"), ""),
    ("RS256 without a kid, one of its kind", signed("RS256", rsa_key, None), ""),
    ("expired", hs({"exp": NOW - 10}), "(exp)"), ("no end", hs(without=["exp"]), "no end (exp)"), ("an end in text", hs256(plain, json.dumps({**GOOD, "exp": str(NOW + 60)})), "exp is no number"),
    ("an end without end", hs256(plain, body.replace(str(NOW + 3600), "1e999")), "no JSON"), ("true as an end", hs256(plain, json.dumps({**GOOD, "exp": True})), "exp is no number"),
    ("not yet valid", hs({"nbf": NOW + 11}), "(nbf)"), ("issued in the future", hs({"iat": NOW + 60}), "(iat)"),
    ("another audience", hs({"aud": "anon"}), "(aud)"), ("no audience", hs(without=["aud"]), "(aud)"), ("a number among the audiences", hs256(plain, json.dumps({**GOOD, "aud": ["authenticated", 7]})), "(aud)"),
    ("another issuer", hs({"iss": "https://evil.test"}), "(iss)"), ("no issuer", hs(without=["iss"]), "(iss)"),
    ("no user", hs(without=["sub"]), "(sub)"), ("a number as a user", hs256(plain, json.dumps({**GOOD, "sub": 7})), "(sub)"), ("an empty user", hs({"sub": ""}), "(sub)"),
    ("a user of two lines", hs({"sub": "ann\nadmin"}), "(sub)"), ("a long user", hs({"sub": "a" * 257}), "(sub)"),
    ("a key of the project", hs({"role": "service_role"}, without=["sub", "aud"]), "(aud)"),
    ("alg none", b64('{"alg":"none","typ":"JWT"}') + "." + b64(body) + ".", "not signed"), ("alg nOnE", b64('{"alg":"nOnE"}') + "." + b64(body) + ".", "not signed"),
    ("no alg", hs256('{"typ":"JWT"}', body), "(alg)"), ("HS512", jwt.encode(GOOD, SECRET * 2, "HS512"), "(alg)"), ("PS256", signed("PS256", other_rsa, "ps"), "(alg)"),
    ("RS512", signed("RS512", rsa_key, "rsa"), "(alg)"), ("lower case", hs256('{"alg":"hs256"}', body), "(alg)"),
    ("HS256 with the RSA key as secret", hs256('{"alg":"HS256","kid":"rsa"}', body, pem(rsa_key)), "signature"),
    ("HS256 with the RSA key's number as secret", hs256('{"alg":"HS256","kid":"rsa"}', body, KEYS["keys"][0]["n"].encode()), "signature"),
    ("HS256 with a key of the set as secret", hs256('{"alg":"HS256","kid":"oct"}', body, b"secret"), "signature"),
    ("HS256 with an empty secret", hs256(plain, body, b""), "signature"), ("another secret", hs256(plain, body, b"another secret of more than 32 bytes"), "signature"),
    ("the claims of another token", ".".join([good.split(".")[0], hs({"sub": "eve"}).split(".")[1], good.split(".")[2]]), "signature"),
    ("RS256 by another key", signed("RS256", other_rsa, "rsa"), "signature"), ("RS256 by a small key", signed("RS256", small_rsa, "small"), "(kid)"),
    ("RS256 by a key for secrecy", signed("RS256", other_rsa, "enc"), "(kid)"), ("RS256 by a key for PS256", signed("RS256", other_rsa, "ps"), "(kid)"),
    ("RS256 by an unknown key", signed("RS256", rsa_key, "new"), "(kid)"), ("RS256 with the kid of the EC key", signed("RS256", rsa_key, "ec"), "(kid)"),
    ("ES256 with zeros", es.rsplit(".", 1)[0] + "." + b64(bytes(64)), "signature"), ("ES256 in DER", es.rsplit(".", 1)[0] + "." + b64(ec_key.sign(es.rsplit(".", 1)[0].encode(), ec.ECDSA(jwt.algorithms.hashes.SHA256()))), "signature"),
    ("ES256 cut", es.rsplit(".", 1)[0] + "." + b64(bytes(63)), "signature"), ("RS256, signature of nothing", rs.rsplit(".", 1)[0] + ".", "signature"),
    ("a kid of numbers", hs256('{"alg":"HS256","kid":7}', body), "(kid)"), ("a long kid", hs256('{"alg":"HS256","kid":"' + "k" * 257 + '"}', body), "(kid)"),
    ("crit", hs256('{"alg":"HS256","crit":["b64"],"b64":true}', body), "(crit)"), ("a token to sign out with", hs256('{"alg":"HS256","typ":"logout+jwt"}', body), "(typ)"),
    ("alg twice", hs256('{"alg":"none","alg":"HS256"}', body), "twice"), ("sub twice", hs256(plain, '{"sub":"ann",' + body[1:]), "twice"),
    ("twice, deep", hs256(plain, '{"x":[{"a":1,"a":2}],' + body[1:]), "twice"), ("the same name in two objects", hs256(plain, '{"x":[{"a":1},{"a":2}],' + body[1:]), ""),
    ("more after a NUL", hs256(plain, body + "\0{"), "no JSON"), ("claims in a list", hs256(plain, "[" + body + "]"), "no object"), ("too deep", hs256(plain, '{"x":' + "[" * 20 + "]" * 20 + "," + body[1:]), "nested"),
    ("unused bits set", other_last_character(good), "base64url"), ("padded", good + "=", "base64url"), ("a blank within", good.replace(".", ". ", 1), "base64url"),
    ("two parts", good.rsplit(".", 1)[0], "form"), ("four parts", good + ".x", "form"), ("five parts", good + ".x.y", "form"), ("nothing", "", "form"), ("dots", "..", "header"), ("text", "letmein", "form"),
]


def cpp(text):
    return "\n         ".join('"' + text[i:i + 150].replace("\\", "\\\\").replace('"', '\\"') + '"' for i in range(0, max(len(text), 1), 150))


print("""// Made by token_vectors.py with PyJWT %s.
#pragma once

#include <array>
#include <string_view>

namespace voicectl::serve {

inline constexpr long long kVectorTime = %d;
inline constexpr std::string_view kVectorSecret = "%s", kVectorIssuer = "%s", kVectorUser = "%s";
inline constexpr std::string_view kVectorKeys =
         %s;

struct TokenVector {
    std::string_view name, token, fault;  // fault: part of what is said about it; empty when it is good
};
inline constexpr TokenVector kTokenVectors[] = {""" % (jwt.__version__, NOW, SECRET, GOOD["iss"], GOOD["sub"], cpp(json.dumps(KEYS))))
for name, token, fault in VECTORS:
    print('    {%s,\n         %s,\n         %s},' % (json.dumps(name), cpp(token), json.dumps(fault)))
print("};\n\n}  // namespace voicectl::serve")
