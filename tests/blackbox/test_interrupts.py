"""Ctrl-C ends every command that waits, at once, with 130 and nothing left behind."""
import signal
import subprocess
import time

import parts
import pytest


@pytest.fixture(scope="module")
def server():
    redis = parts.Redis()  # with it a recording waits for a worker that never comes
    one = parts.Server(redis)
    yield one
    one.stop()
    redis.stop()


@pytest.fixture
def room(server):
    name = "waits"
    parts.voicectl("room", "create", name, env=server.environment())
    yield name
    parts.voicectl("room", "delete", name, "--yes", env=server.environment())


WAITS = [
    "room create late --agent nobody --wait-agent=60s",
    "room list --watch=200ms",
    "room wait waits --for participants=9",
    "room wait waits --for gone",
    "room watch waits",
    "room join waits --identity ann",
    "room join waits --identity ann --record {folder}",
    "dispatch create waits --agent nobody --wait=60s",
    "call start --room waits --agent nobody --no-schema --wait=60s",
    "egress start --room waits --audio-only --out file:x.ogg",
    "egress list --watch=200ms",
    "doctor --agent nobody --agent-wait 60s",
    "e2e-call --room waits --agent nobody --say hello --join-timeout 60s",
]


@pytest.mark.parametrize("line", WAITS)
def test_ctrl_c_ends_the_wait(server, room, line, tmp_path):
    waiting = subprocess.Popen([parts.voicectl_path(), *line.format(folder=tmp_path).split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=parts.clean_environment(server.environment()))
    time.sleep(2)
    assert waiting.poll() is None, waiting.communicate()
    began = time.monotonic()
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=20)
    assert waiting.returncode == 130, (waiting.returncode, out, err)
    assert time.monotonic() - began < 5, err
    assert "terminate" not in err and "unexpected" not in err
