"""call start, status and end on the built binary, against a real server and real agents."""
import asyncio
import json
import signal
import subprocess

import parts
import pytest
from livekit import api, rtc

USER = "0b1f6c2e-7a53-4c3e-9d1c-2f6d0c7f1a11"
YAML = parts.AGENT


def call(server, *words, **options):
    return parts.voicectl("call", *words, env=server.environment(), **options)


def rooms(server):
    return [room["name"] for room in parts.voicectl("room", "list", "--json", env=server.environment()).json["rooms"]]


def room_metadata(server, name):
    shown = parts.voicectl("room", "get", name, "--json", env=server.environment())
    assert shown.code == 0, shown
    return shown.json["metadata"]


def dispatches(server, room):
    return parts.voicectl("dispatch", "list", room, "--json", env=server.environment()).json["dispatches"]


def test_a_call_starts_is_seen_and_ends(server, agents):
    agents(server, YAML.format(name="my_desk"))
    started = call(server, "start", "--agent", "my_desk", "--user", USER, "--scenario", USER, "--metadata", '{"language":"de"}', "--json")
    assert started.code == 0, started
    report = started.json
    room = report["room"]["name"]
    assert room.startswith(f"{USER}_my_desk-call_2") and report["room"]["created"] is True
    assert report["url"] == server.url and report["identity"] == USER and report["recording"] is None
    agent = report["agents"][0]
    assert agent["agentName"] == "my_desk" and agent["identity"].startswith("agent-") and 0 < agent["msToJoin"] < 20000
    wanted = {"userId": USER, "scenarioId": USER, "language": "de"}
    assert json.loads(room_metadata(server, room)) == wanted
    sent = dispatches(server, room)
    assert [one["id"] for one in sent] == [agent["dispatchId"]] and json.loads(sent[0]["metadata"]) == wanted

    unmet = call(server, "status", room, "--require", "agent,caller,recording")
    assert unmet.code == 3 and "caller, recording" in unmet.err and agent["identity"] in unmet.out, unmet

    async def be_there():
        place = rtc.Room()
        await place.connect(report["url"], report["token"])
        try:
            kinds = {one.identity: one.kind for one in place.remote_participants.values()}
            return kinds, await asyncio.to_thread(call, server, "status", room, "--require", "agent,caller", "--json")
        finally:
            await place.disconnect()

    kinds, status = asyncio.run(be_there())
    assert kinds == {agent["identity"]: rtc.ParticipantKind.PARTICIPANT_KIND_AGENT}
    assert status.code == 0, status
    assert status.json["user"] == USER and [one["identity"] for one in status.json["callers"]] == [USER]
    assert status.json["recording"]["state"] == "none"

    ended = call(server, "end", room, "--json")
    assert ended.code == 0, ended
    assert ended.json["calls"][0]["ended"] is True and ended.json["calls"][0]["dispatches"][0]["id"] == agent["dispatchId"]
    assert room not in rooms(server)
    assert call(server, "status", room).code == 5
    assert call(server, "end", room).code == 5


def test_an_agent_that_does_not_come_undoes_it_all(server):
    result = call(server, "start", "--agent", "nobody", "--user", USER, "--wait=1s")
    assert result.code == 8 and result.out == "", result
    assert "undone: dispatch AD_" in result.err and f"room {USER}_nobody-call_" in result.err and "NOT undone" not in result.err
    assert not [name for name in rooms(server) if "nobody" in name]


def test_one_agent_of_two_that_does_not_come_undoes_the_other_too(server, agents):
    agents(server, YAML.format(name="comes"))
    result = call(server, "start", "--room", "half", "--no-schema", "--agent", "comes", "--agent", "nobody", "--wait=3s")
    assert result.code == 8 and result.err.count("dispatch AD_") == 2, result
    assert "half" not in rooms(server)


def test_a_room_that_was_there_keeps_itself_and_its_metadata_when_a_call_fails(server):
    parts.voicectl("room", "create", "kept", "--metadata", '{"a":1}', env=server.environment())
    result = call(server, "start", "--room", "kept", "--user", USER, "--agent", "nobody", "--wait=1s")
    assert result.code == 8 and "metadata of room kept put back" in result.err, result
    assert room_metadata(server, "kept") == '{"a":1}'
    assert dispatches(server, "kept") == []
    good = call(server, "start", "--room", "kept", "--user", USER, "--agent", "nobody", "--no-wait", "--json")
    assert good.code == 0 and good.json["room"]["created"] is False, good
    assert json.loads(room_metadata(server, "kept")) == {"a": 1, "userId": USER}
    assert call(server, "end", "kept").code == 0


def test_metadata_that_cannot_be_merged_into_is_left_alone(server):
    parts.voicectl("room", "create", "words", "--metadata", "free text", env=server.environment())
    result = call(server, "start", "--room", "words", "--user", USER)
    assert result.code == 6 and room_metadata(server, "words") == "free text", result
    call(server, "end", "words")


def test_no_redis_is_no_reason_not_to_call(server):
    result = call(server, "start", "--room", "unrecorded", "--no-schema", "--record", "--json")
    assert result.code == 0 and result.seconds < 5, result
    recording = result.json["recording"]
    assert "redis required" in recording["error"] and recording["egressId"] is None and "Redis" in recording["hint"]
    assert recording["place"] == "file:recordings/{room_name}.ogg"
    assert "warning: the call is not recorded" in result.err
    assert "unrecorded" in rooms(server)
    call(server, "end", "unrecorded")


def test_no_egress_worker_is_no_reason_not_to_call(redis_server):
    result = call(redis_server, "start", "--room", "unrecorded", "--no-schema", "--record=file:x.mp3", "--json")
    assert result.code == 0, result
    assert "no egress worker" in result.json["recording"]["error"], result
    assert "unrecorded" in rooms(redis_server)
    assert call(redis_server, "status", "unrecorded", "--require", "recording").code == 3
    assert call(redis_server, "end", "unrecorded").code == 0


@pytest.mark.parametrize("words,field", [
    (["--user", "fred"], "userId is no UUID"),
    ([], "userId is missing"),
    (["--user", USER, "--assignment", "x"], "assignmentId"),
    (["--user", USER, "--metadata", '{"scenarioId":"x"}'], "scenarioId"),
])
def test_a_bad_field_is_named_and_nothing_is_made(server, words, field):
    result = call(server, "start", "--room", "never", *words)
    assert result.code == 2 and field in result.err and "hint:" in result.err, result
    assert "never" not in rooms(server)


def test_the_environment_can_be_taken_over_by_a_shell(server):
    name = "it's; echo $HOME"
    result = call(server, "start", "--room", name, "--no-schema", "--format", "env")
    assert result.code == 0, result
    seen = subprocess.run(["bash", "-c", 'eval "$1"; printf "%s|%s|%s" "$LIVEKIT_URL" "$LIVEKIT_ROOM" "${LIVEKIT_TOKEN:0:3}"', "-", result.out],
                          capture_output=True, text=True)
    assert seen.stdout == f"{server.url}|{name}|eyJ", seen
    assert call(server, "end", name).code == 0


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_undoes_what_was_made(server, number, code):
    room = f"stopped{code}"
    process = subprocess.Popen([parts.voicectl_path(), "call", "start", "--room", room, "--no-schema", "--agent", "nobody"], text=True,
                               env=parts.clean_environment(server.environment()), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    parts.wait_for(lambda: room in rooms(server) and dispatches(server, room), what="the dispatch")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code and out == "" and "undone: dispatch" in err, err
    assert room not in rooms(server)


def test_several_calls_end_at_once_and_what_was_absent_is_told(server):
    for name in ("end-a", "end-b"):
        assert call(server, "start", "--room", name, "--no-schema").code == 0
    result = call(server, "end", "end-a", "--stdin", "--json", stdin="end-b\n\nend-absent\n")
    assert result.code == 9, result
    assert {one["room"]: one["ended"] for one in result.json["calls"]} == {"end-a": True, "end-absent": False, "end-b": True}
    assert not {"end-a", "end-b"} & set(rooms(server))
    assert call(server, "end", "absent-1", "absent-2").code == 5
    assert call(server, "end", "--stdin", stdin="").code == 0


def test_a_person_called_like_an_agent_stays_a_person(server):
    assert call(server, "start", "--room", "people", "--no-schema").code == 0

    async def be_there():
        token = (api.AccessToken(server.key, server.secret).with_identity("agent-x").with_name("Fred AI")
                 .with_grants(api.VideoGrants(room_join=True, room="people")).to_jwt())
        place = rtc.Room()
        await place.connect(server.url, token)
        try:
            return await asyncio.to_thread(call, server, "status", "people", "--json")
        finally:
            await place.disconnect()

    status = asyncio.run(be_there())
    assert [one["identity"] for one in status.json["callers"]] == ["agent-x"] and status.json["agents"] == []
    call(server, "end", "people")


def test_no_secret_is_shown_when_a_call_fails(server):
    secret = "not-the-secret-not-the-secret-not-the"
    result = parts.voicectl("call", "start", "--room", "x", "--no-schema", env={**server.environment(), "LIVEKIT_API_SECRET": secret})
    assert result.code == 4 and "nothing had to be undone" in result.err, result
    assert secret not in result.err and "eyJ" not in result.err
