"""Webhook deliveries as a table for three receivers: LiveKit's in Go, LiveKit's in Python, and ours."""
import base64
import hashlib
import hmac
import json
import time

KEY, SECRET = "APIvectors", "a-secret-for-vectors-of-some-forty-chars"
OTHER_KEY, OTHER_SECRET = "APIsecond", "another-secret-for-vectors-of-forty-chars"
KEYS = {KEY: SECRET, OTHER_KEY: OTHER_SECRET}
BODY = ('{"event":"room_started", "room":{"sid":"RM_x", "name":"räume <1> & more", "emptyTimeout":300, "metadata":"{\\"a\\":1.50}"}, '
        '"id":"EV_vectors00001", "createdAt":"1795243093"}').encode()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def digest(body):
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


class Maker:
    def __init__(self):
        self.now = int(time.time())

    def claims(self, body=BODY, **changes):
        out = {"iss": KEY, "nbf": self.now, "iat": self.now, "exp": self.now + 300, "sha256": digest(body)}
        out.update(changes)
        return {name: value for name, value in out.items() if value != "absent"}

    def raw(self, payload, header='{"alg":"HS256","typ":"JWT"}', secret=SECRET, method=hashlib.sha256):
        payload = payload if isinstance(payload, bytes) else payload.encode()
        text = b64(header.encode()) + "." + b64(payload)
        return text + "." + b64(hmac.new(secret.encode(), text.encode(), method).digest())

    def token(self, header='{"alg":"HS256","typ":"JWT"}', secret=SECRET, method=hashlib.sha256, body=BODY, **changes):
        return self.raw(json.dumps(self.claims(body, **changes)), header, secret, method)


def part(token, number, change):
    parts = token.split(".")
    parts[number] = change(parts[number])
    return ".".join(parts)


def rewritten(**options):
    return json.dumps(json.loads(BODY), **options).encode()


# Name, header and body of a Maker, what ours calls it ("" is valid).
VECTORS = [
    ("plain", lambda m: (m.token(), BODY), ""),
    ("another key that is known", lambda m: (m.token(iss=OTHER_KEY, secret=OTHER_SECRET), BODY), ""),
    ("no iat, no nbf", lambda m: (m.token(iat="absent", nbf="absent"), BODY), ""),
    ("with a subject", lambda m: (m.token(sub="someone"), BODY), ""),
    ("with grants", lambda m: (m.token(video={"roomJoin": True, "room": "x"}), BODY), ""),
    ("unknown claims", lambda m: (m.token(colour="red", nested={"a": [1]}), BODY), ""),
    ("header without typ", lambda m: (m.token(header='{"alg":"HS256"}'), BODY), ""),
    ("header with kid", lambda m: (m.token(header='{"alg":"HS256","kid":"x"}'), BODY), ""),
    ("blanks in the claims", lambda m: (m.raw(json.dumps(m.claims(), indent=2)), BODY), ""),
    ("times as fractions", lambda m: (m.token(exp=m.now + 300.5, nbf=m.now - 0.5), BODY), ""),
    ("time as text", lambda m: (m.token(exp=str(m.now + 300)), BODY), ""),
    ("an event of another kind", lambda m: (m.token(body=b'{"event":"egress_ended"}'), b'{"event":"egress_ended"}'), ""),
    ("an event with unknown fields", lambda m: (m.token(body=b'{"event":"x","new":{"a":1}}'), b'{"event":"x","new":{"a":1}}'), ""),
    ("end of line after the body", lambda m: (m.token(body=BODY + b"\n"), BODY + b"\n"), ""),
    ("body of a megabyte", lambda m: (m.token(body=b'{"event":"' + b"x" * 1_000_000 + b'"}'), b'{"event":"' + b"x" * 1_000_000 + b'"}'), ""),
    ("expired within the leeway", lambda m: (m.token(exp=m.now - 50), BODY), ""),
    ("begins within the leeway", lambda m: (m.token(nbf=m.now + 50), BODY), ""),
    ("issued ahead within the leeway", lambda m: (m.token(iat=m.now + 50), BODY), ""),
    ("valid for years", lambda m: (m.token(exp=m.now + 10**8), BODY), ""),
    ("expired a minute and a second ago", lambda m: (m.token(exp=m.now - 61), BODY), "expired"),
    ("expired yesterday", lambda m: (m.token(exp=m.now - 86400), BODY), "expired"),
    ("expired in 1970", lambda m: (m.token(exp=1), BODY), "expired"),
    ("begins in a while", lambda m: (m.token(nbf=m.now + 75), BODY), "not_yet_valid"),
    ("begins tomorrow", lambda m: (m.token(nbf=m.now + 86400), BODY), "not_yet_valid"),
    ("milliseconds for seconds", lambda m: (m.token(nbf=m.now * 1000, exp=m.now * 1000 + 300000), BODY), "not_yet_valid"),
    ("no header", lambda m: ("", BODY), "no_header"),
    ("not a token", lambda m: ("nonsense", BODY), "malformed"),
    ("Basic", lambda m: ("Basic " + base64.b64encode(b"a:b").decode(), BODY), "malformed"),
    ("two parts", lambda m: (m.token().rsplit(".", 1)[0], BODY), "malformed"),
    ("four parts", lambda m: (m.token() + ".AAAA", BODY), "malformed"),
    ("claims are no JSON", lambda m: (m.raw("claims"), BODY), "malformed"),
    ("claims are a list", lambda m: (m.raw("[]"), BODY), "malformed"),
    ("claims cut off", lambda m: (m.raw(json.dumps(m.claims())[:-1]), BODY), "malformed"),
    ("claims with a byte-order mark", lambda m: (m.raw(b"\xef\xbb\xbf" + json.dumps(m.claims()).encode()), BODY), "malformed"),
    ("claims not base64", lambda m: (part(m.token(), 1, lambda s: "*" + s[1:]), BODY), "malformed"),
    ("header is no JSON", lambda m: (m.token(header="HS256"), BODY), "malformed"),
    ("header names no algorithm", lambda m: (m.token(header='{"typ":"JWT"}'), BODY), "malformed"),
    ("header with a kid that is a number", lambda m: (m.token(header='{"alg":"HS256","kid":7}'), BODY), "malformed"),
    ("header with an extension", lambda m: (m.token(header='{"alg":"HS256","crit":["x"],"x":1}'), BODY), "malformed"),
    ("exp is a word", lambda m: (m.token(exp="soon"), BODY), "malformed"),
    ("exp is true", lambda m: (m.token(exp=True), BODY), "malformed"),
    ("exp is a text with a fraction", lambda m: (m.token(exp=f"{m.now + 300}.5"), BODY), "malformed"),
    ("no exp", lambda m: (m.token(exp="absent"), BODY), "malformed"),
    ("exp is null", lambda m: (m.token(exp=None), BODY), "malformed"),
    ("for another audience", lambda m: (m.token(aud="someone"), BODY), "malformed"),
    ("subject is a number", lambda m: (m.token(sub=7), BODY), "malformed"),
    ("grants are null", lambda m: (m.token(video=None), BODY), "malformed"),
    ("grants are a list", lambda m: (m.token(video=[]), BODY), "malformed"),
    ("sha256 is a number", lambda m: (m.token(sha256=7), BODY), "malformed"),
    ("issued in the future", lambda m: (m.token(iat=m.now + 75), BODY), "not_yet_valid"),
    ("unknown key", lambda m: (m.token(iss="APInobody"), BODY), "unknown_key"),
    ("key of another case", lambda m: (m.token(iss=KEY.lower()), BODY), "unknown_key"),
    ("no key", lambda m: (m.token(iss="absent"), BODY), "unknown_key"),
    ("empty key", lambda m: (m.token(iss=""), BODY), "unknown_key"),
    ("wrong secret", lambda m: (m.token(secret="x" * 40), BODY), "bad_signature"),
    ("secret of the other key", lambda m: (m.token(secret=OTHER_SECRET), BODY), "bad_signature"),
    ("signature empty", lambda m: (part(m.token(), 2, lambda _: ""), BODY), "bad_signature"),
    ("signature cut", lambda m: (part(m.token(), 2, lambda s: s[:-4]), BODY), "bad_signature"),
    ("signature padded", lambda m: (part(m.token(), 2, lambda s: s + "="), BODY), "malformed"),
    ("claims exchanged", lambda m: (part(m.token(), 1, lambda _: b64(json.dumps(m.claims(iat=1)).encode())), BODY), "bad_signature"),
    ("alg none", lambda m: (part(m.token(header='{"alg":"none"}'), 2, lambda _: ""), BODY), "algorithm"),
    ("alg HS512", lambda m: (m.token(header='{"alg":"HS512"}', method=hashlib.sha512), BODY), "algorithm"),
    ("alg RS256", lambda m: (m.token(header='{"alg":"RS256"}'), BODY), "algorithm"),
    ("alg hs256", lambda m: (m.token(header='{"alg":"hs256"}'), BODY), "algorithm"),
    ("no sha256", lambda m: (m.token(sha256="absent"), BODY), "no_body_hash"),
    ("empty sha256", lambda m: (m.token(sha256=""), BODY), "no_body_hash"),
    ("sha256 without its padding", lambda m: (m.token(sha256=digest(BODY).rstrip("=")), BODY), "body_hash"),
    ("sha256 in hexadecimal", lambda m: (m.token(sha256=hashlib.sha256(BODY).hexdigest()), BODY), "body_hash"),
    ("sha256 with a blank", lambda m: (m.token(sha256=digest(BODY) + " "), BODY), "body_hash"),
    ("sha256 of another body", lambda m: (m.token(body=b"{}"), BODY), "body_hash"),
    ("body re-encoded by JavaScript", lambda m: (m.token(), rewritten(separators=(",", ":"), ensure_ascii=False)), "body_hash"),
    ("body re-encoded by Python", lambda m: (m.token(), rewritten()), "body_hash"),
    ("body with a newline more", lambda m: (m.token(), BODY + b"\n"), "body_hash"),
    ("body with one letter changed", lambda m: (m.token(), BODY.replace(b"RM_x", b"RM_y")), "body_hash"),
    ("body empty", lambda m: (m.token(), b""), "body_hash"),
    ("body cut", lambda m: (m.token(), BODY[:-1]), "body_hash"),
]

# The one that ours takes and theirs do not: proxies add it.
ON_PURPOSE = ("Bearer before the token", lambda m: ("Bearer " + m.token(), BODY))
