"""agent check --probe on the built binary: a model and a voice with faults on demand, and flite, eSpeak NG and PocketSphinx."""
import http.server
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import parts
import pytest

KEY = "sk-proj-probe0123456789abcdefSECRET"
PRICES = """prices:
  openai/small: {per_million_input_tokens: 1, per_million_output_tokens: 2, date: 2026-03-01}
  openai/loud: {per_million_characters: 10, date: 2026-03-02}
"""
YAML = """
name: probed
stt: {stt}
llm: {{provider: openai, model: small, base_url: 'http://127.0.0.1:{port}/v1'}}
tts: {{provider: openai, model: loud, pcm_rate: 16000, base_url: 'http://127.0.0.1:{port}/v1'}}
"""
PHRASES = '{provider: pocketsphinx, phrases: ["when are you open", "goodbye"]}'
OFFLINE = """
name: offline
stt: {provider: pocketsphinx, phrases: ["when are you open"]}
llm: {provider: script, rules: [], default: "Yes."}
tts: [{provider: flite, voice: slt}, {provider: espeak-ng}]
"""


class Fakes:
    """tests/fake_providers.py on a free port."""

    def __init__(self, folder):
        self.port = parts.free_port()
        log = open(folder / "fakes.log", "wb")
        self.process = subprocess.Popen([sys.executable, parts.ROOT / "tests/fake_providers.py", str(self.port)], stdout=log, stderr=log)
        parts.wait_for(lambda: parts.accepts(self.port), what="fake providers")

    def plan(self, kind, **what):
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.port}/{kind}", json.dumps(what).encode(), {"Content-Type": "application/json"}))

    def asked(self, kind):
        seen = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/seen").read())
        return [one for one in seen if kind in one]

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def fakes(tmp_path):
    one = Fakes(tmp_path)
    yield one
    one.stop()


@pytest.fixture
def answers():
    """answers(body) → the port of a server that answers every POST with this JSON, or with what body(request) makes of it."""
    made = []

    def make(body):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                text = json.dumps(body(json.loads(asked)) if callable(body) else body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made.append(server)
        return server.server_port

    yield make
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.fixture
def probe(tmp_path):
    def run(yaml, *flags, asking=("--probe",), timeout=60):
        config = tmp_path / "agent.yaml"
        config.write_text(yaml)
        result = parts.voicectl("agent", "check", config, *asking, *flags, env={"OPENAI_API_KEY": KEY}, timeout=timeout)
        assert KEY not in result.out + result.err and "SECRET" not in result.out + result.err, result
        return result

    return run


def of(result, stage):
    return next(one for one in result.json["probes"] if one["stage"] == stage)


def test_each_provider_is_asked_once_and_told_with_time_use_and_cost(fakes, probe):
    result = probe(YAML.format(stt=PHRASES, port=fakes.port) + PRICES, "--json")
    assert result.code == 0, result
    assert [one["places"] for one in result.json["probes"]] == [["stt"], ["llm"], ["tts"]]
    assert all(one["state"] == "ok" and one["error"] is None and 0 <= one["firstMs"] <= one["totalMs"] for one in result.json["probes"]), result
    heard, model, voice = (of(result, stage) for stage in ("stt", "llm", "tts"))
    assert (heard["said"], heard["answer"], heard["by"], heard["wordErrorRate"]) == ("when are you open", "when are you open", "tts (openai)", 0), heard
    assert heard["usage"][0]["priceSource"] == "offline" and heard["costUsd"] == "0", heard
    assert model["answer"].startswith("We are open") and model["usage"][0]["priceDate"] == "2026-03-01", model
    assert 500 < voice["soundMs"] < 3000 and voice["costUsd"] == "0.00017", voice  # 17 characters
    assert voice["usage"][0]["priceDate"] == "2026-03-02", voice
    assert len(fakes.asked("model")) == 1 and len(fakes.asked("voice")) == 1, fakes.asked("")


def test_people_see_a_line_for_each_and_what_it_cost(fakes, probe):
    result = probe(YAML.format(stt=PHRASES, port=fakes.port) + PRICES)
    assert result.code == 0 and result.err == "", result
    for words in ("✓ stt", "openai/small", "✓ tts", "17 characters: 0.00017 USD (price of 2026-03-02)", "0 % of the words wrong", "3 of 3 are good"):
        assert words in result.out, result
    rows = probe(YAML.format(stt=PHRASES, port=fakes.port) + PRICES, "-o", "tsv").out.splitlines()
    assert [row.split("\t")[:3] for row in rows] == [["stt", "ok", "pocketsphinx"], ["llm", "ok", "openai"], ["tts", "ok", "openai"]]


def test_an_unknown_price_is_told_as_unknown(fakes, probe):
    yaml = YAML.format(stt=PHRASES, port=fakes.port)
    result = probe(yaml, "--json")
    assert of(result, "llm")["costUsd"] is None and of(result, "llm")["usage"][0]["priceSource"] == "unknown", result
    assert "price unknown" in probe(yaml).out


def test_a_wrong_key_is_exit_4_with_a_hint_and_the_key_is_not_shown(fakes, probe):
    fakes.plan("voice", fault="401", times=100)
    result = probe(YAML.format(stt=PHRASES, port=fakes.port), "--json")
    assert result.code == 4, result
    voice, heard = of(result, "tts"), of(result, "stt")
    assert voice["state"] == "failed" and voice["error"]["code"] == "auth" and voice["error"]["hint"], voice
    assert voice["soundMs"] == 0 and voice["usage"] == [], voice
    assert heard["state"] == "ok" and heard["by"] == "flite" and heard["answer"] == "when are you open", heard  # a voice of this machine stands in
    error = json.loads(result.err.splitlines()[-1])["error"]
    assert error["code"] == "auth" and error["exit"] == 4 and "1 of 3 probes failed" in error["message"], result
    told = probe(YAML.format(stt=PHRASES, port=fakes.port))
    assert told.code == 4 and "✗ tts" in told.out and "hint: " in told.out, told


def test_who_is_slow_is_given_up_after_the_timeout(fakes, probe):
    fakes.plan("model", fault="slow", times=100)
    fakes.plan("voice", fault="slow", times=100)
    result = probe(YAML.format(stt=PHRASES, port=fakes.port), "--json", "--timeout", "1500ms")
    assert result.code == 8 and result.seconds < 8, result
    assert of(result, "llm")["error"]["code"] == of(result, "tts")["error"]["code"] == "timeout", result
    assert 1400 <= of(result, "llm")["totalMs"] < 2500 and of(result, "llm")["firstMs"] is None, result
    assert of(result, "stt")["state"] == "ok", result


def test_a_voice_without_sound_has_failed(fakes, probe):
    fakes.plan("voice", fault="empty", times=100)
    result = probe(YAML.format(stt=PHRASES, port=fakes.port), "--json")
    assert result.code != 0 and of(result, "tts")["state"] == "failed" and of(result, "tts")["error"]["code"] == "protocol", result


def test_failures_of_different_kinds_are_exit_3_and_passing_ones_exit_7(fakes, probe):
    fakes.plan("voice", fault="401", times=100)
    fakes.plan("model", fault="down", times=100)
    assert probe(YAML.format(stt=PHRASES, port=fakes.port), "--timeout", "5s").code == 3
    fakes.plan("voice", fault="slow", times=100)
    assert probe(YAML.format(stt=PHRASES, port=fakes.port), "--timeout", "5s").code == 7


def test_a_recogniser_that_understands_nothing_has_failed(fakes, answers, probe):
    for text, code in (("", 3), ("Good morning, how can I help you?", 0)):
        stt = f"{{provider: openai, model: whisper-1, base_url: 'http://127.0.0.1:{answers({'text': text})}/v1'}}"
        result = probe(YAML.format(stt=stt, port=fakes.port), "--json")
        heard = of(result, "stt")
        assert result.code == code and heard["state"] == ("ok" if text else "failed"), result
        assert heard["wordErrorRate"] == (0.125 if text else 1), heard


def test_a_voice_at_the_wrong_rate_is_found_by_who_hears_it(fakes, probe):
    result = probe(YAML.format(stt=PHRASES, port=fakes.port).replace("pcm_rate: 16000", "pcm_rate: 24000"), "--json")
    assert result.code == 3 and of(result, "tts")["state"] == "ok" and of(result, "stt")["error"]["code"] == "check_failed", result
    assert "understood nothing of what tts (openai) said" in of(result, "stt")["error"]["message"], result


def test_real_parts_of_this_machine_answer_for_nothing(probe):
    result = probe(OFFLINE, "--json")
    assert result.code == 0, result
    assert [one["provider"] for one in result.json["probes"]] == ["pocketsphinx", "script", "flite", "espeak-ng"], result
    assert {one["costUsd"] for one in result.json["probes"]} == {"0"}, result
    assert of(result, "stt")["answer"] == "when are you open", result
    free = probe(OFFLINE.replace('phrases: ["when are you open"]', "").replace("pocketsphinx, }", "pocketsphinx}"), "--json")
    assert free.code == 0 and of(free, "stt")["answer"] and of(free, "stt")["wordErrorRate"] < 1, free


def test_a_grammar_is_not_measured_by_words_that_it_cannot_know(voicectl):
    result = voicectl("agent", "check", parts.ROOT / "examples/receptionist.yaml", "--probe", "--json")
    heard = of(result, "stt")
    assert result.code == 0 and heard["state"] == "ok" and heard["wordErrorRate"] is None and "of its own" in heard["note"], result


def test_servers_of_tools_are_asked_for_them_and_http_tools_are_not_called(probe):
    tools = f"""
tools:
  - {{name: book, description: Books a table., url: 'http://127.0.0.1:{parts.free_port()}/book?key=hidden', parameters: {{type: object, properties: {{}}}}, allow_private: true}}
mcp:
  - {{url: 'http://127.0.0.1:{parts.free_port()}/mcp', allow_private: true}}
"""
    result = probe(OFFLINE + tools, "--json")
    assert result.code == 7, result
    mcp, http_tool = (one for one in result.json["probes"] if one["stage"] == "tools")
    assert mcp["provider"] == "mcp 127.0.0.1" and mcp["error"]["code"] == "unreachable", mcp
    assert http_tool["state"] == "skipped" and "not called" in http_tool["note"] and "hidden" not in result.out, http_tool


def test_a_server_of_tools_tells_them(answers, probe):
    def mcp(request):
        results = {"initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}},
                   "tools/list": {"tools": [{"name": "find_table", "description": "Finds one.", "inputSchema": {"type": "object"}}]}}
        return {"jsonrpc": "2.0", "id": request.get("id"), "result": results.get(request["method"], {})}

    result = probe(OFFLINE + f"mcp: [{{url: 'http://127.0.0.1:{answers(mcp)}/mcp', allow_private: true}}]\n", "--json")
    assert result.code == 0 and of(result, "tools")["tools"] == ["find_table"] and of(result, "tools")["places"] == ["mcp[0]"], result


def test_a_file_with_faults_is_not_probed(fakes, probe):
    result = probe(YAML.format(stt=PHRASES, port=fakes.port) + "colour: red\n", "--json")
    assert result.code == 3 and result.json["valid"] is False and result.json["probes"] == [], result
    assert not fakes.asked("model")


def test_without_probe_nobody_is_asked_and_dry_run_cannot_be_had(fakes, probe):
    yaml = YAML.format(stt=PHRASES, port=fakes.port)
    result = probe(yaml, "--json", asking=())
    assert result.code == 0 and result.json["probes"] == [], result
    assert probe(yaml, "--dry-run").code == 2
    assert not fakes.asked("model") and not fakes.asked("voice")


def test_a_terminal_shows_whom_it_waits_for_and_ctrl_c_ends_it(fakes, tmp_path):
    fakes.plan("model", fault="slow", times=1)
    config = tmp_path / "agent.yaml"
    config.write_text(YAML.format(stt=PHRASES, port=fakes.port))
    ours, theirs = pty.openpty()
    running = subprocess.Popen([parts.voicectl_path(), "agent", "check", str(config), "--probe"], stdout=subprocess.DEVNULL, stderr=theirs,
                               env=parts.clean_environment({"OPENAI_API_KEY": KEY}))
    os.close(theirs)
    shown = b""
    end = time.monotonic() + 20
    while b"asking llm openai/small (" not in shown and time.monotonic() < end:
        shown += os.read(ours, 4096)
    running.send_signal(signal.SIGINT)
    assert running.wait(5) == 130, shown
    os.close(ours)
    assert b"asking llm openai/small (" in shown, shown
