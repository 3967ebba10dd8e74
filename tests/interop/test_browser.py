"""A browser as the caller: livekit-client in headless Chromium hears the agent, is heard, reads captions, types and calls
methods."""
import http.server
import json
import pathlib
import queue
import shutil
import subprocess
import threading
import urllib.parse
import uuid
import wave

import parts
import pytest

api = pytest.importorskip("livekit.api", reason="the Python package `livekit-api` is not installed")

CHROMIUM = shutil.which("chromium")
CLIENT = parts.ROOT / ".cache/npm/node_modules/livekit-client/dist/livekit-client.umd.js"
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no chromium (./scripts/setup --browser installs it)"),
              pytest.mark.skipif(not CLIENT.exists(), reason="no livekit-client (./scripts/setup --browser installs it)")]
PATIENCE = 60
GREETING = "Good morning, this is the city library. What can I do for you?"
ANSWER = "We are open from nine in the morning until six in the evening."
YAML = f"""
name: {{name}}
greeting: {GREETING}
stt: {{{{provider: pocketsphinx, phrases: ["when are you open", "thank you very much"]}}}}
llm: {{{{provider: script, rules: [{{{{match: "open", answer: "{ANSWER}"}}}}], default: "Very well."}}}}
tts: {{{{provider: flite, voice: slt}}}}
caller_return: 0s
"""


class Browser:
    """Chromium on the page caller.html."""

    def __init__(self, url, token, microphone, folder):
        self.events, self.orders, self.changed = [], queue.Queue(), threading.Condition()
        self.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        threading.Thread(target=self.web.serve_forever, daemon=True).start()
        page = f"http://127.0.0.1:{self.web.server_port}/?" + urllib.parse.urlencode({"url": url, "token": token})
        self.log = open(folder / "chromium.log", "wb")
        self.process = subprocess.Popen(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder / 'chromium'}",
             "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={microphone}%noloop",
             "--autoplay-policy=no-user-gesture-required", page], stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def handler(browser):  # noqa: N805
        files = {"/": (pathlib.Path(__file__).with_name("browser") / "caller.html", "text/html"), "/livekit-client.umd.js": (CLIENT, "text/javascript")}

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, body, kind="application/json"):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                path = self.path.split("?")[0]
                if path == "/next":
                    try:
                        order = browser.orders.get(timeout=20)
                    except queue.Empty:
                        order = {}
                    return self.answer(json.dumps(order).encode())
                if path not in files:
                    return self.send_error(404)
                file, kind = files[path]
                self.answer(file.read_bytes(), kind)

            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with browser.changed:
                    browser.events.append(event)
                    browser.changed.notify_all()
                self.answer(b"{}")

            def log_message(self, *_):
                pass

        return Handler

    def all(self, kind, **fields):
        return [e for e in self.events if e["event"] == kind and all(e.get(k) == v for k, v in fields.items())]

    def wait(self, kind, **fields):
        with self.changed:
            self.changed.wait_for(lambda: self.all(kind, **fields) or self.all("broken") or self.process.poll() is not None, PATIENCE)
            found = self.all(kind, **fields)
            assert found, f"no {kind} {fields} in {self.events}"
            return found[0]

    def caption(self, text):
        """A finished one."""
        with self.changed:
            found = self.changed.wait_for(lambda: [e for e in self.all("caption") if "".join(e["pieces"]) == text
                                                   and e["end"]["lk.transcription_final"] == "true"], PATIENCE)
            assert found, f"no caption {text!r} in {self.events}"
            return found[-1]

    def close(self):
        self.orders.put({"do": "leave"})
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.web.shutdown()
        self.web.server_close()
        self.log.close()


def with_silence_before(path, seconds):
    """Chromium's fake microphone is on before anybody listens."""
    with wave.open(str(path)) as file:
        parameters, samples = file.getparams(), file.readframes(file.getnframes())
    with wave.open(str(path), "wb") as file:
        file.setparams(parameters)
        file.writeframes(bytes(int(parameters.framerate * seconds) * 2) + samples + bytes(parameters.framerate * 2 * 2))


@pytest.mark.skipif(parts.SANITIZED, reason="Chromium and a sanitizer are too much for a small machine")
def test_a_browser_talks_with_the_agent(server, agents, tmp_path):
    name, room = "browsed", "browsed-" + uuid.uuid4().hex[:8]
    agent = agents(server, YAML.format(name=name), "--dev")
    question = tmp_path / "question.wav"
    parts.speech("When are you open?", question)
    with_silence_before(question, 3)
    grants = api.VideoGrants(room_join=True, room=room)
    token = api.AccessToken(server.key, server.secret).with_identity("ann").with_grants(grants).to_jwt()
    sent = parts.voicectl("dispatch", "create", room, "--agent", name, "--wait", env=server.environment())
    assert sent.code == 0, sent
    browser = Browser(server.url, token, question, tmp_path)
    try:
        browser.wait("connected")
        browser.wait("heard")
        greeting = browser.caption(GREETING)
        assert len(greeting["pieces"]) > 5 and greeting["begin"]["lk.transcription_final"] == "false"
        assert greeting["end"]["lk.transcription_final"] == "true" and greeting["begin"]["lk.segment_id"].startswith("SG_")
        bot = greeting["from"]
        browser.wait("segment", **{"from": bot, "text": GREETING})
        browser.orders.put({"do": "speak"})
        mine = browser.caption("when are you open")
        assert mine["from"] == "ann"
        guesses = [e for e in browser.all("caption", **{"from": "ann"}) if e is not mine]
        assert all(e["begin"]["lk.segment_id"] == mine["begin"]["lk.segment_id"] and e["end"]["lk.transcription_final"] == "false" for e in guesses)
        assert browser.caption(ANSWER)["from"] == bot
        browser.orders.put({"do": "type", "text": "thank you"})
        assert browser.caption("Very well.")["from"] == bot
        browser.orders.put({"do": "rpc", "to": bot, "method": "lk.agent.get_chat_history", "payload": ""})
        history = json.loads(browser.wait("answer", method="lk.agent.get_chat_history")["payload"])["items"]
        assert [item["content"][0] for item in history] == [GREETING, "when are you open", ANSWER, "thank you", "Very well."]
        browser.orders.put({"do": "rpc", "to": bot, "method": "voicectl.say", "payload": "{}"})
        assert browser.wait("answer", method="voicectl.say")["code"] == 403
        said = [json.loads(e["text"])["text"] for e in browser.all("data", topic="transcript")]
        assert said == [item["content"][0] for item in history]
        states = [e["state"] for e in browser.all("state", **{"from": bot})]
        assert {"listening", "thinking", "speaking"} <= set(states)
    except AssertionError:
        print(agent.log.read_text(), (tmp_path / "chromium.log").read_text(errors="replace")[-3000:])
        raise
    finally:
        browser.close()
        parts.voicectl("room", "delete", room, "--yes", env=server.environment())
