"""e2e-call on the built binary: a good call passes, and every way in which a call can be bad is found and named."""
import json
import os
import signal
import sqlite3
import subprocess
import time

import parts
import pytest

AGENT = """
name: {name}
greeting: {greeting}
stt: {{provider: pocketsphinx, phrases: ["when are you open", "where are you", "goodbye"]}}
llm: {{provider: script, rules: [{{match: "open", answer: "{answer}"}}], default: "{default}"}}
tts: {{provider: flite, voice: slt}}
"""
GREETING = "Good morning, this is the city library. What can I do for you?"
ANSWER = "We are open from nine in the morning until six in the evening."
QUESTION = ["--say", "When are you open?"]


def agent_yaml(name="library", greeting=GREETING, answer=ANSWER, default="I do not know."):
    return AGENT.format(name=name, greeting=json.dumps(greeting), answer=answer, default=default)


def call(server, *flags, env=None, timeout=150):
    return parts.voicectl("e2e-call", *flags, "--json", env={**server.environment(), **(env or {})}, timeout=timeout)


def states(result):
    return {check["id"]: check["state"] for check in result.json["checks"]}


@pytest.fixture
def own_temp(tmp_path):
    """A folder for temporary files that no call beside this one uses."""
    folder = tmp_path / "temp"
    folder.mkdir()
    return folder


def children_of(pid):
    try:
        return [int(child) for child in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    except OSError:
        return []


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_local_call_is_proven_and_leaves_nothing_behind(voicectl, tmp_path, own_temp):
    store = tmp_path / "mine.db"
    result = voicectl("e2e-call", "--local", "--json", "--store", store, "--record", tmp_path / "audio", "--record-egress=s3", env={"TMPDIR": str(own_temp)}, timeout=180)
    assert result.code == 0, result
    report = result.json
    assert report["schemaVersion"] == 1 and report["passed"]
    assert all(check["state"] == "passed" for check in report["checks"])
    turns = [check for check in report["checks"] if check["id"].startswith("latency_")]
    assert len(turns) >= 2
    assert all(0 < check["evidence"]["latencyMs"] < 5000 for check in turns)
    assert {path.name for path in (tmp_path / "audio").iterdir()} == {"agent.wav", "caller.wav", "call.wav", f"{report['room']}.ogg"}
    recorded = {check["id"]: check["evidence"] for check in report["checks"]}
    assert recorded["egress_heard"]["channels"] == 2 and recorded["egress_heard"]["correlation"] < 0.5, recorded["egress_heard"]
    location = recorded["egress_complete"]["location"]
    assert location.startswith("http://127.0.0.1:") and location.endswith(f"/recordings/{report['room']}.ogg")
    assert (tmp_path / "audio" / f"{report['room']}.ogg").stat().st_size == recorded["egress_complete"]["bytes"]
    checked = parts.voicectl("egress", "check", tmp_path / "audio" / f"{report['room']}.ogg", "--channels", "2", "--channels-differ")
    assert checked.code == 0, checked
    held = parts.voicectl("webhook", "list", "--recordings", "--store", store, "--json").json["recordings"]
    assert [(one["location"], one["status"]) for one in held] == [(recorded["egress_complete"]["location"], "EGRESS_COMPLETE")], held
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "audio").iterdir()} == {0o600}
    assert parts.voicectl("transcript", "list", "--store", store, "--get", "/transcripts/*/callerIdentity").out == "e2e-caller\n"
    assert not list(own_temp.iterdir())


def test_each_step_prints_one_line_as_it_happens(voicectl, tmp_path):
    process = subprocess.Popen([parts.voicectl_path(), "e2e-call", "--local", "--record-egress", "--record", tmp_path / "audio"], env=parts.clean_environment(), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    lines = [(time.monotonic(), line) for line in process.stdout]
    assert process.wait(10) == 0, process.stderr.read()
    assert all(line.startswith("✓ ") for _, line in lines[:-1])
    assert lines[-1][1].startswith("passed: ") and any("agent left, caller right" in line for _, line in lines)
    assert [(one.name, one.stat().st_mode & 0o777) for one in (tmp_path / "audio").glob("*.ogg")][0][1] == 0o600
    assert lines[-1][0] - lines[0][0] > 5  # not all at the end


def test_a_deployment_is_called_by_agent_name(server, agents):
    agent = agents(server, agent_yaml())
    result = call(server, "--agent", "library", *QUESTION, "--expect", ANSWER, "--store", agent.store)
    assert result.code == 0, result
    assert states(result)["transcript"] == "passed"


def test_a_room_that_was_there_stays(server, agents, voicectl):
    agents(server, agent_yaml(name="keeper"))
    assert voicectl("room", "create", "kept-room", env=server.environment()).code == 0
    result = call(server, "--room", "kept-room", "--agent", "keeper", *QUESTION)
    assert result.code == 0, result
    assert "room_deleted" not in states(result)
    assert voicectl("room", "get", "kept-room", env=server.environment()).code == 0
    voicectl("room", "delete", "kept-room", "--yes", env=server.environment())


def test_no_agent_registered(server):
    result = call(server, "--agent", "nobody", *QUESTION, "--join-timeout", "2s")
    assert result.code == 3, result
    assert states(result)["agent_joined"] == "failed"
    assert states(result)["answer_1"] == "not_run"
    assert states(result)["room_deleted"] == "passed"
    assert "agent_joined" in result.err and "nobody" in result.err


def test_an_agent_that_stays_silent(server, agents):
    agents(server, agent_yaml(name="silent", greeting="", answer="", default=""))
    result = call(server, "--agent", "silent", *QUESTION, "--answer-timeout", "4s")
    assert result.code == 3, result
    assert states(result)["greeting"] == "failed"
    result = call(server, "--agent", "silent", "--no-greeting", *QUESTION, "--answer-timeout", "4s")
    assert result.code == 3, result
    assert states(result)["answer_1"] == "failed"


def test_a_wrong_answer(server, agents):
    agents(server, agent_yaml(name="wrong", answer="Our address is twelve market street, next to the church."))
    result = call(server, "--agent", "wrong", *QUESTION, "--expect", ANSWER)
    assert result.code == 3, result
    assert states(result)["answer_1"] == "failed"
    assert "expected" in result.err and "heard" in result.err
    # Without an expectation any answer will do.
    assert call(server, "--agent", "wrong", *QUESTION).code == 0


def test_a_greeting_cut_short(server, agents):
    agents(server, agent_yaml(name="hasty", greeting="Good morning, this is the city"))
    result = call(server, "--agent", "hasty", "--greeting", GREETING, *QUESTION)
    assert result.code == 3, result
    assert states(result)["greeting"] == "failed"


def test_a_store_that_lost_a_turn(server, agents):
    agent = agents(server, agent_yaml(name="forgetful"))
    with sqlite3.connect(agent.store, timeout=10) as store:
        store.execute("CREATE TRIGGER lose BEFORE INSERT ON turns WHEN NEW.sequence = 1 BEGIN SELECT RAISE(IGNORE); END")
    result = call(server, "--agent", "forgetful", *QUESTION, "--store", agent.store)
    assert result.code == 3, result
    assert states(result)["answer_1"] == "passed"
    assert states(result)["transcript"] == "failed"


def test_a_server_that_dies_in_mid_call(own_server, agents):
    agents(own_server, agent_yaml(name="orphan"))
    process = subprocess.Popen([parts.voicectl_path(), "e2e-call", "--agent", "orphan", *QUESTION], text=True,
                               env=parts.clean_environment(own_server.environment()), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stdout:
        if "greeting" in line:
            own_server.kill()
            break
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, out + err
    assert "✗" in out and "connection" in out + err


def test_a_wrong_secret(server):
    secret = "wrong-secret-wrong-secret-wrong-secret-1"
    result = call(server, "--agent", "any", *QUESTION, env={"LIVEKIT_API_SECRET": secret})
    assert result.code == 4, result
    error = json.loads(result.err.strip().splitlines()[-1])["error"]
    assert error["code"] == "auth" and error["hint"]
    for output in (result.out, result.err):
        assert secret not in output and "eyJ" not in output


def test_an_unreachable_server(server):
    began = time.monotonic()
    result = parts.voicectl("e2e-call", "--agent", "any", *QUESTION,
                            env={**server.environment(), "LIVEKIT_URL": f"ws://127.0.0.1:{parts.free_port()}"})
    assert result.code == 7, result
    assert time.monotonic() - began < 20
    assert "hint:" in result.err


def test_a_missing_core_names_the_script_that_installs_it(server):
    result = parts.voicectl("e2e-call", "--agent", "any", *QUESTION,
                            env={**server.environment(), "VOICECTL_LIVEKIT_CORE": "/nowhere/liblivekit_ffi.so"})
    assert result.code == 1, result
    assert "scripts/setup" in result.err


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_stops_everything(number, code, own_temp):
    process = subprocess.Popen([parts.voicectl_path(), "e2e-call", "--local"], text=True, env=parts.clean_environment({"TMPDIR": str(own_temp)}),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    children = []
    for line in process.stdout:
        if "agent joined" in line:
            children = children_of(process.pid)
            process.send_signal(number)
            break
    out, err = process.communicate(timeout=30)
    assert process.returncode == code, out + err
    assert len(children) == 2
    assert not any(alive(child) for child in children)
    assert not list(own_temp.iterdir())


def test_a_bad_configuration_is_told_before_anything_runs(voicectl, tmp_path):
    config = tmp_path / "bad.yaml"
    config.write_text(agent_yaml() + "turn: {end_of_turn: soon}\n")
    result = voicectl("e2e-call", "--local", "--agent-config", config, *QUESTION)
    assert result.code == 2, result
    assert "bad.yaml:7" in result.err and "end_of_turn" in result.err


@pytest.mark.parametrize("flags,word", [
    ([], "--agent"),
    (["--agent", "x"], "--say"),
    (["--agent", "x", "--expect", "y"], "--expect"),
    (["--local", "--room", "x"], "--room"),
    (["--agent", "x", "--say", "hello", "--answer-timeout", "0s"], "--answer-timeout"),
    (["--agent", "x", "--say", "missing.wav"], "missing.wav"),
    (["--agent", "x", "--script", "missing.yaml"], "missing.yaml"),
    (["--agent", "x", "--say", "/nowhere/my file.wav"], "my file.wav"),
    (["--agent", "x", "--say", "x.mp4"], "x.mp4"),
    (["--agent", "x", "--say", " "], "--say"),
    (["--agent", "x", "--say", "hello", "--expect", " "], "--expect"),
    (["--agent", "x", "--say", "hello", "--tolerance", "nan"], "--tolerance"),
    (["--agent", "x", "--say", "hello", "--no-greeting", "--greeting", "hi"], "--no-greeting"),
    (["--agent", "x", "--say", "hello", "--voice", "elvis"], "elvis"),
])
def test_wrong_flags_are_refused_at_once(flags, word, server):
    result = parts.voicectl("e2e-call", *flags, env=server.environment())
    assert result.code == 2, result
    assert word in result.err
    assert result.out == ""


def test_a_protected_profile_wants_its_name(server, tmp_path):
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    made = parts.voicectl("profile", "add", "live", "--protected", "--url", server.url, "--api-key", server.key, "--secret-stdin", env=env, stdin=server.secret)
    assert made.code == 0, made
    result = parts.voicectl("e2e-call", "--agent", "nobody", *QUESTION, env=env)
    assert result.code == 2 and "--confirm live" in result.err and result.out == "", result


def test_an_unreachable_server_in_rows_and_names(server):
    env = {**server.environment(), "LIVEKIT_URL": f"ws://127.0.0.1:{parts.free_port()}"}
    names = parts.voicectl("e2e-call", "--agent", "x", *QUESTION, "-o", "name", env=env)
    assert names.code == 7 and names.out.splitlines()[0] == "room" and "joined" in names.out.splitlines(), names
    rows = parts.voicectl("e2e-call", "--agent", "x", *QUESTION, "-o", "tsv", env=env)
    assert rows.out.splitlines()[0].split("\t")[:2] == ["room", "failed"], rows
