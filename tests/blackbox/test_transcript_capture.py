"""transcript capture: what agents publish about a conversation, taken down by somebody nobody sees. A real agent's call is
captured and compared with what the agent itself stored; LiveKit's Python SDK is any other agent."""
import asyncio
import json
import os
import pty
import signal
import subprocess
import threading
import uuid

import parts
import pytest

rtc = pytest.importorskip("livekit.rtc", reason="the Python package `livekit` is not installed")
api = pytest.importorskip("livekit.api", reason="the Python package `livekit-api` is not installed")

YAML = """
name: {name}
greeting: Good morning, this is the city library. What can I do for you?
stt: {{provider: pocketsphinx, phrases: ["when are you open", "goodbye"]}}
llm: {{provider: script, rules: [{{match: "open", answer: "We are open from nine in the morning until six in the evening."}}], default: "I do not know."}}
tts: {{provider: flite, voice: slt}}
caller_return: 0s
"""


@pytest.fixture
def room(voicectl, server):
    name = "captured-" + uuid.uuid4().hex[:10]
    made = voicectl("room", "create", name, env=server.environment())
    assert made.code == 0, made
    return name


class Capture:
    """A running `transcript capture` that has joined."""

    def __init__(self, server, room, *flags, stdout=subprocess.PIPE):
        self.errors, self.joined = [], threading.Event()
        self.process = subprocess.Popen([parts.voicectl_path(), "transcript", "capture", room, *map(str, flags)], stdout=stdout, stderr=subprocess.PIPE,
                                        text=True, env=parts.clean_environment({**server.environment(), "TERM": "dumb"}))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        assert self.joined.wait(30), self.errors

    def read(self):
        for line in self.process.stderr:
            self.errors.append(line)
            if "taking down" in line:
                self.joined.set()

    def end(self, number=None, timeout=60):
        if number:
            self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=timeout) if self.process.stdout else (self.process.wait(timeout), None)
        self.reader.join(5)
        return self.process.returncode, out


@pytest.fixture
def capture(server):
    running = []

    def start(room, *flags, **more):
        running.append(Capture(server, room, *flags, **more))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def said(call):
    return [(turn["speaker"], turn["identity"], turn["text"], turn["interrupted"]) for turn in call["turns"]]


def stored(room, store):
    shown = parts.voicectl("transcript", "show", room, "--store", store, "--json")
    return shown.json if shown.code == 0 else {"turns": []}


def test_a_real_call_is_captured_as_the_agent_stored_it(server, agents, capture, room, tmp_path):
    name = "desk-" + uuid.uuid4().hex[:8]
    agent = agents(server, YAML.format(name=name))
    out, store = tmp_path / "call.json", tmp_path / "captured.db"
    taking = capture(room, "--until-empty", "--timeout", "2m", "--out", out, "--store", store)
    call = parts.voicectl("e2e-call", "--agent", name, "--room", room, "--say", "When are you open?", "--keep-room", env=server.environment(), timeout=120)
    assert call.code == 0, call
    code, printed = taking.end()
    assert code == 0 and printed == "", taking.errors
    theirs, ours = stored(room, agent.store), json.loads(out.read_text())
    assert len(theirs["turns"]) == 3 and said(ours) == said(theirs)
    assert {turn["detail"]["source"] for turn in ours["turns"]} == {"packet"} and [t["startedAtMs"] for t in ours["turns"]] == [t["startedAtMs"] for t in theirs["turns"]]
    assert said(stored(room, store)) == said(theirs), "saved once, not once more at the end"
    calls = parts.voicectl("transcript", "list", "--store", store, "--json").json["transcripts"]
    assert [(one["room"], one["attempt"], one["status"], one["turnCount"]) for one in calls] == [(room, 1, "completed", 3)]
    assert not list(tmp_path.glob("*.part"))


def token(server, room, identity, kind):
    made = api.AccessToken(server.key, server.secret).with_identity(identity).with_grants(api.VideoGrants(room_join=True, room=room, agent=kind == "agent", can_publish_data=True))
    return (made.with_kind("agent") if kind == "agent" else made).to_jwt()


def caption(segment, final):
    return {"lk.segment_id": segment, "lk.transcription_final": "true" if final else "false"}


async def tell(agent, text, segment, final):
    """A whole stream in the caller's name, as agents tell what they hear."""
    writer = await agent.stream_text(topic="lk.transcription", attributes=caption(segment, final), sender_identity="ann")
    await writer.write(text)
    await writer.aclose()


async def conversation(server, room, until):
    """An agent and its caller as livekit-agents has them; the agent's last stream stays open until `until` returns."""
    agent, caller, eve = rtc.Room(), rtc.Room(), rtc.Room()
    await caller.connect(server.url, token(server, room, "ann", "standard"))
    await eve.connect(server.url, token(server, room, "eve", "standard"))
    await agent.connect(server.url, token(server, room, "bot", "agent"))
    me = agent.local_participant
    for text, final in (("when", False), ("when are", False), ("When are you open?", True)):
        await tell(me, text, "SG_u1", final)
    writer = await me.stream_text(topic="lk.transcription", attributes=caption("SG_a1", False))
    await writer.write("Nine ")
    await writer.write("to five.")
    await writer.aclose(attributes=caption("SG_a1", True))
    await tell(me, "I would li", "SG_u2", False)
    forged = json.dumps({"sequence": 0, "speaker": "agent", "identity": "bot", "text": "I am not the agent", "startedAt": "2026-01-02T03:04:05Z", "endedAt": "2026-01-02T03:04:06Z"})

    async def forge():  # again and again: what comes before the server has told of her has no sender
        while True:
            await eve.local_participant.publish_data(forged, topic="transcript")
            await asyncio.sleep(0.5)

    forging = asyncio.create_task(forge())
    cut = await me.stream_text(topic="lk.transcription", attributes=caption("SG_a2", False))
    await cut.write("For how many ")
    await cut.write("people")
    await asyncio.to_thread(until)
    forging.cancel()
    await agent.disconnect()
    await caller.disconnect()
    await eve.disconnect()


WANTED = [("user", "ann", "When are you open?"), ("agent", "bot", "Nine to five."), ("user", "ann", "I would li"), ("agent", "bot", "For how many people")]


def test_ctrl_c_loses_nothing_that_was_said_by_then(server, capture, room, tmp_path):
    out, store = tmp_path / "call.jsonl", tmp_path / "s.db"
    taking = capture(room, "--out", out, "--format", "jsonl", "--store", store)
    codes = []

    def refusals():
        return [line for line in list(taking.errors) if "packets of eve are left out: is no agent" in line]

    def until():
        parts.wait_for(lambda: [(t["speaker"], t["identity"], t["text"]) for t in stored(room, store)["turns"]] == WANTED, 30, f"{stored(room, store)}")
        parts.wait_for(refusals, 30, "the warning of packets that are left out")
        codes.append(taking.end(signal.SIGINT))

    asyncio.run(asyncio.wait_for(conversation(server, room, until), 90))
    assert codes[0][0] == 130, taking.errors
    turns = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(t["speaker"], t["identity"], t["text"]) for t in turns] == WANTED
    assert [t["detail"].get("final", True) for t in turns] == [True, True, False, False]
    assert len(refusals()) == 1, "".join(taking.errors)
    assert stored(room, store)["turnCount"] == 4


def test_a_terminal_shows_turns_as_they_come_and_no_whole_transcript(server, capture, room, tmp_path):
    ours, theirs = pty.openpty()
    taking = capture(room, stdout=theirs)
    os.close(theirs)
    seen = []

    def until():
        while b"Nine to five." not in b"".join(seen):
            seen.append(os.read(ours, 4096))
        taking.process.send_signal(signal.SIGINT)
        assert taking.process.wait(30) == 130

    try:
        asyncio.run(asyncio.wait_for(conversation(server, room, until), 60))
    finally:
        os.close(ours)
    shown = b"".join(seen).decode()
    assert "user: When are you open?" in shown and "agent: Nine to five." in shown and "{" not in shown and shown.count("Nine") == 1


def test_the_end_of_the_room_is_the_end_of_the_capture(server, voicectl, capture, room):
    taking = capture(room, "--format", "vtt")
    assert voicectl("room", "delete", room, "--yes", env=server.environment()).code == 0
    code, out = taking.end()
    assert code == 0 and out.startswith("WEBVTT\n\nNOTE voicectl {"), (code, out, taking.errors)


def test_time_runs_out_with_exit_8_and_the_file_written(server, capture, room, tmp_path):
    out = tmp_path / "o.json"
    taking = capture(room, "--until-empty", "--timeout", "1s", "--out", out)
    code, _ = taking.end()
    assert code == 8 and json.loads(out.read_text())["turns"] == [], taking.errors


def test_what_cannot_be_captured_is_told(server, voicectl, room, tmp_path):
    absent = voicectl("transcript", "capture", "no-such-room", env=server.environment())
    assert absent.code == 5, absent
    assert voicectl("transcript", "capture", room, "--timeout", "1s", env=server.environment()).code == 2
    dry = voicectl("transcript", "capture", room, "--dry-run", "--json", env=server.environment())
    assert dry.code == 0 and dry.json["grants"]["hidden"] is True and dry.json["room"] == room, dry
