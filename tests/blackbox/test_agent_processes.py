"""Calls in processes of their own: what one that dies, a supervisor that dies, and a new configuration do to callers."""
import os
import pathlib
import signal
import subprocess
import time

import parts
import pytest

YAML = """
name: {name}
greeting: Good morning, this is the city library. What can I do for you?
back_again: Excuse me, I am back again.
stt: {{provider: pocketsphinx, phrases: ["when are you open", "goodbye"]}}
llm: {{provider: script, rules: [{{match: "open", answer: "We are open from nine until six."}}], default: "I do not know."}}
tts: {{provider: flite, voice: slt}}
max_calls: {calls}
"""


def people(server, room):
    seen = parts.voicectl("room", "participant", "list", room, "--json", env=server.environment())
    return {one["identity"]: one["sid"] for one in seen.json["participants"]} if seen.code == 0 else {}


def agent_of(server, room):
    return next(((identity, sid) for identity, sid in people(server, room).items() if identity.startswith("agent-")), None)


class Caller:
    """Somebody in the room for as long as the test wants."""

    def __init__(self, server, room):
        self.process = subprocess.Popen([parts.voicectl_path(), "room", "join", room, "--identity", "ann", "--create", "--subscribe", "audio", "-o", "jsonl"],
                                        env=parts.clean_environment(server.environment()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        parts.wait_for(lambda: "ann" in people(server, room), what="the caller")

    def leave(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


@pytest.fixture
def calls(server):
    """start(agent, room): a caller and the agent in a room, greeted. Everything is over afterwards."""
    callers, rooms = [], []

    def start(agent, room):
        callers.append(Caller(server, room))
        rooms.append(room)
        name = agent.name
        sent = parts.voicectl("dispatch", "create", room, "--agent", name, "--wait", "--json", env=server.environment())
        assert sent.code == 0, (sent, agent.log.read_text())
        parts.wait_for(lambda: agent.said(room), what="the greeting")
        return agent_of(server, room)

    yield start
    for caller in callers:
        caller.leave()
    for room in rooms:
        parts.voicectl("room", "delete", room, "--yes", env=server.environment())


def named(agents, server, name, calls=12, threshold="1"):
    """Machines that run tests are busy: load is no reason to refuse."""
    agent = agents(server, YAML.format(name=name, calls=calls), "--load-threshold", threshold)
    agent.name = name
    return agent


def test_a_call_outlives_its_process(server, agents, calls):
    agent = named(agents, server, "survivor")
    identity, sid = calls(agent, "survivor-room")
    (victim,) = agent.call_processes()
    began = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    parts.wait_for(lambda: (agent_of(server, "survivor-room") or (0, sid))[1] != sid, 5, "the agent back in its room")
    assert time.monotonic() - began < 5
    assert agent_of(server, "survivor-room")[0] == identity
    parts.wait_for(lambda: "Excuse me, I am back again." in agent.said("survivor-room"), what="an excuse")
    assert agent.said("survivor-room")[0].startswith("Good morning")
    assert len(agent.events("process_died")) == 1 and not agent.events("job_ended")
    assert len(agent.call_processes()) == 1 and victim not in agent.call_processes()


def test_other_calls_notice_nothing(server, agents, calls):
    agent = named(agents, server, "split", 1)
    first = calls(agent, "split-one")
    with_first = agent.call_processes()
    second = calls(agent, "split-two")
    assert len(agent.call_processes()) >= 3  # two with a call, one with room
    os.kill(with_first[0], signal.SIGKILL)
    parts.wait_for(lambda: (agent_of(server, "split-one") or first)[1] != first[1], 5, "the first call taken up")
    assert agent_of(server, "split-two") == second
    assert "Excuse me, I am back again." not in agent.said("split-two")


def test_a_process_that_has_carried_its_share_makes_room_for_another(server, agents, calls):
    agent = agents(server, YAML.format(name="recycled", calls=12) + "recycle_after: 2\n", "--load-threshold", "1")
    agent.name = "recycled"
    (first,) = agent.call_processes()
    calls(agent, "recycled-one")
    assert agent.call_processes() == [first]
    calls(agent, "recycled-two")
    parts.wait_for(lambda: len(agent.call_processes()) == 2, what="another process")
    calls(agent, "recycled-three")
    assert agent_of(server, "recycled-one") and agent_of(server, "recycled-two")  # what it carries goes on
    for room in ("recycled-one", "recycled-two"):
        parts.voicectl("room", "delete", room, "--yes", env=server.environment())
    parts.wait_for(lambda: first not in agent.call_processes(), what="the end of the first process")
    assert agent_of(server, "recycled-three") and not agent.events("process_died")


def test_a_call_that_kills_its_process_again_and_again_fails(server, agents, calls):
    agent = named(agents, server, "doomed")
    calls(agent, "doomed-room")
    end = time.monotonic() + 40
    while time.monotonic() < end and not agent.events("job_ended"):
        for pid in agent.call_processes():
            if agent_of(server, "doomed-room"):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
    (ended,) = agent.events("job_ended")
    assert ended["ok"] is False and "died" in ended["detail"]
    assert agent.process.poll() is None  # the next caller is served
    again = parts.voicectl("e2e-call", "--agent", "doomed", "--say", "When are you open?", env=server.environment(), timeout=120)
    assert again.code == 0, (again, agent.log.read_text())


def test_a_call_outlives_its_supervisor(server, agents, calls):
    agent = named(agents, server, "orphan")
    there = calls(agent, "orphan-room")
    (process,) = agent.call_processes()
    agent.process.kill()
    agent.process.wait()
    time.sleep(2)
    assert agent_of(server, "orphan-room") == there
    parts.voicectl("room", "delete", "orphan-room", "--yes", env=server.environment())
    parts.wait_for(lambda: not pathlib.Path(f"/proc/{process}").exists() or "Z" in pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1], what="the process ended")
    shown = parts.voicectl("transcript", "show", "orphan-room", "--store", agent.store, "--json")
    assert shown.json["status"] == "completed"


def test_a_host_that_was_killed_takes_its_calls_up_again(server, agents, calls):
    agent = named(agents, server, "phoenix")
    identity, sid = calls(agent, "phoenix-room")
    agent.kill_whole()
    agent.start()
    parts.wait_for(lambda: (agent_of(server, "phoenix-room") or (0, sid))[1] != sid, 10, "the agent back in its room")
    assert agent_of(server, "phoenix-room")[0] == identity
    parts.wait_for(lambda: "Excuse me, I am back again." in agent.said("phoenix-room"), what="an excuse")
    assert agent.said("phoenix-room")[0].startswith("Good morning")
    assert len(agent.events("job_taken_over")) == 1
    listed = parts.voicectl("transcript", "list", "--store", agent.store, "--json")
    assert len(listed.json["transcripts"]) == 1  # the same call


def test_another_host_takes_the_calls_of_one_that_was_killed(server, agents, calls):
    first = named(agents, server, "twin")
    identity, sid = calls(first, "twin-room")
    second = agents(server, YAML.format(name="twin", calls=12), store=first.store)
    first.kill_whole()
    parts.wait_for(lambda: (agent_of(server, "twin-room") or (0, sid))[1] != sid, 15, "the other agent in the room")
    assert agent_of(server, "twin-room")[0] == identity
    assert len(second.events("job_taken_over")) == 1


def test_a_call_that_nobody_waits_in_is_closed(server, agents, calls):
    agent = named(agents, server, "late")
    calls(agent, "late-room")
    agent.kill_whole()
    parts.voicectl("room", "delete", "late-room", "--yes", env=server.environment())
    agent.start()
    shown = lambda: parts.voicectl("transcript", "show", "late-room", "--store", agent.store, "--json").json
    parts.wait_for(lambda: shown()["status"] == "failed", 10, "the call closed")
    assert "killed" in shown()["reason"] and not agent.events("job_taken_over")


def test_a_hangup_reloads_for_calls_to_come(server, agents, calls):
    agent = named(agents, server, "reloaded")
    calls(agent, "reload-one")
    config = agent.folder / "agent.yaml"
    config.write_text(config.read_text().replace("Good morning, this is the city library.", "Good evening, this is the night desk."))
    agent.process.send_signal(signal.SIGHUP)
    parts.wait_for(lambda: "configuration reloaded" in agent.log.read_text(), what="the reload")
    calls(agent, "reload-two")
    assert agent.said("reload-two")[0].startswith("Good evening") and agent.said("reload-one")[0].startswith("Good morning")
    config.write_text("name: reloaded\n")
    agent.process.send_signal(signal.SIGHUP)
    parts.wait_for(lambda: "the old one stays" in agent.log.read_text(), what="the refusal")
    calls(agent, "reload-three")
    assert agent.said("reload-three")[0].startswith("Good evening")


def test_an_overloaded_machine_takes_no_call(server, agents):
    agent = named(agents, server, "busy", 12, "0.05")
    load = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    try:
        time.sleep(4)
        sent = parts.voicectl("dispatch", "create", "busy-room", "--agent", "busy", "--wait=3s", env=server.environment())
    finally:
        load.kill()
        load.wait()
    assert sent.code == 8, (sent, agent.log.read_text())
    assert not agent.events("job_started")
    parts.voicectl("room", "delete", "busy-room", "--yes", env=server.environment())


def test_a_configuration_that_cannot_work_ends_the_start(server, agents, tmp_path):
    config = tmp_path / "agent.yaml"
    config.write_text(YAML.format(name="broken", calls=12).replace("voice: slt", "voice: nobody"))
    done = parts.voicectl("agent", "run", str(config), env=server.environment(), timeout=30)
    assert done.code == 2 and "nobody" in done.err, done


def test_secrets_of_the_server_stay_with_the_supervisor(server, agents, calls):
    agent = named(agents, server, "sparing")
    calls(agent, "sparing-room")
    for pid in agent.call_processes():
        assert server.secret.encode() not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        assert server.secret.encode() not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
