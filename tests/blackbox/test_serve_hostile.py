"""`voicectl serve` among those who mean no good: the OWASP API security top ten (2023) one by one, then raw bytes. Every answer that `call`
brings is held against the server's own OpenAPI document."""
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import random
import signal
import socket
import sqlite3
import tempfile
import threading
import time
import urllib.parse
import uuid

import jwt
import parts
import pytest
import serving
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from livekit import api
from serving import AS_SERVICE, KEY, NOBODY, SECRET, as_user, token

HOOK_KEY, HOOK_SECRET = "APIhostile", "a-secret-for-hooks-of-some-forty-characters"
HOOKS = {"LIVEKIT_URL": "ws://127.0.0.1:1", "LIVEKIT_API_KEY": HOOK_KEY, "LIVEKIT_API_SECRET": HOOK_SECRET, "VOICECTL_PAGE_KEY": "the-key-of-the-page-0123456789"}
PRIVATE = ("Traceback", "terminate called", "sqlite", "SELECT ", "INSERT ", "/tmp/", f"{parts.ROOT}/", "/src/", "nlohmann", "std::", "json.exception")


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "scenarios").mkdir()
    (folder / "recordings").mkdir()
    running = serving.Serve(folder, "--scenarios", folder / "scenarios", "--recordings", folder / "recordings", "--call-agent", "receptionist", env=HOOKS)
    yield running
    assert running.process.poll() is None, "it died: " + running.log.read_text()[-3000:]
    assert running.stop() == 0
    serving.assert_nothing_secret(running.log.read_text(), HOOK_SECRET, HOOKS["VOICECTL_PAGE_KEY"])


def without_ids(answer):
    body = answer.json
    body["error"].pop("requestId")
    return answer.status, json.dumps(body)


def hook(serve, event, room, **more):
    body = json.dumps({"event": event, "id": f"EV_{uuid.uuid4().hex}", "createdAt": str(int(time.time())), "room": {"sid": "RM_" + room, "name": room}, **more}).encode()
    sent = api.AccessToken(HOOK_KEY, HOOK_SECRET).with_sha256(base64.b64encode(hashlib.sha256(body).digest()).decode()).to_jwt()
    return serve.raw("POST", "/v1/webhooks/livekit", body, {"Authorization": sent, "Content-Type": "application/webhook+json"})


# ---- API1:2023 Broken object level authorization ----

def test_api1_what_is_somebody_elses_is_as_if_it_were_not_there(serve):
    session, call = serve.held_call("ann", room="anns-" + uuid.uuid4().hex[:8])
    (serve.folder / "recordings" / "anns.ogg").write_bytes(b"sound")
    now = time.time_ns()
    assert hook(serve, "egress_ended", call["room"], egressInfo={"egressId": "EG_1", "roomName": call["room"], "status": "EGRESS_COMPLETE", "startedAt": str(now - 10**9), "endedAt": str(now),
                                                                 "fileResults": [{"filename": "anns.ogg", "location": "anns.ogg", "duration": "1", "size": "5"}]}).status == 200
    serve.call("GET", f"/v1/calls/{call['id']}/recording", who=as_user("ann"), status=200)
    criteria = {"criteria": ["was polite"]}
    asked = [("GET", "/v1/calls/{call}", None), ("GET", "/v1/calls/{call}/transcript", None), ("GET", "/v1/calls/{call}/transcript?format=txt", None), ("GET", "/v1/calls/{call}/recording", None),
             ("POST", "/v1/calls/{call}/summary", None), ("POST", "/v1/calls/{call}/evaluation", criteria),
             ("GET", "/v1/sessions/{session}", None), ("GET", "/v1/sessions/{session}/transcript", None), ("PATCH", "/v1/sessions/{session}/finalize", None),
             ("POST", "/v1/sessions/{session}/summary", None), ("POST", "/v1/sessions/{session}/evaluate", criteria)]
    for name in (str(call["id"]), call["room"]):
        for method, path, body in asked:
            theirs = serve.call(method, path.format(call=name, session=session["id"]), body, as_user("bob"), status=404)
            missing = serve.call(method, path.format(call="999999999" if name.isdigit() else "no-such-room", session="VS_none"), body, as_user("bob"), status=404)
            seen, none = (without_ids(one)[1].replace(f"'{given}'", "ID") for one, given in ((theirs, session["id"] if "session" in path else name), (missing, "VS_none" if "session" in path else "999999999" if name.isdigit() else "no-such-room")))
            assert seen == none, (method, path)
            for header in set(theirs.headers) | set(missing.headers):
                assert header in ("X-Request-Id", "Content-Length") or theirs.headers[header] == missing.headers[header]
    assert serve.call("GET", f"/v1/sessions/{session['id']}", who=as_user("ann"), status=200).data["status"] == "active", "nobody else has finalized it"
    for query in ("", f"?room={call['room']}", "?limit=500", "?status=completed", "?since=2020-01-01T00:00:00Z"):
        assert call["id"] not in [one["id"] for one in serve.call("GET", "/v1/calls" + query, who=as_user("bob"), status=200).data["calls"]]
    for query in ("", "?userId=ann", "?limit=500", "?userId="):
        assert session["id"] not in [one["id"] for one in serve.call("GET", "/v1/sessions" + query, who=as_user("bob"), status=200).data["sessions"]]
    assert call["id"] in [one["id"] for one in serve.call("GET", "/v1/calls?room=" + call["room"], who=as_user("ann"), status=200).data["calls"]]


def test_api1_a_session_is_no_way_to_somebody_elses_call(serve):
    _, call = serve.held_call("ann")
    theirs = serve.call("POST", "/v1/sessions", {"callId": call["id"]}, as_user("bob"), status=404)
    missing = serve.call("POST", "/v1/sessions", {"callId": 999999999}, as_user("bob"), status=404)
    assert without_ids(theirs)[1].replace(f"'{call['id']}'", "ID") == without_ids(missing)[1].replace("'999999999'", "ID")
    serve.call("GET", f"/v1/calls/{call['id']}", who=as_user("bob"), status=404)


def test_api1_a_user_who_looks_like_another_is_another(serve):
    session, call = serve.held_call("ann")
    for user in ("Ann", "ANN", "an", "annn", "ann%", "a_n", "*", "ann@example.com", "ann/../ann", "ann ", " ann"):
        serve.call("GET", f"/v1/sessions/{session['id']}", who=as_user(user), status=404)
        assert serve.call("GET", "/v1/calls", who=as_user(user), status=200).data["calls"] == []
    for user in ("ann\u0000", "ann\n", "", "a" * 257, "ann\u200b"):
        serve.call("GET", f"/v1/sessions/{session['id']}", who=as_user(user), status=401)


def test_api1_metadata_of_a_call_make_nobody_its_owner(serve):
    """A caller's own `variables` are no `userId`."""
    _, call = serve.held_call("ann")
    with sqlite3.connect(serve.store, timeout=20) as store:
        store.execute("UPDATE calls SET dispatch_metadata = ? WHERE id = ?", [json.dumps({"userId": "ann", "variables": {"userId": "bob"}}), call["id"]])
    serve.call("GET", f"/v1/calls/{call['id']}", who=as_user("bob"), status=404)
    serve.call("GET", f"/v1/calls/{call['id']}", who=as_user("ann"), status=200)


def test_api1_what_is_listed_for_a_user_is_what_can_be_read_and_nothing_else(serve):
    """Richer metadata are somebody's word about a call; it is the session that makes it a user's."""
    session, call = serve.held_call("lea", room="leas-" + uuid.uuid4().hex[:8])
    who = as_user("lea")

    def seen(metadata, held):
        with sqlite3.connect(serve.store, timeout=20) as store:
            store.execute("UPDATE calls SET dispatch_metadata = ? WHERE id = ?", [metadata, call["id"]])
            store.execute("UPDATE sessions SET call_id = ? WHERE id = ?", [call["id"] if held else None, session["id"]])
        listed = call["id"] in [one["id"] for one in serve.call("GET", "/v1/calls", who=who, status=200).data["calls"]]
        read = {serve.call("GET", f"/v1/calls/{name}{part}", who=who).status for name in (call["id"], call["room"]) for part in ("", "/transcript")}
        assert read == {200 if listed else 404}, (metadata, held)
        return listed

    rich, plain = json.dumps({"userId": "lea", "variables": {"guest": "Lea"}}), '{"userId":"lea"}'
    assert [seen(rich, True), seen(rich, False), seen(plain, True), seen(plain, False), seen("", True), seen("", False)] == [True, False, True, True, True, False]
    for metadata in ('{"userId":"bob"}', '{"userId":"lea","userId":"bob"}', '{"userId":["lea"]}', '[{"userId":"lea"}]', "lea"):
        assert not seen(metadata, False)


# ---- API2:2023 Broken authentication ----

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_PEM = RSA_KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
RSA_PUBLIC = RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def encoded(value):
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=").decode()


def crafted(header, claims=None, secret=SECRET.encode()):
    """A token with whatever in it, signed by HMAC; `claims` may be bytes."""
    claims = {"sub": "ann", "aud": "authenticated", "exp": int(time.time()) + 600} if claims is None else claims
    text = encoded(header) + "." + encoded(claims)
    return text + "." + encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())


class KeySet(parts.Web):
    """A JWKS on loopback."""

    def __init__(self):
        numbers = RSA_KEY.public_key().public_numbers()
        whole = lambda number: encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        body = json.dumps({"keys": [{"kty": "RSA", "kid": "first", "use": "sig", "alg": "RS256", "n": whole(numbers.n), "e": whole(numbers.e)}]}).encode()
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.listen(Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"


@pytest.fixture(scope="module")
def keys():
    running = KeySet()
    yield running
    running.stop()


def test_api2_tokens_that_are_no_good(start, keys):
    serve = start("--jwks-url", keys.url, "--max-connections", "2000")
    good = {"sub": "ann", "aud": "authenticated", "exp": int(time.time()) + 600}
    by_rsa = lambda headers, claims=good: jwt.encode(claims, RSA_PEM, "RS256", headers=headers)
    serve.call("GET", "/v1/sessions", who={"Authorization": "Bearer " + by_rsa({"kid": "first"})}, status=200)
    serve.call("GET", "/v1/sessions", who={"Authorization": "bearer  " + token()}, status=200)
    whole = token()
    head, payload, signature = whole.split(".")
    bad = {
        "alg none": encoded({"alg": "none"}) + "." + payload + ".", "alg None": encoded({"alg": "NoNe"}) + "." + payload + ".", "alg none, signed": crafted({"alg": "none"}), "no alg": crafted({}), "alg a list": crafted({"alg": ["HS256"]}),
        "HS256 by the public key": crafted({"alg": "HS256", "kid": "first"}, secret=RSA_PUBLIC), "HS256 by nothing": crafted({"alg": "HS256"}, secret=b""), "HS512": token(algorithm="HS512", secret=SECRET * 2),
        "RS256 with HS256's key": crafted({"alg": "RS256", "kid": "first"}), "RS256 of another key": jwt.encode(good, rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256", headers={"kid": "first"}),
        "ES256 by an RSA key's name": crafted({"alg": "ES256", "kid": "first"}), "the embedded key": by_rsa({"kid": "other", "jwk": {"kty": "RSA"}}), "another kid": by_rsa({"kid": "second"}),
        "kid a path": by_rsa({"kid": "../../../dev/null"}), "kid SQL": by_rsa({"kid": "first' OR '1'='1"}), "kid an URL": by_rsa({"kid": keys.url}), "kid a number": crafted({"alg": "HS256", "kid": 1}), "kid too long": crafted({"alg": "HS256", "kid": "k" * 300}),
        "expired": token(lifetime=-60), "no exp": token(exp=None), "exp a text": crafted({"alg": "HS256"}, {**good, "exp": "9999999999"}), "exp huge": crafted({"alg": "HS256"}, b'{"sub":"ann","aud":"authenticated","exp":1e999}'), "not yet": token(nbf=int(time.time()) + 600),
        "of the future": token(iat=int(time.time()) + 600), "wrong aud": token(aud="anon"), "no aud": token(aud=None), "aud of others": token(aud=["anon", "service"]), "no sub": token(user=None), "sub a number": crafted({"alg": "HS256"}, {**good, "sub": 1}),
        "two subs": crafted({"alg": "HS256"}, b'{"sub":"ann","sub":"bob","aud":"authenticated","exp":9999999999}'), "crit": crafted({"alg": "HS256", "crit": ["x"], "x": 1}), "typ": crafted({"alg": "HS256", "typ": "logout+jwt"}),
        "cut": whole[:-2], "four parts": whole + ".x", "two parts": head + "." + payload, "padding": whole + "=", "a blank within": head + " ." + payload + "." + signature, "signature of another": head + "." + encoded({**good, "sub": "bob"}) + "." + signature,
        "no signature": head + "." + payload + ".", "nothing": "", "not base64": "a.b.c", "too long": token(more="x" * 20000)[:12000], "deep": crafted({"alg": "HS256"}, b'{"sub":"ann","aud":"authenticated","exp":9999999999,"a":' + b"[" * 3000 + b"]" * 3000 + b"}"),
        "unsigned bits": whole[:-1] + ("B" if whole[-1] != "B" else "C"),
    }
    for name, sent in bad.items():
        refused = serve.raw("GET", "/v1/sessions", headers={"Authorization": "Bearer " + sent})
        assert refused.status in (401, 429), (name, refused)  # the eleventh of an address is told to wait
        assert refused.headers["WWW-Authenticate"] == "Bearer" or refused.status == 429
        serve.call("GET", "/v1/sessions", who={"Authorization": "Bearer " + whole}, status=200)  # and good ones are taken on
        if sent and len(sent) > 20:
            assert sent not in serve.log.read_text() and sent.encode() not in refused.body, name
    assert len(keys.asked) < 10, "no token makes the server ask for keys again and again"


def test_api2_each_fault_of_a_token_is_seen_for_itself(start):
    """Not one of them is refused for the failures before it."""
    for sent in (crafted({"alg": "none"}), encoded({"alg": "none"}) + "." + encoded({"sub": "ann", "aud": "authenticated", "exp": 9999999999}) + ".", token(lifetime=-60), token(exp=None), token(aud="anon"), token(aud=None), crafted({"alg": "HS256"}, secret=b"x" * 40)):
        serve = start()
        serve.call("GET", "/v1/sessions", who={"Authorization": "Bearer " + sent}, status=401)


def test_api2_who_asks_is_said_once_and_in_the_header(serve):
    for path in ("/v1/sessions?access_token=" + token(), "/v1/sessions?key=" + KEY, "/v1/sessions?X-Internal-Service-Key=" + KEY):
        serve.call("GET", path, who=NOBODY, status=401)
    two = [("Authorization", "Bearer " + token("ann")), ("Authorization", "Bearer " + token("bob"))]
    for headers in (two, two[::-1], [two[0], two[0]], [("X-Internal-Service-Key", KEY), ("X-Internal-Service-Key", "wrong")], [("X-Internal-Service-Key", KEY), ("x-internal-service-key", KEY)]):
        assert serve.raw("GET", "/v1/sessions", headers=headers).status == 401
    for headers in ({"Authorization": "Basic " + base64.b64encode(b"a:" + KEY.encode()).decode()}, {"Authorization": KEY}, {"Authorization": "Bearer " + KEY}, {"Cookie": "X-Internal-Service-Key=" + KEY}, {"X-Internal-Service-Key": ""},
                    {"X-Internal-Service-Key": KEY + "x"}, {"X-Internal-Service-Key": KEY[:-1]}, {"X-Internal-Service-Key": "Bearer " + KEY}, {"X-Internal-Service-Key": KEY.upper()}, {"X_Internal_Service_Key": KEY}):
        assert serve.raw("GET", "/v1/sessions", headers=headers).status in (401, 429), headers
    serve.call("GET", "/v1/sessions", who={**as_user("ann"), "X-Internal-Service-Key": "wrong-0123456789"})  # a wrong key is not made good by a token
    assert serve.requests(path="/v1/sessions")[-1]["status"] in ("401", "429")


def test_api2_ten_failures_and_the_address_waits(start):
    serve = start()
    answers = [serve.call("GET", "/v1/sessions", who={"X-Internal-Service-Key": f"guess-number-{i}-0123456789"}) for i in range(12)]
    assert [one.status for one in answers] == [401] * 10 + [429] * 2
    assert int(answers[-1].headers["Retry-After"]) >= 1
    serve.call("GET", "/v1/sessions", status=429)  # or a guess that is right would show
    serve.call("GET", "/v1/sessions", who=as_user("ann"), status=200)
    assert serve.call("GET", "/health", who=NOBODY).status == 200
    forwarded = {"X-Forwarded-For": "10.1.2.3", "Forwarded": "for=10.1.2.3", "X-Real-IP": "10.1.2.3"}
    serve.call("GET", "/v1/sessions", headers=forwarded, status=429)  # not behind a proxy: whoever writes these is not believed


def test_api2_the_failures_of_one_client_behind_a_proxy_are_his_own(start):
    serve = start("--behind-proxy")
    last = lambda address: {"X-Forwarded-For": f"198.51.100.7, {address}"}
    for i in range(11):
        answer = serve.call("GET", "/v1/sessions", who={"X-Internal-Service-Key": f"guess-number-{i}-0123456789", "X-Forwarded-For": f"203.0.113.{i}, 192.0.2.1"})
    assert answer.status == 429
    serve.call("GET", "/v1/sessions", headers=last("192.0.2.1"), status=429)
    serve.call("GET", "/v1/sessions", headers=last("192.0.2.2"), status=200)


# ---- API3:2023 Broken object property level authorization ----

def test_api3_nothing_is_set_that_is_not_meant_to_be(serve):
    session = serve.session("ann")
    for more in ({"status": "completed"}, {"role": "admin"}, {"isAdmin": True}, {"startedAt": "2020-01-01T00:00:00Z"}, {"completedAt": None}, {"usage": {}}, {"cost": 0}, {"__proto__": {"userId": "bob"}}, {"user_id": "bob"}, {"userid": "bob"}, {"UserId": "bob"}, {"": 1}):
        serve.call("POST", "/v1/sessions", {**more}, as_user("ann"), status=400)
        serve.call("POST", "/v1/calls", {**more}, as_user("ann"), status=400)
    serve.call("PATCH", f"/v1/sessions/{session['id']}/finalize", {"status": "active"}, as_user("ann"), status=400)
    serve.call("PUT", "/v1/assignments/a", {"userId": "ann", "id": "b"}, status=400)
    for turn in ({"speaker": "system", "text": "a"}, {"speaker": "user"}, {"speaker": "user", "text": "a", "sequence": 7}, {"speaker": "user", "text": "a", "detail": "x"}):
        serve.call("POST", f"/v1/sessions/{session['id']}/transcript", {"turns": [turn]}, status=400)
    assert serve.call("POST", "/v1/sessions", b'{"userId":"ann","userId":"bob"}', as_user("ann")).status == 400, "a name twice is read in two ways"


def test_api3_a_user_is_himself(serve):
    serve.call("POST", "/v1/sessions", {"userId": "bob"}, as_user("ann"), status=403)
    serve.call("POST", "/v1/calls", {"userId": "bob"}, as_user("ann"), status=403)
    serve.call("POST", "/v1/calls", {"identity": "bob"}, as_user("ann"), status=403)
    serve.call("POST", "/v1/calls", {"agentName": "another"}, as_user("ann"), status=403)
    for metadata, status in (({"userId": "bob"}, 400), ({"assignmentId": "x"}, 400), ({"scenarioId": "x"}, 400), ({"instructions": "Obey."}, 403), ({"greeting": "Hi"}, 403), ({"company": 7}, 403), ({"variables": {}, "limits": {}}, 403), ({"": 1}, 403)):
        serve.call("POST", "/v1/calls", {"metadata": metadata}, as_user("ann"), status=status)
    mine = serve.call("POST", "/v1/sessions", {"userId": "ann"}, as_user("ann"), status=201).data
    assert serve.call("POST", "/v1/sessions", {"id": mine["id"]}, as_user("bob"), status=409).error["type"] == "CONFLICT"
    assert serve.call("GET", f"/v1/sessions/{mine['id']}", status=200).data["userId"] == "ann"


# ---- API4:2023 Unrestricted resource consumption ----

def test_api4_bodies_are_bounded_however_they_come(serve):
    big = json.dumps({"userId": "x" * 70_000}).encode()
    serve.call("POST", "/v1/sessions", big, status=413)
    for size in ("70000", "999999999999", "9223372036854775807"):
        answer = serve.say(f"POST /v1/sessions HTTP/1.1\r\nHost: h\r\nX-Internal-Service-Key: {KEY}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n{{".encode())[0]
        assert answer.status == 413
        serve.document.check("POST", "/v1/sessions", answer)
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    chunked = serve.say(f"POST /v1/sessions HTTP/1.1\r\nHost: h\r\nX-Internal-Service-Key: {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunk * 100)
    assert chunked[0].status == 413
    serve.call("POST", "/v1/sessions", b'{"userId":"ann"}' + b" " * 60_000, status=201)  # within it
    session = serve.session("ann")
    turns = [{"speaker": "user", "text": "x" * 19_000}] * 200
    serve.call("POST", f"/v1/sessions/{session['id']}/transcript", {"turns": turns}, status=200)
    serve.call("POST", f"/v1/sessions/{session['id']}/transcript", {"turns": turns * 2}, status=413)
    assert serve.raw("POST", "/no/such/path", big).status in (404, 413)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 10_000, b'{"metadata":' + b"[" * 30_000 + b"]" * 30_000 + b"}", b'{"callId":' + b"9" * 60_000 + b"}", b'{"callId":1e999}', b'{"callId":-1}', b'{"callId":9223372036854775808}', b'{"callId":18446744073709551615}', b'{"callId":1.5}', b'{"callId":-9223372036854775808}',
                                  b'{"callId":1e18}', b'{"id":"' + b"x" * 129 + b'"}', b"{", b"", b"null", b"[]", b'"x"', b"0", b"{}{}", b"{}\x00", b"{}\x00{}", b"\xff\xfe{}", b'{"id":"\xff"}', b'{"id":"\\ud800"}', b"{'id':1}", b'{"id":NaN}', b'{"id":"a",}', b"{/**/}", b'{"a":1,"a":2}'])
def test_api4_bodies_that_are_no_use(serve, body):
    for who in (AS_SERVICE, as_user("ann")):
        answer = serve.call("POST", "/v1/sessions", body, who)
        assert answer.status in (400, 404, 413) or (body == b"" and who != AS_SERVICE and answer.status == 201), (body[:60], answer)


def test_api4_what_is_asked_for_is_bounded(serve):
    for limit in ("1000000000", "0", "-1", "501", "1e3", "0x10", "1.0", " 1", "99999999999999999999", ""):
        assert serve.call("GET", "/v1/calls?limit=" + limit.replace(" ", "%20"), status=400).error["type"] == "BAD_REQUEST"
    serve.call("GET", "/v1/calls?limit=500", status=200)
    serve.call("GET", "/v1/calls?" + "&".join("limit=1" for _ in range(500)), status=400)
    serve.call("GET", "/v1/calls?" + "&".join(f"a{i}=1" for i in range(500)), status=400)
    assert serve.raw("GET", "/v1/calls?" + "&".join(f"a{i}=1" for i in range(10_000))).status == 431
    assert serve.raw("GET", "/health", headers={f"X-{i}": "a" * 20 for i in range(1000)}).status == 431
    for query in ("room=%", "room=%zz", "room=%00", "room=" + "a" * 201, "since=yesterday", "before=9999", "status=gone", "nothing=1", "room=a&room=b", "room=%ff", "=1", "&", "limit"):
        serve.call("GET", "/v1/calls?" + query, status=400)
    serve.call("POST", "/v1/calls/1/evaluation", {"criteria": ["a"] * 51}, status=400)
    serve.call("POST", "/v1/calls/1/evaluation", {"criteria": ["a" * 1001]}, status=400)
    serve.call("GET", "/v1/calls/" + "9" * 200, status=404)
    serve.call("GET", "/v1/calls/" + "a" * 201, status=404)


def test_api4_each_user_has_a_rate_of_his_own(start):
    serve = start(rate=20)
    answers = [serve.call("GET", "/v1/sessions", who=as_user("ann")) for _ in range(15)]
    assert [one.status for one in answers[:10]] == [200] * 10 and answers[-1].status == 429
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    serve.call("GET", "/v1/sessions", who=as_user("bob"), status=200)
    nobody = [serve.call("GET", "/v1/sessions", who=NOBODY).status for _ in range(15)]
    assert nobody[0] == 401 and nobody[-1] == 429
    assert [serve.call("GET", "/v1/sessions").status for _ in range(40)] == [200] * 40, "services have none"
    serve.call("GET", "/health", who=NOBODY, status=200)


def test_api4_500_slow_connections_stop_nobody(start):
    serve = start("--max-connections", "300", env=HOOKS)
    _, call = serve.held_call("ann")
    serve.raw("GET", "/health")
    memory, descriptors, stop = serve.resident_kb(), serve.descriptors(), threading.Event()
    slow, lock = [], threading.Lock()

    def trickle():
        while not stop.wait(1):
            with lock:
                for i, connection in enumerate(slow):
                    try:
                        connection.send(b"a" if i % 2 else b"X: a\r\n")
                    except OSError:
                        pass
    feeder = threading.Thread(target=trickle)
    feeder.start()
    try:
        for i in range(500):
            connection = serve.connect()
            connection.sendall(b"POST /v1/webhooks/livekit HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" if i % 2 else b"GET /health HTTP/1.1\r\nHost: h\r\n")
            with lock:
                slow.append(connection)
            if i % 50 == 0:
                assert serve.raw("GET", "/health", timeout=5).status == 200
        for i in range(20):
            assert serve.call("GET", "/v1/sessions", who=as_user("ann"), timeout=5).status == 200
            assert hook(serve, "room_started", f"busy-{i}").status == 200
        assert serve.descriptors() < 300 + 64
        assert serve.resident_kb() - memory < 64 * 1024
    finally:
        stop.set()
        feeder.join()
        for connection in slow:
            connection.close()
    parts.wait_for(lambda: serve.descriptors() <= descriptors + 4, 30, "descriptors are given back")
    assert serve.stop() == 0


def test_api4_whoever_reads_slowly_holds_up_nobody(start):
    serve = start("--max-connections", "64", env=HOOKS)
    session = serve.session("ann")
    serve.call("POST", f"/v1/sessions/{session['id']}/transcript", {"turns": [{"speaker": "user", "text": "x" * 19_000}] * 200}, status=200)
    call = serve.call("GET", f"/v1/sessions/{session['id']}").data["callId"]
    memory, descriptors, slow = serve.resident_kb(), serve.descriptors(), []
    try:
        for _ in range(40):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", serve.port))
            connection.sendall(f"GET /v1/calls/{call}/transcript HTTP/1.1\r\nHost: h\r\nX-Internal-Service-Key: {KEY}\r\n\r\n".encode())
            slow.append(connection)
        parts.wait_for(lambda: len(serve.requests(path=f"/v1/calls/{call}/transcript")) == 40, 60, "all of them are being answered")
        assert serve.call("GET", "/v1/sessions", who=as_user("ann"), timeout=10).status == 200
        assert hook(serve, "room_started", "read-slowly").status == 200
        assert serve.resident_kb() - memory < 600 * 1024  # 40 answers of 4 MB, while they are made
    finally:
        for connection in slow:
            connection.close()
    parts.wait_for(lambda: serve.descriptors() <= descriptors + 4, 30, "descriptors are given back")


def test_api4_slow_readers_in_every_place_keep_nobody_out(start):
    serve = start("--max-connections", "16", env=HOOKS)
    session = serve.session("ann")
    serve.call("POST", f"/v1/sessions/{session['id']}/transcript", {"turns": [{"speaker": "user", "text": "x" * 19_000}] * 200}, status=200)
    call = serve.call("GET", f"/v1/sessions/{session['id']}").data["callId"]
    slow = []
    try:
        for _ in range(40):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", serve.port))
            connection.sendall(f"GET /v1/calls/{call}/transcript HTTP/1.1\r\nHost: h\r\nX-Internal-Service-Key: {KEY}\r\n\r\n".encode())
            slow.append(connection)
        parts.wait_for(lambda: len(serve.requests(path=f"/v1/calls/{call}/transcript")) >= 16, 60, "every place is taken")

        def served():
            try:
                return serve.raw("GET", "/health", timeout=5).status == 200
            except (OSError, http.client.HTTPException):
                return False
        parts.wait_for(served, 30, "a place")  # 4 MB may be read for more than a minute
    finally:
        for connection in slow:
            connection.close()


def test_api4_the_health_of_a_database_that_hangs_is_asked_for_once(start):
    postgres = parts.Postgres()
    try:
        serve = start(store=postgres.new_database())
        serve.call("GET", "/health/db", who=NOBODY, status=200)
        postgres.signal_all(signal.SIGSTOP)
        memory, got = serve.resident_kb(), []
        threads = [threading.Thread(target=lambda: got.append(serve.raw("GET", "/health/db", timeout=20).status)) for _ in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [503] * 200
        assert serve.resident_kb() - memory < 32 * 1024
        postgres.signal_all(signal.SIGCONT)
        parts.wait_for(lambda: serve.raw("GET", "/health/db").status == 200, 30, "it is back")
    finally:
        postgres.stop()


# ---- API5:2023 Broken function level authorization ----

def test_api5_users_do_not_what_services_do(serve):
    session = serve.session("ann")
    for method, path, body in (("POST", f"/v1/sessions/{session['id']}/transcript", {"turns": []}), ("PUT", "/v1/assignments/a", {"userId": "ann"}), ("GET", "/v1/scenarios/a", None), ("GET", "/api/internal/scenarios/a", None), ("GET", "/metrics", None)):
        serve.call(method, path, body, as_user("ann"), status=403)
        serve.call(method, path, body, NOBODY, status=401)
        for trick in ({"X-HTTP-Method-Override": "GET"}, {"X-Original-URL": "/health"}, {"X-Rewrite-URL": "/health"}, {"X-Forwarded-For": "127.0.0.1"}, {"X-User-Role": "service"}, {"X-Forwarded-Host": "localhost"}):
            serve.call(method, path, body, as_user("ann"), headers=trick, status=403)
    claims = {"role": "service_role", "app_metadata": {"role": "admin"}, "is_admin": True, "scope": "service"}
    serve.call("GET", "/metrics", who={"Authorization": "Bearer " + token("ann", **claims)}, status=403)


def test_api5_operators_change_nothing(serve):
    signed = serve.raw("POST", "/login", b"key=" + HOOKS["VOICECTL_PAGE_KEY"].encode(), {"Content-Type": "application/x-www-form-urlencoded"})
    assert signed.status == 303, signed
    operator = {"Cookie": signed.headers["Set-Cookie"].split(";")[0]}
    session, call = serve.held_call("ann")
    serve.call("GET", f"/v1/calls/{call['id']}", who=operator, status=200)
    serve.call("GET", "/metrics", who=operator, status=200)
    for method, path, body in (("POST", "/v1/sessions", {"userId": "ann"}), ("POST", "/v1/calls", {"userId": "ann"}), ("PATCH", f"/v1/sessions/{session['id']}/finalize", None), ("POST", f"/v1/calls/{call['id']}/summary", None),
                               ("POST", f"/v1/sessions/{session['id']}/transcript", {"turns": []}), ("PUT", "/v1/assignments/a", {"userId": "ann"})):
        serve.call(method, path, body, operator, status=401)
    serve.call("GET", "/v1/scenarios/a", who=operator, status=403)
    for cookie in ("", "voicectl=", "voicectl=x", signed.headers["Set-Cookie"].split(";")[0][:-1], "voicectl=' OR 1=1 --"):
        serve.call("GET", "/v1/calls", who={"Cookie": cookie}, status=401)


# ---- API6:2023 Unrestricted access to sensitive business flows ----

def test_api6_a_user_cannot_start_calls_without_end(start, server):
    serve = start("--call-agent", "nobody", rate=12, env=server.environment())
    answers = [serve.call("POST", "/v1/calls", who=as_user("ann"), timeout=60) for _ in range(12)]
    made = [one for one in answers if one.status == 201]
    try:
        assert 6 <= len(made) < 10 and answers[-1].status == 429 and answers[-1].headers["Retry-After"], [one.status for one in answers]
    finally:
        for one in made:
            parts.voicectl("room", "delete", one.data["room"], "--yes", env=server.environment())


# ---- API7:2023 Server side request forgery ----

def test_api7_nothing_that_is_asked_makes_it_ask_elsewhere(start):
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_):
            pass

    inside = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=inside.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{inside.server_port}/inside"
    try:
        folder_of = tempfile.mkdtemp(prefix="voicectl-test-serve-")
        serve = start("--scenarios", folder_of, "--recordings", folder_of, "--call-agent", "receptionist", env=HOOKS)
        _, call = serve.held_call("ann", room="forged")
        now = time.time_ns()
        hook(serve, "egress_ended", "forged", egressInfo={"egressId": "EG_1", "roomName": "forged", "status": "EGRESS_COMPLETE", "startedAt": str(now - 10**9), "endedAt": str(now), "fileResults": [{"filename": url, "location": url, "duration": "1", "size": "5"}]})
        serve.call("GET", f"/v1/calls/{call['id']}/recording", status=404)
        quoted = url.replace("/", "%2f").replace(":", "%3a")
        serve.call("GET", "/v1/scenarios/" + quoted, status=404)
        serve.call("GET", "/v1/calls/" + quoted, status=404)
        serve.call("POST", "/v1/calls", {"metadata": {"webhook": url}}, as_user("ann"), status=403)
        serve.raw("GET", "/v1/calls", headers={"Host": url, "X-Forwarded-Host": url, "Referer": url, "Origin": url})
        serve.say(f"GET {url} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        serve.say(f"CONNECT 127.0.0.1:{inside.server_port} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        jku = crafted({"alg": "RS256", "jku": url, "x5u": url, "kid": url})
        serve.call("GET", "/v1/calls", who={"Authorization": "Bearer " + jku}, status=401)
        assert asked == []
    finally:
        inside.shutdown()
        inside.server_close()


# ---- API8:2023 Security misconfiguration ----

def test_api8_every_answer_has_its_protection(serve):
    asked = [("GET", "/health", NOBODY), ("GET", "/health/db", NOBODY), ("GET", "/openapi.json", NOBODY), ("GET", "/metrics", AS_SERVICE), ("GET", "/v1/calls", AS_SERVICE), ("GET", "/v1/calls/1", NOBODY), ("GET", "/nowhere", NOBODY), ("POST", "/health", NOBODY),
             ("GET", "/", NOBODY), ("GET", "/page.js", NOBODY), ("POST", "/login", NOBODY), ("OPTIONS", "/v1/calls", {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "GET"}), ("OPTIONS", "/v1/calls", NOBODY), ("TRACE", "/health", NOBODY),
             ("POST", "/v1/webhooks/livekit", NOBODY), ("HEAD", "/v1/calls", AS_SERVICE)]
    for method, path, who in asked:
        answer = serve.raw(method, path, headers=who)
        assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"], (method, path, answer)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"] and "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], (method, path)
        assert answer.headers["X-Request-Id"] and answer.headers["Referrer-Policy"] and answer.headers["Cache-Control"], (method, path)
        if not path.startswith("/page"):
            assert answer.headers["Cache-Control"] == "no-store", (method, path)
        for name in ("Server", "X-Powered-By"):
            assert name not in answer.headers
        if method == "HEAD":
            assert answer.body == b"" and int(answer.headers["Content-Length"]) > 0
    for raw in (b"BAD\r\n\r\n", b"GET /health HTTP/1.1\r\n\r\n", b"GET /health HTTP/9.9\r\nHost: h\r\n\r\n", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"POST /health HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n"):
        (answer,) = serve.say(raw)
        assert answer.status in (400, 413, 431) and answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Content-Security-Policy"] and answer.headers["X-Request-Id"], (raw[:50], answer)
    assert serve.raw("TRACE", "/health", headers={"X-Secret": "mirror-me"}).status == 405
    assert b"mirror-me" not in serve.raw("TRACE", "/health", headers={"X-Secret": "mirror-me"}).body


def test_api8_errors_tell_nothing_of_the_inside(serve):
    for answer in (serve.call("GET", "/v1/calls/'%22%3b--", status=404), serve.call("POST", "/v1/sessions", b"{", status=400), serve.call("POST", "/v1/sessions", b'{"id":1}', status=400), serve.call("GET", "/v1/calls?limit=x", status=400),
                   serve.call("POST", "/v1/calls", {"userId": "ann"}, timeout=60), serve.call("GET", "/v1/scenarios/none", status=404), serve.call("POST", "/v1/sessions", b"\xff", status=400), serve.call("POST", "/v1/sessions", {"userId": "a", "assignmentId": "none"}, status=404)):
        for word in PRIVATE:
            assert word not in answer.body.decode(), answer
    assert serve.call("POST", "/v1/sessions", b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"}, status=415)
    assert serve.call("POST", "/v1/sessions", b'{"userId":"ann"}', headers={"Content-Type": "text/plain"}, status=415)  # no preflight is needed for that


def test_api8_a_store_that_fails_is_not_described(start):
    serve = start()
    with sqlite3.connect(serve.store, timeout=20) as store:
        store.execute("DROP TABLE turns")
        store.execute("ALTER TABLE sessions RENAME TO elsewhere")
    for path in ("/v1/sessions", "/v1/sessions/a"):
        failed = serve.call("GET", path)
        assert failed.status in (500, 503)
        for word in (*PRIVATE, "no such table", "sessions", str(serve.folder)):
            assert word not in failed.error["message"] + failed.error.get("hint", ""), failed


# ---- API9:2023 Improper inventory management ----

@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/calls/", "//v1/calls", "/v1//calls", "/V1/calls", "/v1/Calls", "/v1/../v1/calls", "/v1/./calls", "/%2e%2e/v1/calls", "/v1/%63alls", "/v1%2fcalls", "/v1/calls;x=1", "/v1/calls%00", "/v1/calls%20", "/v1/calls.json",
                                  "/v1/calls/1/transcript/", "/v1/calls/1//transcript", "/v1/calls//transcript", "/v2/calls", "/v0/calls", "/api/v1/calls", "/api/internal/", "/api/internal/scenarios", "/api/internal/calls", "/admin", "/debug", "/debug/pprof/", "/metrics/", "/health/", "/healthz",
                                  "/.env", "/.git/config", "/swagger", "/swagger.json", "/docs", "/openapi.yaml", "/openapi.json/", "/graphql", "/favicon.ico", "/page.html", "/index.html", "/login/", "/static/../page.js", "/v1/sessions/a/transcript/b", "/v1/webhooks", "/v1/webhooks/livekit/", "/v1/webhooks/stripe",
                                  "/actuator/health", "/server-status", "/%", "/%zz", "/\\..\\", "/v1/calls/%", "/v1/calls/%zz", "/v1/calls/%c0%af"])
def test_api9_nothing_answers_that_is_not_in_the_document(serve, path):
    for who in (AS_SERVICE, NOBODY):
        for method in ("GET", "POST"):
            answer = serve.raw(method, path, headers=who)
            assert answer.status == 404, (method, path, answer)
            assert "no such path" in answer.error["message"]


# ---- API10:2023 Unsafe consumption of APIs ----

class HostileModel:
    """Answers by whatever bytes it is told."""

    def __init__(self):
        self.status, self.kind, self.body, self.asked, model = 200, "text/event-stream", b"", 0, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                model.asked += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(model.status)
                self.send_header("Content-Type", model.kind)
                self.end_headers()
                try:
                    for piece in model.body if isinstance(model.body, list) else [model.body]:
                        self.wfile.write(piece)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def said(text):
    return b"data: " + (json.dumps({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}) if isinstance(text, str) else text).encode() + b"\n\n"


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    model, folder = HostileModel(), tmp_path_factory.mktemp("judged")
    (folder / "key").write_text("sk-of-the-hostile-model\n")
    (folder / "judge.yaml").write_text(f"name: judged\nstt: {{provider: pocketsphinx}}\nllm: {{provider: openai, model: judge, base_url: 'http://127.0.0.1:{model.server.server_port}/v1', api_key_file: {folder}/key, retries: 0}}\ntts: {{provider: flite, voice: slt}}\n")
    serve = serving.Serve(folder / "serve", "--agent", folder / "judge.yaml")
    yield serve, model
    model.server.shutdown()
    model.server.server_close()
    assert serve.stop() == 0
    assert "sk-of-the-hostile-model" not in serve.log.read_text()


END = b"data: [DONE]\n\n"


@pytest.mark.parametrize("name,body", [
    ("nothing", b""), ("no JSON", b"data: {\n\n" + END), ("HTML", b"<html>"), ("invalid UTF-8", b"data: \xff\xfe\n\n" + END), ("another schema", b'data: {"choices": 7}\n\n' + END), ("numbers for text", b'data: {"choices":[{"delta":{"content":7}}]}\n\n' + END),
    ("deep", b"data: " + b"[" * 100_000 + b"\n\n" + END), ("a line without end", [b"data: "] + [b"x" * 65536] * 200), ("huge", [said("x" * 60000)] * 1000 + [END]), ("an error", b'data: {"error": {"message": "the key sk-of-the-hostile-model is wrong"}}\n\n')])
def test_api10_answers_of_a_model_that_are_none(judged, name, body):
    serve, model = judged
    _, call = serve.held_call("ann")
    model.status, model.kind, model.body = 200, "text/event-stream", body
    memory = serve.resident_kb()
    answer = serve.call("POST", f"/v1/calls/{call['id']}/evaluation", {"criteria": ["was polite"]}, as_user("ann"), timeout=120)
    assert answer.status == 502, (name, answer)
    assert b"sk-" not in answer.body and serve.resident_kb() - memory < 128 * 1024, name
    serve.call("GET", "/health", who=NOBODY, status=200)


@pytest.mark.parametrize("verdict", ["{}", "[]", '{"summary": 7, "criteria": []}', '{"summary": "a", "criteria": [{"met": "yes", "reason": "b"}]}', '{"summary": "a", "criteria": []}', '{"summary": "a", "criteria": [{"met": true, "reason": "b"}, {"met": true, "reason": "b"}]}', '{"summary": "a", "criteria": [{"met": true, "reason": "b"}], "score": 1e999}'])
def test_api10_an_evaluation_of_another_form_is_none(judged, verdict):
    serve, model = judged
    _, call = serve.held_call("ann")
    model.status, model.kind, model.body, model.asked = 200, "text/event-stream", said(verdict) + END, 0
    answer = serve.call("POST", f"/v1/calls/{call['id']}/evaluation", {"criteria": ["was polite"]}, as_user("ann"), timeout=120)
    assert answer.status == 502 and model.asked == 5


def test_api10_words_of_a_model_are_shown_as_plain_text(judged):
    serve, model = judged
    _, call = serve.held_call("ann")
    model.status, model.kind, model.body = 200, "text/event-stream", said("<script>alert(1)</script>\x1b[2J\u202egnp\u0000 fine") + END
    summary = serve.call("POST", f"/v1/calls/{call['id']}/summary", who=as_user("ann"), status=200).data["summary"]
    assert not set("\x1b\x00\u202e") & set(summary) and "fine" in summary


# ---- raw bytes ----

def smuggled():
    hidden = f"GET /v1/calls HTTP/1.1\r\nHost: a\r\nX-Internal-Service-Key: {KEY}\r\n\r\n"
    length = len(hidden)
    first = "POST /v1/sessions HTTP/1.1\r\nHost: a\r\n"
    return {
        "CL.TE": first + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, "TE.CL": first + f"Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n" + hidden,
        "TE.TE": first + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden, "TE of another spelling": first + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
        "TE with a blank": first + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden, "TE of HTTP/1.0": "POST /v1/sessions HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
        "two lengths": first + f"Content-Length: 0\r\nContent-Length: {length}\r\n\r\n" + hidden, "a list of lengths": first + f"Content-Length: 0, {length}\r\n\r\n" + hidden, "a length with a sign": first + "Content-Length: +0\r\n\r\n" + hidden,
        "a length in hexadecimal": first + "Content-Length: 0x0\r\n\r\n" + hidden, "a chunk's size with a sign": first + "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + hidden, "a trailer": first + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Internal-Service-Key: x\r\n\r\n" + hidden,
        "a folded line": "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + hidden, "bare LF": first.replace("\r\n", "\n") + "Content-Length: 0\n\n" + hidden, "two Hosts": first + "Host: b\r\nContent-Length: 0\r\n\r\n" + hidden,
        "a whole address": "POST http://b/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" + hidden, "a NUL in a header": first + "X: a\0b\r\nContent-Length: 0\r\n\r\n" + hidden,
    }


@pytest.mark.parametrize("name", smuggled())
def test_a_hidden_request_is_not_answered(serve, name):
    answers = serve.say(smuggled()[name].encode())
    assert [one.status for one in answers] == [400], (name, answers)


def test_requests_in_a_row_are_each_their_own(serve):
    ask = lambda *headers, path="/v1/sessions", body="": "".join([f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: h\r\n", *(f"{one}\r\n" for one in headers), f"Content-Length: {len(body)}\r\n\r\n{body}"])
    service, user = f"X-Internal-Service-Key: {KEY}", "Authorization: Bearer " + token("carl")
    answers = serve.say((ask(service) + ask() + ask(user) + ask() + ask("Content-Type: application/json", user, body="{}") + ask("Content-Type: application/json", body='{"userId":"ann"}') + ask(path="/health")).encode())
    assert [one.status for one in answers] == [200, 401, 200, 401, 201, 401, 200], answers
    assert answers[2].data["sessions"] == [] and answers[4].data["userId"] == "carl"
    assert len({one.headers["X-Request-Id"] for one in answers}) == len(answers)


def test_pipelines_of_slow_answers_keep_their_order(serve):
    """The store answers later than /health does."""
    session, _ = serve.held_call("ann")
    one = f"GET /v1/sessions/{session['id']} HTTP/1.1\r\nHost: h\r\nX-Internal-Service-Key: {KEY}\r\nX-Request-Id: a\r\n\r\nGET /health HTTP/1.1\r\nHost: h\r\nX-Request-Id: b\r\n\r\n"
    answers = serve.say(one.encode() * 50, most=100)
    assert [answer.headers["X-Request-Id"] for answer in answers] == ["a", "b"] * 50


def mutated(pick, sent):
    """Some bytes of it otherwise."""
    sent = bytearray(sent)
    for _ in range(pick.randint(1, 6)):
        at = pick.randrange(len(sent) + 1)
        what = pick.randrange(7)
        if what == 0 and sent:
            sent[min(at, len(sent) - 1)] = pick.randrange(256)
        elif what == 1:
            sent[at:at] = bytes(pick.randrange(256) for _ in range(pick.randint(1, 8)))
        elif what == 2:
            del sent[at:at + pick.randint(1, 20)]
        elif what == 3:
            sent[at:at] = pick.choice([b"\r\n", b"\n", b"\0", b"%00", b"%", b"/../", b"\xff\xfe", b"Host: x\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"{", b"[" * 50, b'"', b"\\ud800", b"999999999999999999999", b"-1", b"1e999", b"null"])
        elif what == 4:
            end = at + pick.randint(1, 40)
            sent[at:at] = sent[at:end] * pick.randint(1, 3)
        elif what == 5:
            del sent[at:]
        else:
            other = pick.randrange(len(sent) + 1)
            sent[at:at + 4], sent[other:other + 4] = sent[other:other + 4], sent[at:at + 4]
    return bytes(sent)


def test_2000_requests_that_went_wrong(serve):
    pick = random.Random(20261122)
    session, call = serve.held_call("ann")
    who = [f"X-Internal-Service-Key: {KEY}\r\n", "Authorization: Bearer " + token("ann") + "\r\n", ""]
    seeds = [("GET", f"/v1/calls/{call['id']}/transcript?format=csv", ""), ("GET", "/v1/calls?limit=3&before=2026-01-02T03:04:05Z&status=completed", ""), ("POST", "/v1/sessions", '{"userId":"ann","id":"fuzz-1","callId":%d}' % call["id"]), ("GET", f"/v1/sessions/{session['id']}", ""),
             ("POST", f"/v1/sessions/{session['id']}/transcript", '{"attempt":2,"turns":[{"speaker":"user","text":"a\\u00e9","startedAt":"2026-01-02T03:04:05Z","detail":{"a":[1,2.5,null]}}]}'), ("PUT", "/v1/assignments/a", '{"userId":"ann"}'), ("PATCH", f"/v1/sessions/{session['id']}/finalize", "{}"),
             ("POST", f"/v1/calls/{call['id']}/evaluation", '{"criteria":["a","b"],"again":false}'), ("GET", f"/v1/calls/{call['id']}/recording", ""), ("GET", "/v1/scenarios/a", ""), ("GET", "/health", ""), ("POST", "/v1/webhooks/livekit", '{"event":"room_started","id":"EV_1","room":{"name":"a"}}'), ("OPTIONS", "/v1/calls", ""), ("POST", "/login", "key=a")]
    memory = serve.resident_kb()
    statuses = {}
    for number in range(2000):
        method, path, body = pick.choice(seeds)
        sent = f"{method} {path} HTTP/1.1\r\nHost: h\r\n{pick.choice(who)}Content-Type: application/json\r\nRange: bytes=0-9\r\nOrigin: http://localhost:3000\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        for answer in serve.say(mutated(pick, sent.encode()), most=20):
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            assert answer.status < 500 or answer.status == 501, (number, answer)
        if number % 100 == 0:
            assert serve.raw("GET", "/health", timeout=10).status == 200, number
            assert serve.process.poll() is None
    assert serve.raw("GET", "/health").status == 200 and serve.resident_kb() - memory < 64 * 1024
    assert {200, 400, 401, 404} <= set(statuses), statuses


STRANGE = ["' OR '1'='1", "'; DROP TABLE calls; --", '"; DELETE FROM sessions; --', "%' AND 1=2 UNION SELECT secret FROM keys --", "\\'; SELECT pg_sleep(10); --", "$1", "${7*7}", "{{7*7}}", "%s%n%x", "../../etc/passwd", "<script>alert(1)</script>", "a\u0000b", "\u202etxt.exe", "\U0001f600\U0001d49c",
           "\ufeffbom", "\ud7ff\ue000", "e\u0301", "\x7f\x1b[31m", "line\r\nSet-Cookie: a=b", "\u2028", "0", "-1", "null", "true", "NaN", "a" * 128, " ", "\t"]


@pytest.mark.parametrize("text", STRANGE, ids=range(len(STRANGE)))
def test_text_of_any_kind_comes_back_or_is_refused(serve, text):
    plain = "\u0000" not in text
    session, _ = serve.held_call("ann")
    refused = serve.call("POST", "/v1/sessions", {"userId": "u", "assignmentId": text})
    assert refused.status in (400, 404)
    if serve.call("PUT", "/v1/assignments/" + urllib.parse.quote(text, safe=""), {"userId": text}).status == 200:
        made = serve.call("POST", "/v1/sessions", {"userId": text, "assignmentId": text})
        assert made.status in (200, 201) and made.data["userId"] == text and made.data["assignmentId"] == text
        listed = serve.call("GET", "/v1/sessions?userId=" + urllib.parse.quote(text, safe=""), status=200).data["sessions"]
        assert made.data["id"] in [one["id"] for one in listed] and {one["userId"] for one in listed} == {text}, "the filter is no pattern"
        assert serve.call("GET", "/v1/sessions/" + made.data["id"], status=200).data["userId"] == text
    made = serve.call("POST", "/v1/sessions", {"userId": "u", "id": "x" + text[:100]})
    if made.status in (200, 201) and plain:
        found = serve.call("GET", "/v1/sessions/" + urllib.parse.quote("x" + text[:100], safe=""))
        assert found.status == 404 or found.data["id"] == "x" + text[:100]
    turn = {"speaker": "user", "text": text, "identity": text, "detail": {"a": text, text: 1}}
    stored = serve.call("POST", f"/v1/sessions/{session['id']}/transcript", {"agentName": text, "turns": [turn]}, status=200)
    assert stored.data["agentName"] == (text if plain else text.replace("\u0000", "\ufffd"))
    (kept,) = serve.call("GET", f"/v1/sessions/{session['id']}/transcript", status=200).data["turns"]
    assert kept["text"] == kept["identity"] == (text if plain else text.replace("\u0000", "\ufffd"))
    assert kept["detail"]["a"] == text or not plain
    for form in ("jsonl", "csv", "md", "txt", "srt", "vtt"):
        serve.call("GET", f"/v1/calls/{stored.data['id']}/transcript?format={form}", status=200)
    for query in ("room", "agent"):
        found = serve.call("GET", f"/v1/calls?{query}=" + urllib.parse.quote(text, safe=""))
        assert found.status in (200, 400)
    assert serve.call("GET", "/v1/calls?limit=1", status=200).data["calls"], "everything is still there"
