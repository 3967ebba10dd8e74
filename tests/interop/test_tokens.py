"""Tokens across implementations: what voicectl mints, the real server takes and livekit-api verifies; what
livekit-api mints, voicectl verifies. Bad ones are refused by all."""
import datetime
import json
import urllib.error
import urllib.request

import pytest

api = pytest.importorskip("livekit.api", reason="the Python package `livekit-api` is not installed")


def server_says(server, path, token, body=None):
    request = urllib.request.Request(
        server.url.replace("ws://", "http://") + path, data=body,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


def may_join(server, token):
    return server_says(server, "/rtc/validate?protocol=9", token) == 200


def mint(voicectl, server, *flags):
    made = voicectl("token", "create", *flags, env=server.environment())
    assert made.code == 0, made
    return made.out.strip()


def test_a_token_of_ours_lets_its_holder_join_and_means_the_same_to_livekit_api(server, voicectl):
    token = mint(voicectl, server, "--role", "caller", "--room", "demo ü", "--identity", "ann", "--name", "Ann", "--attribute", "language=de",
                 "--metadata", '{"a":1}', "--agent", "receptionist=meta", "--valid-for", "10m")
    assert may_join(server, token)
    claims = api.TokenVerifier(server.key, server.secret).verify(token)
    assert (claims.identity, claims.name, claims.metadata) == ("ann", "Ann", '{"a":1}')
    assert claims.attributes == {"language": "de"}
    assert claims.video.room == "demo ü" and claims.video.room_join
    assert claims.video.can_publish and claims.video.can_subscribe and claims.video.can_publish_data
    assert claims.video.can_publish_sources == ["microphone"]
    assert not claims.video.room_admin and not claims.video.room_create
    assert claims.room_config.agents[0].agent_name == "receptionist"
    assert claims.room_config.agents[0].metadata == "meta"


@pytest.mark.parametrize("role", ["caller", "publisher", "agent", "observer", "recorder"])
def test_every_role_that_joins_is_taken_by_the_server(server, voicectl, role):
    assert may_join(server, mint(voicectl, server, "--role", role, "--room", "demo", "--identity", "ann"))


def test_the_admin_role_opens_the_server_api(server, voicectl):
    token = mint(voicectl, server, "--role", "admin")
    assert server_says(server, "/twirp/livekit.RoomService/ListRooms", token, b"{}") == 200
    assert not may_join(server, token)
    caller = mint(voicectl, server, "--role", "caller", "--room", "demo", "--identity", "ann")
    assert server_says(server, "/twirp/livekit.RoomService/ListRooms", caller, b"{}") == 401


def test_a_token_of_livekit_api_is_verified_and_explained(server, voicectl):
    token = (api.AccessToken(server.key, server.secret).with_identity("bob").with_name("Bob").with_kind("agent").with_attributes({"a": "b"})
             .with_grants(api.VideoGrants(room_join=True, room="demo", can_publish=False))
             .with_sip_grants(api.SIPGrants(call=True)).with_ttl(datetime.timedelta(minutes=5)).to_jwt())
    verdict = voicectl("token", "verify", "-", "--json", "--require", "join,room=demo,identity=bob", env=server.environment(), stdin=token + "\n")
    assert verdict.code == 0, verdict
    assert verdict.json["valid"] is True
    assert 290 <= verdict.json["secondsLeft"] <= 300
    assert verdict.json["claims"]["kind"] == "agent"
    grants = {one["grant"]: one["allows"] for one in verdict.json["grants"]}
    assert grants["roomJoin"] == 'join room "demo"'
    assert grants["canPublish"] == "not publish"
    assert "sip.call" in grants


def test_a_bad_token_is_refused_by_voicectl_server_and_livekit_api_alike(server, voicectl):
    grants = api.VideoGrants(room_join=True, room="demo")

    def token(key=server.key, secret=server.secret, ttl=300):
        return api.AccessToken(key, secret).with_identity("bob").with_grants(grants).with_ttl(datetime.timedelta(seconds=ttl)).to_jwt()

    good = token()
    changed = good[:-10] + ("A" if good[-10] != "A" else "B") + good[-9:]
    for bad, fault in [(token(secret="x" * 40), "bad_signature"), (token(key="nobody"), "wrong_key"), (token(ttl=-3600), "expired"),
                       (changed, "bad_signature"), ("not.a.token", "malformed")]:
        verdict = voicectl("token", "verify", bad, "--json", env=server.environment())
        assert verdict.code == 3, (fault, verdict)
        assert verdict.json["valid"] is False and verdict.json["fault"] == fault
        assert not may_join(server, bad)
        with pytest.raises(Exception):
            api.TokenVerifier(server.key, server.secret).verify(bad)


def test_neither_secret_nor_foreign_token_is_shown_when_a_check_fails(server, voicectl):
    bad = api.AccessToken(server.key, "x" * 40).with_identity("bob").to_jwt()
    verdict = voicectl("token", "verify", bad, env=server.environment())
    assert verdict.code == 3
    shown = verdict.out + verdict.err
    assert server.secret not in shown and bad not in shown and bad.rsplit(".", 1)[1] not in shown


@pytest.mark.parametrize("flags", [
    ["--valid-for=0s"], ["--valid-for=-5m"], ["--until", "2020-01-01T00:00:00Z"], ["--room", ""], ["--identity", ""]])
def test_a_senseless_token_is_not_minted(server, voicectl, flags):
    made = voicectl("token", "create", "--role", "caller", "--room", "demo", "--identity", "ann", *flags, env=server.environment())
    assert made.code == 2, made
    assert made.out == ""


def test_json_errors_are_one_object_on_stderr_with_stdout_empty(voicectl):
    made = voicectl("token", "create", "--list", "--json")
    assert made.code == 2 and made.out == ""
    error = json.loads(made.err)["error"]
    assert error["code"] == "usage" and error["exit"] == 2 and error["hint"]
