"""Limits and money (E9) on real calls: the budget, silence, how many calls one user may hold, and each call's report."""
import http.server
import json
import os
import signal
import sqlite3
import subprocess
import time
import urllib.request
import uuid

import parts
import pytest

YAML = """
name: {name}
greeting: Good morning.
stt: {{provider: pocketsphinx, phrases: ["when are you open"]}}
llm: {llm}
tts: {{provider: flite, voice: slt}}
caller_return: 0s
{more}
"""
SCRIPT = '{provider: script, rules: [{match: "open", answer: "We are open from nine until six."}], default: "I do not know."}'
GOODBYE = "Our money is spent. Goodbye."


class Model(parts.Web):
    """A chat-completions server that says what its answers took, as OpenAI does."""

    def __init__(self, text, tokens, late=0.0):
        self.requests = []
        model = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                model.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for event in ({"choices": [{"delta": {"content": text}, "finish_reason": None}]}, {"choices": [{"delta": {}, "finish_reason": "stop"}]},
                              {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": tokens, "prompt_tokens_details": {"cached_tokens": 600}}}):
                    if "usage" in event:
                        time.sleep(late)
                    self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
                self.wfile.write(b"data: [DONE]\n\n")

            def log_message(self, *_):
                pass

        self.listen(Handler)

    def yaml(self):
        return f"{{provider: openai, model: dear, base_url: 'http://127.0.0.1:{self.server.server_port}/v1'}}"


@pytest.fixture
def model():
    made = []

    def make(text, tokens, **more):
        made.append(Model(text, tokens, **more))
        return made[-1]

    yield make
    for one in made:
        one.stop()


# A dollar for 1000 tokens written; a tenth of a cent for 1000 read.
PRICES = "prices: {openai/dear: {per_million_input_tokens: 1, per_million_output_tokens: 1000, date: 2026-03-01}}"


def ended(agent, count=1):
    return parts.wait_for(lambda: len(agent.events("job_ended")) >= count and agent.events("job_ended"), 60, "the job's end")


def report(agent, room):
    shown = parts.voicectl("transcript", "show", room, "--store", agent.store, "--report", "--json")
    assert shown.code == 0, shown
    return shown.json


def metric(port, name):
    for line in urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode().splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    return None


def ask(server, name, room, *flags):
    """A caller who asks when it is open."""
    return parts.voicectl("e2e-call", "--agent", name, "--say", "When are you open?", "--room", room, *flags, env=server.environment(), timeout=120)


def test_a_spent_budget_ends_the_call_within_the_turn_with_a_goodbye(server, agents, model, tmp_path):
    dear = model("We are open from nine. This will not be said. Nor this.", 6000)
    port = parts.free_port()
    agent = agents(server, YAML.format(name="dear", llm=dear.yaml(), more=PRICES + f"\nlimits: {{budget_goodbye: '{GOODBYE}'}}\nreport_dir: {tmp_path}/reports"),
                   "--health", str(port))
    ask(server, "dear", "dear-room")
    (end,) = ended(agent)
    assert end["ok"] is True and end["detail"] == "budget spent: 6.001 of 5 USD", end
    assert dear.requests[0]["stream_options"] == {"include_usage": True}
    assert len(dear.requests) == 1
    last = agent.said("dear-room")[-1]
    assert last.endswith(GOODBYE) and "Nor this" not in last, last
    shown = report(agent, "dear-room")
    assert shown["reason"] == end["detail"] and shown["complete"] is True
    line = next(one for one in shown["costs"]["lines"] if one["stage"] == "llm")
    assert line == {"stage": "llm", "provider": "openai", "model": "dear", "estimated": False, "inputTokens": 1000, "cachedTokens": 600, "outputTokens": 6000,
                    "costUsd": "6.001", "priceDate": "2026-03-01", "priceSource": "the agent's file"}
    assert shown["costs"]["totalUsd"] == "6.001" and shown["costs"]["unknownPrices"] == []
    assert [one["kind"] for one in shown["events"]].count("limit") == 1
    assert json.loads((tmp_path / "reports" / f"{end['job']}.json").read_text()) == shown
    assert metric(port, 'voicectl_limit_ends_total{limit="budget"}') == 1
    assert metric(port, 'voicectl_cost_usd_total{provider="openai",stage="llm"}') == 6.001
    assert metric(port, 'voicectl_llm_tokens_total{kind="output",provider="openai"}') == 6000
    assert metric(port, "voicectl_calls_cost_usd") == 0  # no call runs any more


def test_a_cost_that_is_told_late_ends_the_call_within_the_turn_too(server, agents, model):
    """The answer is over for the caller's ear; its figures come seconds after its last word was made."""
    dear = model("We are open.", 6000, late=2.5)
    agent = agents(server, YAML.format(name="late", llm=dear.yaml(), more=PRICES + f"\nlimits: {{budget_goodbye: '{GOODBYE}'}}"))
    ask(server, "late", "late-room")
    (end,) = ended(agent)
    assert end["ok"] is True and end["detail"] == "budget spent: 6.001 of 5 USD", end
    assert len(dear.requests) == 1
    assert report(agent, "late-room")["costs"]["totalUsd"] == "6.001"


def test_a_warning_at_four_fifths_and_the_call_goes_on(server, agents, model):
    port = parts.free_port()
    agent = agents(server, YAML.format(name="warned", llm=model("We are open from nine until six.", 4500).yaml(), more=PRICES.replace("date", "per_minute: 0, date")),
                   "--health", str(port))
    caller = subprocess.Popen([parts.voicectl_path(), "e2e-call", "--agent", "warned", "--say", "When are you open?", "--room", "warned-room"],
                              env=parts.clean_environment(server.environment()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def cost():
        shown = parts.voicectl("agent", "status", "--health", str(port), "--json")
        return shown.json["callCosts"][0]["costUsd"] if shown.json["callCosts"] else None

    parts.wait_for(lambda: cost() == "4.501", 60, "the live cost")
    assert "4.501 USD" in parts.voicectl("agent", "status", "--health", str(port)).out
    caller.wait(60)
    (end,) = ended(agent)
    assert end["ok"] is True and "budget" not in end["detail"], end
    assert [event["detail"] for event in agent.events("budget_warning")] == ["4.501 of 5 USD"]
    assert metric(port, "voicectl_budget_warnings_total") == 1


class Silent:
    """Somebody in the room who hears and says nothing."""

    def __init__(self, server, room):
        self.process = subprocess.Popen([parts.voicectl_path(), "room", "join", room, "--identity", "ann", "--create", "--subscribe", "audio", "-o", "jsonl"],
                                        env=parts.clean_environment(server.environment()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def leave(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


def dispatch(server, agent, name, room, user=None, wait="15s"):
    metadata = json.dumps({"userId": user}) if user else "{}"
    return parts.voicectl("dispatch", "create", room, "--agent", name, f"--wait={wait}", "--metadata", metadata,
                          env={**server.environment(), "VOICECTL_STORE": agent.store}, timeout=60)


def test_a_caller_who_says_nothing_is_hung_up_on(server, agents):
    agent = agents(server, YAML.format(name="idle", llm=SCRIPT, more="limits: {idle: 3s, idle_goodbye: 'You are so quiet. Goodbye.'}"))
    caller = Silent(server, "idle-room")
    assert dispatch(server, agent, "idle", "idle-room").code == 0
    (end,) = ended(agent)
    caller.leave()
    assert end["detail"] == "the caller was silent for too long"
    assert agent.said("idle-room") == ["Good morning.", "You are so quiet. Goodbye."]


def test_the_longest_duration_is_told_to_the_caller(server, agents):
    agent = agents(server, YAML.format(name="brief", llm=SCRIPT, more="max_duration: 4s\nlimits: {duration_goodbye: 'Time is up.'}"))
    caller = Silent(server, "brief-room")
    assert dispatch(server, agent, "brief", "brief-room").code == 0
    (end,) = ended(agent)
    caller.leave()
    assert end["detail"] == "longest duration reached"
    assert agent.said("brief-room")[-1].endswith("Time is up.")


def delete(server, *rooms):
    for room in rooms:
        parts.voicectl("room", "delete", room, "--yes", env=server.environment())


def test_the_fourth_call_of_a_user_is_refused_on_any_machine(server, agents):
    port = parts.free_port()
    one = agents(server, YAML.format(name="cap-one", llm=SCRIPT, more=""), "--health", str(port))
    other = agents(server, YAML.format(name="cap-other", llm=SCRIPT, more=""), "--store", one.store)
    user = str(uuid.uuid4())
    for name, room in (("cap-one", "cap-1"), ("cap-other", "cap-2"), ("cap-one", "cap-3")):
        sent = dispatch(server, one, name, room, user)
        assert sent.code == 0, (sent, one.log.read_text(), other.log.read_text())
    for agent, name, room in ((other, "cap-other", "cap-4"), (one, "cap-one", "cap-5")):
        refused = dispatch(server, one, name, room, user, "3s")
        assert refused.code == 8 and "refused by the agent: user limit" in refused.err and "calls_per_user" in refused.err, refused
        assert [event["detail"] for event in agent.events("job_refused")] == ["user limit"]
    assert metric(port, 'voicectl_jobs_refused_total{reason="user limit"}') == 1
    assert dispatch(server, one, "cap-one", "cap-6", str(uuid.uuid4())).code == 0  # somebody else
    assert dispatch(server, one, "cap-one", "cap-7").code == 0  # nobody knows who
    delete(server, "cap-2")
    ended(other)
    assert dispatch(server, one, "cap-one", "cap-8", user).code == 0
    delete(server, *(f"cap-{i}" for i in range(1, 9)))


def test_what_a_crashed_host_held_is_free_after_its_time(server, agents):
    doomed = agents(server, YAML.format(name="cap-doomed", llm=SCRIPT, more="limits: {calls_per_user: 1}"))
    alive = agents(server, YAML.format(name="cap-alive", llm=SCRIPT, more="limits: {calls_per_user: 1}"), "--store", doomed.store)
    user = str(uuid.uuid4())
    assert dispatch(server, doomed, "cap-doomed", "cap-crash-1", user).code == 0
    doomed.kill_whole()
    refused = dispatch(server, doomed, "cap-alive", "cap-crash-2", user, "2s")
    assert refused.code == 8 and alive.events("job_refused"), refused
    rooms = iter(range(3, 100))
    parts.wait_for(lambda: dispatch(server, doomed, "cap-alive", f"cap-crash-{next(rooms)}", user, "2s").code == 0, 60, "a free place")
    delete(server, *(f"cap-crash-{i}" for i in range(1, next(rooms))))


def test_a_store_that_does_not_answer_in_time_costs_no_caller(server, agents):
    agent = agents(server, YAML.format(name="locked", llm=SCRIPT, more=""), "--dev", "--log-format", "json")  # its store is open
    lock = sqlite3.connect(agent.store, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    sent = dispatch(server, agent, "locked", "locked-room", str(uuid.uuid4()))
    lock.execute("ROLLBACK")
    lock.close()
    assert sent.code == 0, (sent, agent.log.read_text())
    assert "accepted without knowing" in agent.log.read_text()
    delete(server, "locked-room")


def test_a_killed_call_has_its_report_as_far_as_it_came(server, agents):
    agent = agents(server, YAML.format(name="killed", llm=SCRIPT, more="caller_timeout: 60s"), "--dev")
    caller = subprocess.Popen([parts.voicectl_path(), "e2e-call", "--agent", "killed", "--say", "When are you open?", "--room", "killed-room"],
                              env=parts.clean_environment(server.environment()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    parts.wait_for(lambda: len(agent.said("killed-room")) == 2, 60, "an answer")
    agent.process.kill()
    agent.process.wait()
    caller.wait(60)
    shown = report(agent, "killed-room")
    assert [turn["speaker"] for turn in shown["turns"]] == ["agent", "user", "agent"]
    assert shown["voicectl"] and shown["configuration"] == {"name": "killed", "file": "agent.yaml"}
    answer = shown["turns"][2]
    assert answer["latencies"]["answerLatencyMs"] > 0 and {one["stage"] for one in answer["stages"]} >= {"llm", "tts", "output", "speech"}
    assert 0 <= shown["turns"][0]["startMs"] < answer["startMs"] < answer["endMs"]
    assert {one["stage"] for one in answer["usage"]} == {"llm", "tts"} and answer["costUsd"] == "0"
    assert shown["costs"]["totalUsd"] == "0" and all(line["priceSource"] == "offline" for line in shown["costs"]["lines"])
    assert shown["usage"]["audioMs"] > 500 and shown["usage"]["characters"] > 20


def test_a_file_of_prices_that_is_broken_later_costs_no_call(server, agents, tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text("openai/dear: {per_minute: 1, date: 2026-03-01}\n")
    agent = agents(server, YAML.format(name="priced", llm=SCRIPT, more=f"prices: {prices}"))
    sent = dispatch(server, agent, "priced", "priced-1")
    assert sent.code == 0, sent  # the process is up
    prices.write_text("openai/dear: {per_minute: fr")
    for pid in agent.call_processes():
        os.kill(pid, signal.SIGKILL)
    parts.wait_for(lambda: agent.events("process_died"), what="a death")
    assert dispatch(server, agent, "priced", "priced-2").code == 0, agent.log.read_text()
    assert "prices are left out" in agent.log.read_text() and not agent.events("job_ended")
    prices.unlink()
    agent.process.send_signal(signal.SIGHUP)
    parts.wait_for(lambda: "the old one stays" in agent.log.read_text(), what="a refused reload")
    delete(server, "priced-1", "priced-2")


def test_check_warns_of_an_unknown_price_and_of_nothing_else(tmp_path):
    config = tmp_path / "agent.yaml"
    config.write_text(YAML.format(name="x", llm="{provider: openai, model: dear, base_url: 'http://127.0.0.1:1/v1'}", more=""))
    result = parts.voicectl("agent", "check", config, "--json")
    assert result.code == 0 and result.json["valid"] is True and len(result.json["warnings"]) == 1 and "openai/dear" in result.json["warnings"][0], result
    assert "price of openai/dear is not known" in parts.voicectl("agent", "check", config).err
    config.write_text(config.read_text() + PRICES)
    assert parts.voicectl("agent", "check", config, "--json").json["warnings"] == []
    config.write_text(config.read_text() + "\nreport_dir: /nowhere/at/all\n")
    wrong = parts.voicectl("agent", "check", config)
    assert wrong.code == 3 and "report_dir" in wrong.err, wrong
