"""Tokens as a table: what the real server decides on each, `token verify --require join` must decide too, and say why."""
import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request

import parts
import pytest

ROOM = {"roomJoin": True, "room": "demo"}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(text, secret, digest=hashlib.sha256):
    return b64(hmac.new(secret.encode(), text.encode(), digest).digest())


class Maker:
    def __init__(self, server):
        self.key, self.secret, self.now = server.key, server.secret, int(time.time())

    def claims(self, **changes):
        """Good ones; a change to None takes the claim away."""
        out = {"iss": self.key, "sub": "ann", "nbf": self.now - 10, "exp": self.now + 600, "video": dict(ROOM)}
        out.update(changes)
        return {name: value for name, value in out.items() if value is not None}

    def raw(self, payload, header='{"alg":"HS256","typ":"JWT"}', secret=None, digest=hashlib.sha256):
        text = b64(header.encode()) + "." + b64(payload if isinstance(payload, bytes) else payload.encode())
        return text + "." + sign(text, self.secret if secret is None else secret, digest)

    def token(self, header='{"alg":"HS256","typ":"JWT"}', secret=None, digest=hashlib.sha256, **changes):
        return self.raw(json.dumps(self.claims(**changes)), header, secret, digest)


def video(**changes):
    return {name: value for name, value in {**ROOM, **changes}.items() if value is not None}


def cut(token, part, text):
    parts_of_it = token.split(".")
    parts_of_it[part] = text(parts_of_it[part])
    return ".".join(parts_of_it)


# name, token of a Maker, what both must say: "" lets the holder join, "join" lacks the right, else the fault.
VECTORS = [
    ("plain", lambda m: m.token(), ""),
    ("no typ", lambda m: m.token(header='{"alg":"HS256"}'), ""),
    ("unknown header field", lambda m: m.token(header='{"alg":"HS256","kid":"x"}'), ""),
    ("unknown claim", lambda m: m.token(colour="red"), ""),
    ("unknown grant", lambda m: m.token(video=video(canFly=True)), ""),
    ("unicode everywhere", lambda m: m.token(sub="änn ☎", name="Ünï", video=video(room="räume 1/2")), ""),
    ("attributes", lambda m: m.token(attributes={"a": "b"}), ""),
    ("every publish grant", lambda m: m.token(video=video(canPublish=True, canSubscribe=False, canPublishData=False, canPublishSources=["microphone"])), ""),
    ("kind agent", lambda m: m.token(kind="agent"), ""),
    ("unknown kind", lambda m: m.token(kind="robot"), ""),
    ("metadata", lambda m: m.token(metadata="x" * 1000), ""),
    ("room configuration", lambda m: m.token(roomConfig={"agents": [{"agentName": "x"}]}), ""),
    ("null claims", lambda m: m.raw(json.dumps({**m.claims(), "name": None, "metadata": None})), ""),
    ("identity by jti", lambda m: m.token(sub=None, jti="ann"), ""),
    ("fractional times", lambda m: m.token(exp=m.now + 600.5, nbf=m.now - 10.25), ""),
    ("quoted time", lambda m: m.token(exp=str(m.now + 600)), ""),
    ("iat in the future", lambda m: m.token(iat=m.now + 9999), ""),
    ("iat long ago", lambda m: m.token(iat=1), ""),
    ("audience", lambda m: m.token(aud="anyone"), ""),
    ("audience list", lambda m: m.token(aud=["a", "b"]), ""),
    ("no nbf", lambda m: m.token(nbf=None), ""),
    ("no exp", lambda m: m.token(exp=None), ""),
    ("zero exp", lambda m: m.token(exp=0), None),
    ("far future exp", lambda m: m.token(exp=m.now + 10**9), ""),
    ("exp within the leeway", lambda m: m.token(exp=int(time.time()) - 50), ""),
    ("exp just past the leeway", lambda m: m.token(exp=int(time.time()) - 61), "expired"),
    ("exp an hour ago", lambda m: m.token(exp=m.now - 3600), "expired"),
    ("exp long ago", lambda m: m.token(exp=1), "expired"),
    ("nbf within the leeway", lambda m: m.token(nbf=int(time.time()) + 50), ""),
    ("nbf past the leeway", lambda m: m.token(nbf=int(time.time()) + 75), "not_yet_valid"),
    ("nbf tomorrow", lambda m: m.token(nbf=m.now + 86400), "not_yet_valid"),
    ("nbf after exp", lambda m: m.token(nbf=m.now + 7200, exp=m.now + 3600), "not_yet_valid"),
    ("negative exp", lambda m: m.token(exp=-5), "expired"),
    ("wrong secret", lambda m: m.token(secret="x" * 40), "bad_signature"),
    ("empty secret", lambda m: m.token(secret=""), "bad_signature"),
    ("secret of other case", lambda m: m.token(secret=m.secret.upper()), "bad_signature"),
    ("unknown key", lambda m: m.token(iss="nobody"), "wrong_key"),
    ("key of other case", lambda m: m.token(iss=m.key.lower()), "wrong_key"),
    ("empty key", lambda m: m.token(iss=""), "wrong_key"),
    ("no key", lambda m: m.token(iss=None), "wrong_key"),
    ("alg none, unsigned", lambda m: cut(m.token(header='{"alg":"none"}'), 2, lambda _: ""), "algorithm"),
    ("alg none, signed", lambda m: m.token(header='{"alg":"none"}'), "algorithm"),
    ("alg None", lambda m: m.token(header='{"alg":"None"}'), "algorithm"),
    ("alg HS512", lambda m: m.token(header='{"alg":"HS512"}', digest=hashlib.sha512), "algorithm"),
    ("alg HS384", lambda m: m.token(header='{"alg":"HS384"}', digest=hashlib.sha384), "algorithm"),
    ("alg RS256", lambda m: m.token(header='{"alg":"RS256"}'), "algorithm"),
    ("alg hs256", lambda m: m.token(header='{"alg":"hs256"}'), "algorithm"),
    ("alg missing", lambda m: m.token(header='{"typ":"JWT"}'), "malformed"),
    ("alg a number", lambda m: m.token(header='{"alg":256}'), "malformed"),
    ("header no JSON", lambda m: m.token(header="HS256"), "malformed"),
    ("header a list", lambda m: m.token(header='["HS256"]'), "malformed"),
    ("claims no JSON", lambda m: m.raw("claims"), "malformed"),
    ("claims a list", lambda m: m.raw("[]"), "malformed"),
    ("claims empty", lambda m: m.raw("{}"), "wrong_key"),
    ("claims cut off", lambda m: m.raw(json.dumps(m.claims())[:-1]), "malformed"),
    ("claims with a byte-order mark", lambda m: m.raw(b"\xef\xbb\xbf" + json.dumps(m.claims()).encode()), "malformed"),
    ("something after the claims", lambda m: m.raw(json.dumps(m.claims()) + "x"), "malformed"),
    ("two parts", lambda m: m.token().rsplit(".", 1)[0], "malformed"),
    ("four parts", lambda m: m.token() + ".AAAA", "malformed"),
    ("signature empty", lambda m: cut(m.token(), 2, lambda _: ""), "bad_signature"),
    ("signature cut", lambda m: cut(m.token(), 2, lambda s: s[:-4]), "bad_signature"),
    ("signature with padding", lambda m: cut(m.token(), 2, lambda s: s + "="), "malformed"),
    ("signature no base64", lambda m: cut(m.token(), 2, lambda s: "!" + s[1:]), "malformed"),
    ("claims no base64", lambda m: cut(m.token(), 1, lambda s: "*" + s[1:]), "malformed"),
    ("standard base64 signs", lambda m: cut(m.token(), 1, lambda s: s[:-2] + "+/"), "malformed"),
    ("one letter of the claims changed", lambda m: cut(m.token(), 1, lambda s: s[:20] + ("A" if s[20] != "A" else "B") + s[21:]), None),
    ("claims swapped for others", lambda m: cut(m.token(), 1, lambda _: b64(json.dumps(m.claims(sub="bob")).encode())), "bad_signature"),
    ("roomJoin a string", lambda m: m.token(video=video(roomJoin="true")), "malformed"),
    ("roomJoin a number", lambda m: m.token(video=video(roomJoin=1)), "malformed"),
    ("room a number", lambda m: m.token(video=video(room=7)), "malformed"),
    ("canPublish a string", lambda m: m.token(video=video(canPublish="yes")), "malformed"),
    ("canPublishSources a string", lambda m: m.token(video=video(canPublishSources="microphone")), "malformed"),
    ("video a list", lambda m: m.token(video=[]), "malformed"),
    ("exp a word", lambda m: m.token(exp="soon"), "malformed"),
    ("exp a boolean", lambda m: m.token(exp=True), "malformed"),
    ("name a number", lambda m: m.token(name=7), "malformed"),
    ("attributes a list", lambda m: m.token(attributes=["a"]), "malformed"),
    ("attribute a number", lambda m: m.token(attributes={"a": 1}), "malformed"),
    ("sub a number", lambda m: m.token(sub=7), "malformed"),
    ("no identity", lambda m: m.token(sub=None), "join"),
    ("empty identity", lambda m: m.token(sub=""), "join"),
    ("no video grant", lambda m: m.token(video=None), "join"),
    ("roomJoin false", lambda m: m.token(video=video(roomJoin=False)), "join"),
    ("no room", lambda m: m.token(video=video(room=None)), "join"),
    ("snake case grants", lambda m: m.token(video={"room_join": True, "room": "demo"}), "join"),
    ("admin only", lambda m: m.token(video={"roomAdmin": True, "room": "demo"}), "join"),
]


def server_lets_join(server, token):
    request = urllib.request.Request(server.url.replace("ws://", "http://") + "/rtc/validate?protocol=9",
                                     headers={"Authorization": f"Bearer {token}"})
    try:
        return urllib.request.urlopen(request, timeout=10).status == 200
    except urllib.error.HTTPError as error:
        assert error.code in (400, 401), (error.code, error.read())
        return False


def our_word(server, token):
    said = parts.voicectl("token", "verify", "-", "--json", "--require", "join", env=server.environment(), stdin=token)
    assert said.code in (0, 3), said
    assert (said.code == 0) == said.json["valid"]
    return "" if said.code == 0 else said.json["fault"] or "join"


def test_there_are_enough_of_them():
    assert len(VECTORS) >= 60 and len({name for name, _, _ in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize("make,verdict", [vector[1:] for vector in VECTORS], ids=[vector[0] for vector in VECTORS])
def test_server_and_voicectl_decide_alike(server, make, verdict):
    token = make(Maker(server))
    server_says, we_say = server_lets_join(server, token), our_word(server, token)
    assert server_says == (we_say == ""), (server_says, we_say)
    if verdict is not None:
        assert we_say == verdict


def test_verify_asks_the_server_and_compares_the_clocks(server):
    token = Maker(server).token()
    said = parts.voicectl("token", "verify", token, "--server", "--json", env=server.environment())
    assert said.code == 0, said
    assert said.json["server"]["accepts"] is True and abs(said.json["server"]["clockSkewMs"]) < 2000
    shown = parts.voicectl("token", "verify", token, "--server", env=server.environment())
    assert "would let it join" in shown.out and "clock agrees with ours" in shown.out, shown


def test_verify_tells_when_only_the_server_refuses(server):
    """Good by what we were told of the key, but the server has another secret for it."""
    secret = "another-secret-another-secret-another-1"
    token = Maker(server).token(secret=secret)
    said = parts.voicectl("token", "verify", token, "--server", "--json", env={**server.environment(), "LIVEKIT_API_SECRET": secret})
    assert said.code == 3 and said.json["genuine"] is True and said.json["valid"] is False, said
    assert said.json["server"]["accepts"] is False and "secret" in said.json["server"]["reason"]
    assert token not in said.out + said.err and token.rsplit(".", 1)[1] not in said.out + said.err


def test_a_token_that_cannot_join_is_not_offered_to_the_server(server):
    said = parts.voicectl("token", "verify", Maker(server).token(video={"roomList": True}), "--server", "--json", env=server.environment())
    assert said.code == 0 and said.json["server"]["accepts"] is None, said


def test_verify_at_a_server_that_is_not_there_is_exit_7(server):
    env = {**server.environment(), "LIVEKIT_URL": f"ws://127.0.0.1:{parts.free_port()}"}
    assert parts.voicectl("token", "verify", Maker(server).token(), "--server", env=env).code == 7


def test_decode_needs_no_secret_and_believes_nothing(server):
    token = Maker(server).token(secret="x" * 40, name="Ann")
    said = parts.voicectl("token", "decode", "-", "--json", stdin=f"Bearer {token}\n")
    assert said.code == 0, said
    assert said.json["verified"] is False and said.json["header"]["alg"] == "HS256"
    assert said.json["identity"] == "ann" and said.json["claims"]["name"] == "Ann" and 590 <= said.json["secondsLeft"] <= 600
    shown = parts.voicectl("token", "decode", token)
    assert shown.out.startswith("unverified") and 'join room "demo"' in shown.out, shown
    assert parts.voicectl("token", "decode", "rubbish").code == 2
    assert parts.voicectl("token", "decode", stdin="").code == 2
