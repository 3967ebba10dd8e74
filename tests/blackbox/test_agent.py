"""agent run and agent check on the built binary, against a real server."""
import asyncio
import json
import signal
import subprocess
import time

import parts
import pytest
from livekit import api

YAML = """
name: {name}
greeting: Good morning, this is the city library. What can I do for you?
stt: {{provider: pocketsphinx, phrases: ["when are you open", "goodbye"]}}
llm: {{provider: script, rules: [{{match: "open", answer: "We are open from nine in the morning until six in the evening."}},
                               {{match: "goodbye", answer: "Thank you for calling and goodbye.", end_call: true}}], default: "I do not know."}}
tts: {{provider: flite, voice: slt}}
caller_return: 0s
"""


def events(agent):
    return [json.loads(line) for line in agent.log.read_text().splitlines() if line.startswith("{")]


def kinds(agent):
    return [event["event"] for event in events(agent)]


def call(server, name, *flags):
    return parts.voicectl("e2e-call", "--agent", name, "--say", "When are you open?", *flags, env=server.environment(), timeout=120)


def test_once_holds_one_call_and_ends(server, agents):
    agent = agents(server, YAML.format(name="once"), "--once")
    result = call(server, "once")
    assert result.code == 0, result
    assert agent.process.wait(15) == 0
    assert kinds(agent) == ["registered", "job_accepted", "job_started", "job_ended", "stopped"]
    assert not (agent.folder / "ready.json").exists()


def test_once_ends_with_exit_1_when_its_call_failed(server, agents):
    agent = agents(server, YAML.format(name="thrown-out"), "--once")
    sent = parts.voicectl("dispatch", "create", "once-room", "--agent", "thrown-out", "--wait", "--json", env=server.environment())
    assert sent.code == 0, sent
    identity = "agent-" + parts.wait_for(lambda: [event["job"] for event in events(agent) if event["event"] == "job_started"])[0]

    async def throw_out():
        async with api.LiveKitAPI(server.url.replace("ws", "http", 1), server.key, server.secret) as client:
            await client.room.remove_participant(api.RoomParticipantIdentity(room="once-room", identity=identity))

    asyncio.run(throw_out())
    assert agent.process.wait(15) == 1, agent.log.read_text()
    ended = [event for event in events(agent) if event["event"] == "job_ended"]
    assert len(ended) == 1 and ended[0]["ok"] is False
    parts.voicectl("room", "delete", "once-room", "--yes", env=server.environment())


def test_the_agent_hangs_up_after_a_goodbye(server, agents):
    agent = agents(server, YAML.format(name="polite"), "--once")
    result = parts.voicectl("e2e-call", "--agent", "polite", "--say", "Goodbye", "--expect", "thank you for calling and goodbye",
                            env=server.environment())
    assert agent.process.wait(15) == 0, result
    assert events(agent)[-2]["detail"] == "agent said goodbye"


def test_the_first_signal_drains_an_idle_agent(server, agents):
    agent = agents(server, YAML.format(name="idle"))
    assert agent.stop(signal.SIGINT) == 0
    assert kinds(agent) == ["registered", "draining", "stopped"]


def test_a_drain_lets_the_running_call_finish_and_takes_no_other(server, agents):
    agent = agents(server, YAML.format(name="draining"))
    process = subprocess.Popen([parts.voicectl_path(), "e2e-call", "--agent", "draining", "--say", "When are you open?"], text=True,
                               env=parts.clean_environment(server.environment()), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stdout:
        if "agent joined" in line:
            agent.process.send_signal(signal.SIGTERM)
            break
    refused = parts.voicectl("e2e-call", "--agent", "draining", "--say", "When are you open?", "--join-timeout", "2s", env=server.environment())
    assert refused.code == 3, refused
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    assert agent.process.wait(15) == 0


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_ends_the_call_at_once(server, agents, number, code):
    agent = agents(server, YAML.format(name=f"forced{code}"))
    process = subprocess.Popen([parts.voicectl_path(), "e2e-call", "--agent", f"forced{code}", "--say", "When are you open?"], text=True,
                               env=parts.clean_environment(server.environment()), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stdout:
        if "greeting" in line:
            break
    agent.process.send_signal(number)
    parts.wait_for(lambda: "draining" in kinds(agent), what="draining")
    began = time.monotonic()
    agent.process.send_signal(number)
    assert agent.process.wait(10) == code
    assert time.monotonic() - began < 3
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, out + err


def test_several_calls_at_once_in_one_process(server, agents):
    agents(server, YAML.format(name="many"))
    calls = [subprocess.Popen([parts.voicectl_path(), "e2e-call", "--agent", "many", "--say", "When are you open?", "--max-latency", "20s"],
                              text=True, env=parts.clean_environment(server.environment()), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
             for _ in range(3)]
    for process in calls:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err


def test_a_full_agent_refuses_and_says_so(server, agents):
    agent = agents(server, YAML.format(name="small"), "--max-calls", "1", "--processes", "1")
    process = subprocess.Popen([parts.voicectl_path(), "e2e-call", "--agent", "small", "--say", "When are you open?"], text=True,
                               env=parts.clean_environment(server.environment()), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stdout:
        if "agent joined" in line:
            break
    assert call(server, "small", "--join-timeout", "2s").code == 3
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    assert kinds(agent).count("job_started") == 1


def test_a_wrong_secret_ends_the_worker_with_exit_4_and_shows_no_secret(server, tmp_path):
    config = tmp_path / "agent.yaml"
    config.write_text(YAML.format(name="x"))
    secret = "another-secret-another-secret-another-1"
    result = parts.voicectl("agent", "run", config, "--store", tmp_path / "s.db", env={**server.environment(), "LIVEKIT_API_SECRET": secret})
    assert result.code == 4, result
    for output in (result.out, result.err):
        assert secret not in output and "eyJ" not in output


def test_what_callers_say_is_cut_in_the_log(server, agents):
    agent = agents(server, YAML.format(name="discreet"), "--log-format", "json")
    assert call(server, "discreet").code == 0
    said = [json.loads(line)["text"] for line in agent.log.read_text().splitlines() if '"agent said"' in line]
    assert said and all(len(text) <= 51 for text in said)


def test_the_transcript_can_be_read_by_the_transcript_commands(server, agents):
    agent = agents(server, YAML.format(name="scribe"))
    assert call(server, "scribe", "--room", "scribe-room", "--store", agent.store).code == 0
    shown = parts.voicectl("transcript", "show", "scribe-room", "--store", agent.store)
    assert shown.code == 0 and "when are you open" in shown.out, shown
    exported = parts.voicectl("transcript", "export", "scribe-room", "--format", "json", "--store", agent.store)
    turns = exported.json["turns"]
    assert [turn["speaker"] for turn in turns] == ["agent", "user", "agent"], exported


@pytest.mark.parametrize("change,line,word", [
    (("name: x", "name: x\ncolour: red"), 3, "colour"),
    (("provider: flite, voice: slt", "provider: flite, voice: elvis"), 7, "voice"),
    (("provider: flite, voice: slt", "provider: gramophone"), 7, "gramophone"),
    (("match: \"goodbye\"", "match: \"(goodbye\""), 6, "rules[1].match"),
    (("caller_return: 0s", "caller_return: later"), 8, "caller_return"),
])
def test_check_names_file_line_and_key(tmp_path, change, line, word):
    config = tmp_path / "agent.yaml"
    config.write_text(YAML.format(name="x").replace(*change))
    result = parts.voicectl("agent", "check", config)
    assert result.code == 3, result
    assert f"agent.yaml:{line}" in result.err and word in result.err
    result = parts.voicectl("agent", "check", config, "--json")
    assert result.json["valid"] is False and result.json["faults"][0]["line"] == line


def test_check_accepts_the_examples(voicectl):
    assert voicectl("agent", "check", parts.ROOT / "examples/receptionist.yaml").code == 0
    result = voicectl("agent", "check", parts.ROOT / "examples/openai.yaml", env={"OPENAI_API_KEY": ""})
    assert result.code == 3 and "OPENAI_API_KEY" in result.err
    assert voicectl("agent", "check", parts.ROOT / "examples/openai.yaml", env={"OPENAI_API_KEY": "sk-of-nobody"}).code == 0
    assert voicectl("agent", "check", parts.ROOT / "examples/tools.yaml", env={"BOOKING_KEY": "of-nobody"}).code == 0
    keys = {f"{name}_API_KEY": "of-nobody" for name in ("DEEPGRAM", "OPENAI", "ANTHROPIC", "ZYPHRA")}
    assert voicectl("agent", "check", parts.ROOT / "examples/failover.yaml", env=keys).code == 0


def test_a_missing_file_is_wrong_input(voicectl):
    assert voicectl("agent", "check", "/nowhere.yaml").code == 2
    assert voicectl("agent", "run", "/nowhere.yaml").code == 2


def test_a_ready_file_that_cannot_be_written_is_told_before_anything_connects(tmp_path):
    config = tmp_path / "agent.yaml"
    config.write_text(YAML.format(name="x"))
    nobody = {"LIVEKIT_URL": f"ws://127.0.0.1:{parts.free_port()}", "LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "a_secret_of_at_least_thirty_two_chars"}
    for path in (tmp_path / "absent" / "ready", tmp_path):
        result = parts.voicectl("agent", "run", config, "--ready-file", path, "--store", tmp_path / "s.db", env=nobody)
        assert result.code == 2 and "--ready-file" in result.err and result.seconds < 5, result
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent.yaml"]


def test_a_server_that_is_never_reached_is_exit_7_and_warned_of(tmp_path):
    config = tmp_path / "agent.yaml"
    config.write_text(YAML.format(name="x"))
    nobody = {"LIVEKIT_URL": f"ws://127.0.0.1:{parts.free_port()}", "LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "a_secret_of_at_least_thirty_two_chars"}
    result = parts.voicectl("agent", "run", config, "--once", "--log-format", "json", "--store", tmp_path / "s.db", env=nobody, timeout=60)
    assert result.code == 7 and 15 < result.seconds < 40 and "no registration" in result.err, result
    lost = [json.loads(line) for line in result.err.splitlines() if '"lost"' in line]
    assert lost and all(line["level"].lower().startswith("warn") for line in lost), lost


def test_check_tells_all_faults_at_once(tmp_path):
    (tmp_path / "file").write_text("x")
    config = tmp_path / "agent.yaml"
    config.write_text(YAML.format(name="x").replace("name: x", f"name: \"a\\nb\"\nstore: {tmp_path}/file/store.db\nmax_calls: 0")
                      .replace("voice: slt", "voice: elvis, speed: 99"))
    result = parts.voicectl("agent", "check", config, "--json")
    assert result.code == 3, result
    assert [fault["key"] for fault in result.json["faults"]] == ["name", "store", "max_calls", "tts.voice", "tts.speed"], result
