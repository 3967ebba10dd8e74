"""Calls whose database is away: they go on, and what was said is in the transcript when it is back."""
import pathlib
import signal
import sqlite3
import subprocess

import parts
import pytest

YAML = """
name: {name}
greeting: Good morning, this is the city library.
stt: {{provider: pocketsphinx, phrases: ["when are you open"]}}
llm: {{provider: script, default: "I do not know."}}
tts: {{provider: flite, voice: slt}}
"""


@pytest.fixture
def caller(server):
    """caller(room): somebody in it, until the test is over."""
    inside = []

    def join(room):
        inside.append((room, subprocess.Popen([parts.voicectl_path(), "room", "join", room, "--identity", "ann", "--create", "--subscribe", "audio", "-o", "jsonl"],
                                              env=parts.clean_environment(server.environment()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)))

    yield join
    for room, process in inside:
        process.send_signal(signal.SIGINT)
        process.wait(10)
        parts.voicectl("room", "delete", room, "--yes", env=server.environment())


def test_a_call_without_its_database_goes_on_and_is_stored_when_it_is_back(server, agents, caller):
    agent = agents(server, YAML.format(name="forgetful"))
    spool = pathlib.Path(agent.store + ".spool")
    database = sqlite3.connect(agent.store, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")  # whoever asks waits 10 s and is refused
    caller("forgetful-room")
    sent = parts.voicectl("dispatch", "create", "forgetful-room", "--agent", "forgetful", "--wait", "--json", env=server.environment())
    assert sent.code == 0, (sent, agent.log.read_text())
    waiting = lambda: [line for file in spool.glob("*.jsonl") for line in file.read_text().splitlines()] if spool.exists() else []
    parts.wait_for(lambda: any("Good morning" in line for line in waiting()), 30, "the greeting in the spool")
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in spool.glob("*.jsonl"))
    assert not agent.events("process_died") and not agent.events("job_ended")

    database.execute("COMMIT")
    parts.wait_for(lambda: not list(spool.glob("*.jsonl")), 40, "the spool stored")
    assert agent.said("forgetful-room") == ["Good morning, this is the city library."]
    calls = database.execute("SELECT count(*) FROM calls").fetchone()
    assert calls == (1,)
    log = agent.log.read_text()
    assert "the database is away: writes wait in files" in log and "the database is back: what waited is stored" in log
