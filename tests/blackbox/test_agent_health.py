"""What a running agent shows over HTTP and by agent status."""
import http.server
import json
import signal
import threading
import time
import urllib.error
import urllib.request

import parts
import pytest

YAML = """
name: {name}
greeting: Hello.
stt: {{provider: pocketsphinx, phrases: ["when are you open"]}}
llm: {{provider: script, rules: [{{match: "open", answer: "We are open from nine until six."}}], default: "I do not know."}}
tts: {{provider: flite, voice: slt}}
"""


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def metric(port, name):
    for line in get(port, "/metrics")[1].splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    return None


@pytest.fixture
def agent(server, agents):
    port = parts.free_port()
    running = agents(server, YAML.format(name="seen"), "--health", str(port))
    running.port = port
    return running


def test_ready_follows_what_happens(server, agent):
    assert get(agent.port, "/health") == (200, '{"status":"ok"}\n')
    assert get(agent.port, "/ready")[0] == 200
    assert get(agent.port, "/health/db")[0] == 200
    assert get(agent.port, "/nothing")[0] == 404
    shown = parts.voicectl("agent", "status", "--health", str(agent.port), "--json")
    assert shown.code == 0 and shown.json["agent"] == "seen" and shown.json["takesCalls"] is True and len(shown.json["processes"]) == 1, shown
    agent.process.send_signal(signal.SIGSTOP)  # nobody answers: that is not health either
    assert parts.voicectl("agent", "status", "--health", str(agent.port)).code == 7
    agent.process.send_signal(signal.SIGCONT)


def test_a_call_is_counted(server, agent):
    done = parts.voicectl("e2e-call", "--agent", "seen", "--say", "When are you open?", env=server.environment(), timeout=120)
    assert done.code == 0, done
    parts.wait_for(lambda: metric(agent.port, 'voicectl_jobs_total{result="completed"}') == 1, what="the job counted")
    assert metric(agent.port, 'voicectl_turns_total{speaker="agent"}') >= 2
    assert metric(agent.port, 'voicectl_answer_seconds_count{stage="answer"}') == 1
    assert 0.4 < metric(agent.port, 'voicectl_answer_seconds_sum{stage="answer"}') < 5
    assert metric(agent.port, "voicectl_calls") == 0 and metric(agent.port, "voicectl_registered") == 1


class Overloaded(http.server.BaseHTTPRequestHandler):
    """A model that wants to be left alone for a minute."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(429)
        self.send_header("Retry-After", "60")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = lambda self: self.send_error(404)
    log_message = lambda *_: None


def test_who_is_held_back_is_told(server, agents):
    model = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Overloaded)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    port = parts.free_port()
    script = YAML.split("llm: ")[1].split("\n")[0]
    chain = f"[{{{{provider: openai, base_url: 'http://127.0.0.1:{model.server_port}/v1', model: m}}}}, {script}]"
    agents(server, YAML.replace(script, chain).format(name="held"), "--health", str(port))
    try:
        done = parts.voicectl("e2e-call", "--agent", "held", "--say", "When are you open?", env=server.environment(), timeout=120)
        assert done.code == 0, done
        breakers = 'voicectl_provider_breakers{provider="%s",stage="llm",state="%s"}'
        assert metric(port, breakers % ("openai", "open")) == 1 and metric(port, breakers % ("openai", "closed")) == 0
        assert metric(port, breakers % ("script", "closed")) == 1
        assert metric(port, 'voicectl_provider_failovers_total{from="openai",stage="llm",to="script"}') == 1
        assert metric(port, 'voicectl_provider_requests_total{outcome="failed",provider="openai",stage="llm"}') == 1
        assert metric(port, 'voicectl_provider_errors_total{provider="openai",stage="llm"}') == 1
        shown = parts.voicectl("agent", "status", "--health", str(port), "--json")
        assert shown.json["troubledProviders"] == [{"stage": "llm", "provider": "openai", "open": 1, "halfOpen": 0, "processes": 1}], shown
        assert "llm openai is in trouble" in parts.voicectl("agent", "status", "--health", str(port)).out
    finally:
        model.shutdown()
        model.server_close()


def test_ready_ends_with_the_server(agents):
    short = parts.Server()
    port = parts.free_port()
    try:
        agents(short, YAML.format(name="cut-off"), "--health", str(port))
        assert get(port, "/ready")[0] == 200
        short.kill()
        began = time.monotonic()
        parts.wait_for(lambda: get(port, "/ready")[0] == 503, 2, "not ready")
        assert time.monotonic() - began < 2
        assert json.loads(get(port, "/ready")[1])["reason"] == "not registered"
        assert get(port, "/health")[0] == 200
        shown = parts.voicectl("agent", "status", "--health", str(port))
        assert shown.code == 3 and "not registered" in shown.out, shown
    finally:
        short.stop()


def test_a_drain_and_a_full_house_are_not_ready(server, agents):
    port = parts.free_port()
    agent = agents(server, YAML.format(name="small") + "processes: 1\nmax_calls: 1\n", "--health", str(port))
    sent = parts.voicectl("dispatch", "create", "full-room", "--agent", "small", "--wait", env=server.environment())
    assert sent.code == 0, sent
    parts.wait_for(lambda: get(port, "/ready") == (503, '{"ready":false,"reason":"full"}\n'), 2, "full")
    agent.process.send_signal(signal.SIGTERM)
    parts.wait_for(lambda: get(port, "/ready") == (503, '{"ready":false,"reason":"draining"}\n'), 2, "draining")
    parts.voicectl("room", "delete", "full-room", "--yes", env=server.environment())
    assert agent.process.wait(20) == 0


def test_a_port_that_is_taken_is_told(server, agent, tmp_path):
    config = tmp_path / "agent.yaml"
    config.write_text(YAML.format(name="second"))
    done = parts.voicectl("agent", "run", str(config), "--health", str(agent.port), env=server.environment(), timeout=20)
    assert done.code == 6 and str(agent.port) in done.err, done
    for wrong in ("seven", "127.0.0.1:", "99999"):
        assert parts.voicectl("agent", "run", str(config), "--health", wrong, env=server.environment(), timeout=20).code == 2
