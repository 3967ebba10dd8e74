"""Models, voices and recognisers of OpenAI's wire format, met by a server that is made of the types of OpenAI's own SDK (PyPI: openai)."""
import http.server
import json
import pathlib
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
import wave

import parts
import pytest

pytest.importorskip("openai", reason="the Python package `openai` is not installed")
pytest.importorskip("uvicorn", reason="the Python package `uvicorn` (of `mcp`) is not installed")

KEY = "sk-interop"
SERVER = pathlib.Path(__file__).with_name("openai_server.py")


class Bookings(http.server.BaseHTTPRequestHandler):
    """The tool that the model asks for."""

    def do_GET(self):
        guest = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)["guest"][0]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{guest} at eight".encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def bookings():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bookings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


class OpenAi:
    def __init__(self):
        self.port = parts.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen([sys.executable, SERVER, str(self.port)], stdout=subprocess.DEVNULL)
        parts.wait_for(self.listens, seconds=60, what="the server's port")

    def listens(self):
        assert self.process.poll() is None, "the server does not start"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def told(self, kind):
        """What it was asked of that kind; all of it has to be as OpenAI's types are."""
        state = self.seen("GET")
        assert state["faults"] == []
        return [one for one in state["seen"] if kind in one]

    def seen(self, method):
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/seen", method=method), timeout=10) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def server():
    server = OpenAi()
    yield server
    server.process.terminate()
    server.process.wait()


@pytest.fixture
def openai(server):
    server.seen("DELETE")
    return server


def console(tmp_path, said, *arguments, key=KEY, stt="{provider: pocketsphinx}", llm="{provider: script, default: Very well.}",
            tts="{provider: flite}", more=""):
    config = tmp_path / "agent.yaml"
    config.write_text(f"name: interop\ngreeting: Hello.\nstt: {stt}\nllm: {llm}\ntts: {tts}\n{more}")
    return parts.voicectl("agent", "console", config, *arguments, stdin=said, env={"OPENAI_API_KEY": key})


def model(server, name="some-model", more=""):
    return f'{{provider: openai, model: {name}, base_url: "{server.url}/v1"{more}}}'


def spoken_answers(result):
    return result.out.splitlines()[1:]


def test_an_answer_is_streamed_and_the_servers_own_usage_is_told(tmp_path, openai):
    result = console(tmp_path, "good morning\n", "-o", "jsonl", llm=model(openai, more=", temperature: 0.5, max_tokens: 200"))
    events = [json.loads(line) for line in result.out.splitlines()]
    answer = [event for event in events if event["event"] == "agent"][-1]
    assert result.code == 0 and answer["text"] == "You said: good morning.", result
    used = next(one for one in answer["detail"]["usage"] if one["stage"] == "llm")
    assert (used["inputTokens"], used["cachedTokens"], used["outputTokens"], used["estimated"]) == (1200, 1024, 34, False), used
    assert [message["role"] for message in openai.told("chat")[0]["chat"]["messages"]][-2:] == ["assistant", "user"]
    assert openai.told("chat")[0]["chat"]["stream_options"] == {"include_usage": True}


def test_two_tools_are_called_side_by_side_and_what_they_give_is_told(tmp_path, openai, bookings):
    tool = f"""
tools:
  - name: find_booking
    description: Finds a booking.
    url: "http://127.0.0.1:{bookings}/"
    parameters: {{type: object, properties: {{guest: {{type: string}}}}, required: [guest]}}
    allow_private: true
"""
    result = console(tmp_path, "my booking please\n", llm=model(openai), more=tool)
    assert result.code == 0 and spoken_answers(result) == ["You said: Smith at eight and Jones at eight."], result
    asked = openai.told("chat")
    assert len(asked) == 2 and asked[0]["chat"]["tools"][0]["function"]["name"] == "find_booking", asked
    assert [message["role"] for message in asked[1]["chat"]["messages"]][-3:] == ["assistant", "tool", "tool"], asked


def test_a_rate_limit_is_waited_out(tmp_path, openai):
    result = console(tmp_path, "good morning\n", llm=model(openai, "limited"))
    assert result.code == 0 and spoken_answers(result) == ["You said: good morning."], result
    assert len(openai.told("chat")) == 2


@pytest.mark.parametrize("name, key, words, asked",
                         [("some-model", "sk-wrong", "key", 1), ("quota", KEY, "quota", 1), ("absent", KEY, "does not exist", 1), ("broken", KEY, "had an error", 3)])
def test_refusals_are_told_in_the_servers_words_and_tried_again_only_where_it_helps(tmp_path, openai, name, key, words, asked):
    result = console(tmp_path, "good morning\n", llm=model(openai, name), key=key)
    assert words in result.err and "sk-wrong" not in result.err + result.out, result
    assert "You said" not in result.out, result
    assert len(openai.told("chat")) == asked, result


@pytest.mark.parametrize("form", ["pcm", "wav"])
def test_a_voice_speaks(tmp_path, openai, form):
    out = tmp_path / "voice.wav"
    result = console(tmp_path, "good morning\n", "--out", out, tts=model(openai, more=f", format: {form}, speed: 1.25, instructions: Slowly."))
    assert result.code == 0 and result.out.splitlines() == ["Hello.", "Very well."] and result.err == "", result
    with wave.open(str(out)) as sound:
        assert sound.getnframes() / sound.getframerate() > 0.05 * len("Hello.Very well."), result
    assert [one["speech"]["input"] for one in openai.told("speech")] == ["Hello.", "Very well."]


@pytest.mark.parametrize("stream", ["false", "true"])
def test_a_recogniser_hears_a_wav(tmp_path, openai, stream):
    question = tmp_path / "question.wav"
    parts.speech("when are you open", question)
    rules = '{provider: script, rules: [{match: "when are you open", answer: At nine.}], default: Very well.}'
    result = console(tmp_path, None, "--wav", question, stt=model(openai, more=f", language: en, prompt: Opening hours, temperature: 0.2, stream: {stream}"), llm=rules)
    assert result.code == 0 and "At nine." in result.out, result
    asked = openai.told("transcription")
    assert asked[0]["transcription"]["language"] == "en" and asked[0]["sound"][:2] == [1, 2] and asked[0]["sound"][2] > 0.5, asked


@pytest.mark.parametrize("stage", ["tts", "stt"])
def test_voices_and_recognisers_tell_a_wrong_key(tmp_path, openai, stage):
    question = tmp_path / "question.wav"
    parts.speech("when are you open", question)
    result = console(tmp_path, None, "--wav", question, key="sk-wrong", **{stage: model(openai)})
    assert "key" in result.err and "sk-wrong" not in result.err, result
    assert len(openai.told("speech" if stage == "tts" else "transcription")) >= 1
