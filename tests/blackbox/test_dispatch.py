"""dispatch, and room list --watch and room create --egress, on the built binary: why an agent did not come, told apart on real parts."""
import asyncio
import json
import signal
import subprocess
import time

import aiohttp
import parts
import pytest
from livekit import api, rtc

YAML = parts.AGENT


def run(server, *words, **options):
    return parts.voicectl(*words, env=server.environment(), **options)


def dispatch(server, room, agent, *words):
    return run(server, "dispatch", "create", room, "--agent", agent, *words)


@pytest.fixture
def clean(own_server):
    """A server on which no other test's agents are to be seen."""
    return own_server


def agent_token(server, room, name, identity):
    return (api.AccessToken(server.key, server.secret).with_identity(identity).with_kind("agent").with_attributes({"lk.agent.name": name})
            .with_grants(api.VideoGrants(room_join=True, room=room, agent=True)).to_jwt())


def test_an_agent_that_comes_is_timed_to_its_audio(server, agents):
    agents(server, YAML.format(name="timed"))
    result = dispatch(server, "timed-room", "timed", "--wait", "--json")
    assert result.code == 0, result
    agent = result.json["agent"]
    assert 0 < agent["msToJoin"] <= agent["msToAudio"] < 10000
    run(server, "room", "delete", "timed-room")


def test_a_name_that_nobody_has(clean):
    result = dispatch(clean, "a", "nobody", "--wait=1s")
    assert result.code == 8 and "seen: nobody in the room, no job recorded" in result.err, result
    assert "no worker with that exact name" in result.err


def test_a_name_with_a_slip_of_the_pen(clean, agents):
    agents(clean, YAML.format(name="receptionist"))
    assert dispatch(clean, "a", "receptionist", "--wait").code == 0
    for slip in ("receptionst", "Receptionist", "recpetionist"):
        result = dispatch(clean, "b", slip, "--wait=1s")
        assert result.code == 8 and "an agent named 'receptionist' serves other rooms" in result.err, result


def test_a_worker_that_is_full(clean, agents):
    agents(clean, YAML.format(name="small"), "--max-calls", "1", "--processes", "1")
    assert dispatch(clean, "a", "small", "--wait").code == 0
    result = dispatch(clean, "b", "small", "--wait=2s")
    assert result.code == 8 and "'small' serves 1 other room here" in result.err and "full" in result.err, result


def test_a_worker_that_was_killed_after_joining_does_not_count_again(clean, agents):
    agent = agents(clean, YAML.format(name="mortal"))
    assert dispatch(clean, "a", "mortal", "--wait").code == 0
    agent.process.kill()
    agent.process.wait()
    result = dispatch(clean, "a", "mortal", "--wait=2s")
    assert result.code == 8 and "(AGENT, ACTIVE" in result.err, result  # the server has not missed the dead one yet


def test_an_agent_that_comes_and_leaves_again(clean):
    async def come_and_go():
        await asyncio.sleep(1)
        place = rtc.Room()
        await place.connect(clean.url, agent_token(clean, "a", "fickle", "agent-1"))
        await asyncio.sleep(1)
        await place.disconnect()

    async def both():
        waiting = asyncio.create_task(asyncio.to_thread(dispatch, clean, "a", "fickle", "--wait=20s"))
        await come_and_go()
        return await waiting

    result = asyncio.run(both())
    assert result.code == 8 and "left again" in result.err and "without publishing audio" in result.err and result.seconds < 15, result


def test_an_agent_without_audio_has_come_all_the_same(clean):
    async def both():
        waiting = asyncio.create_task(asyncio.to_thread(dispatch, clean, "a", "silent", "--wait=20s", "--json"))
        await asyncio.sleep(0.5)
        place = rtc.Room()
        await place.connect(clean.url, agent_token(clean, "a", "silent", "agent-1"))
        try:
            return await waiting
        finally:
            await place.disconnect()

    result = asyncio.run(both())
    assert result.code == 0 and result.json["agent"]["msToAudio"] is None and result.json["agent"]["msToJoin"] > 0, result


def test_a_worker_that_takes_the_job_and_never_joins(redis_server):
    server = redis_server

    async def take_the_job():
        token = api.AccessToken(server.key, server.secret).with_grants(api.VideoGrants(agent=True)).to_jwt()
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(server.url + "/agent", headers={"Authorization": f"Bearer {token}"}) as socket:
                await socket.send_json({"register": {"type": "JT_ROOM", "agentName": "taker", "version": "1"}})
                waiting = None
                while waiting is None or not waiting.done():
                    try:
                        message = json.loads((await socket.receive(timeout=0.3)).data)
                    except asyncio.TimeoutError:
                        continue
                    if "register" in message:
                        await socket.send_json({"updateWorker": {"status": "WS_AVAILABLE", "load": 0.1}})
                        waiting = asyncio.create_task(asyncio.to_thread(dispatch, server, "a", "taker", "--wait=9s"))
                    if "availability" in message:
                        job = message["availability"]["job"]["id"]
                        await socket.send_json({"availability": {"jobId": job, "available": True, "participantIdentity": f"agent-{job}"}})
                return await waiting

    result = asyncio.run(take_the_job())
    assert result.code == 8 and "job JS_" in result.err and "AW_" in result.err, result
    assert "took the job but did not join" in result.err


def test_a_deletion_can_wait_until_the_agent_is_gone(clean, agents):
    agents(clean, YAML.format(name="leaver"))
    made = dispatch(clean, "a", "leaver", "--wait", "--json")
    assert made.code == 0, made
    gone = run(clean, "dispatch", "delete", "a", made.json["id"], "--wait-gone")
    assert gone.code == 0, gone
    people = run(clean, "room", "get", "a", "--json").json["participants"]
    assert people == []


def test_an_agent_that_stays_after_its_dispatch_is_exit_8(clean):
    """One that joined by itself: the server has no job of it to end."""
    made = dispatch(clean, "a", "stayer", "--json")

    async def stay():
        place = rtc.Room()
        await place.connect(clean.url, agent_token(clean, "a", "stayer", "agent-1"))
        try:
            return await asyncio.to_thread(run, clean, "dispatch", "delete", "a", made.json["id"], "--wait-gone=2s")
        finally:
            await place.disconnect()

    result = asyncio.run(stay())
    assert result.code == 8 and "agent-1 is still in room" in result.err, result


def test_ids_come_from_standard_input_too(clean):
    ids = [dispatch(clean, "a", name, "--json").json["id"] for name in ("x", "y", "z")]
    result = run(clean, "dispatch", "delete", "a", ids[0], "--stdin", stdin=f"{ids[1]}\n\n{ids[2]}\n")
    assert result.code == 0, result
    assert run(clean, "dispatch", "list", "a", "--json").json["dispatches"] == []
    assert run(clean, "dispatch", "delete", "a", "--stdin", stdin="").code == 0
    assert run(clean, "dispatch", "delete", "a", "--stdin", stdin="AD_absent\n").code == 5


def test_watching_rooms_gives_one_object_per_look(clean):
    process = subprocess.Popen([parts.voicectl_path(), "room", "list", "--watch=200ms"], text=True, env=parts.clean_environment(clean.environment()),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = json.loads(process.stdout.readline())
    assert first["rooms"] == [] and first["time"]
    run(clean, "room", "create", "seen")
    end = time.monotonic() + 10
    while time.monotonic() < end and not (look := json.loads(process.stdout.readline()))["rooms"]:
        pass
    assert [room["name"] for room in look["rooms"]] == ["seen"]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
    done = subprocess.run(["bash", "-o", "pipefail", "-c", f"{parts.voicectl_path()} room list --watch=200ms | head -n 2 | wc -l"], capture_output=True, text=True,
                          env=parts.clean_environment(clean.environment()), timeout=20)
    assert done.stdout.strip() == "2" and done.stderr == "" and done.returncode == 0, done
    assert run(clean, "room", "list", "--watch=0").code == 2


def test_a_terminal_is_redrawn_while_watching(clean):
    run(clean, "room", "create", "seen")
    done = subprocess.run(["script", "-qec", f"timeout -s INT 2 {parts.voicectl_path()} room list --watch=500ms", "/dev/null"], capture_output=True, text=True,
                          env={**parts.clean_environment(clean.environment()), "TERM": "xterm"}, timeout=20)
    assert done.stdout.count("\x1b[H\x1b[J") >= 2 and "PARTICIPANTS" in done.stdout and '{"time"' not in done.stdout, done


def test_a_room_with_a_recording_that_nobody_takes(clean):
    result = run(clean, "room", "create", "recorded", "--egress", '{"room":{"audioOnly":true,"fileOutputs":[{"filepath":"x.ogg"}]}}', "--json")
    assert result.code in (0, 8) and "no egress worker took the recording" in result.err, result
    assert run(clean, "room", "get", "recorded").code == 0
    bad = run(clean, "room", "create", "other", "--egress", '{"room":{"colour":"red"}}')
    assert bad.code == 2 and "colour" in bad.err, bad
    assert run(clean, "room", "create", "other", "--egress", "@/nowhere.json").code == 2
    assert run(clean, "room", "get", "other").code == 5
