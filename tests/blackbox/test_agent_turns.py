"""When a turn is over, and what is begun before that: the built agent, a real server, real (synthetic) speech and a model server of ours."""
import ctypes
import datetime
import http.server
import json
import tempfile
import threading
import wave

import numpy
import parts
import pytest

RATE = 16000
_flite = None


def speech(text):
    """`text` by flite's voice slt as samples, cut to what is heard."""
    global _flite
    if _flite is None:
        voice, engine = ctypes.CDLL("libflite_cmu_us_slt.so.1"), ctypes.CDLL("libflite.so.1")
        voice.register_cmu_us_slt.restype = ctypes.c_void_p
        engine.flite_init()
        _flite = engine, ctypes.c_void_p(voice.register_cmu_us_slt(None))
    engine, voice = _flite
    engine.flite_text_to_speech.restype = ctypes.c_float
    with tempfile.NamedTemporaryFile(suffix=".wav") as kept:
        engine.flite_text_to_speech(text.encode("ascii"), voice, kept.name.encode())
        with wave.open(kept.name, "rb") as file:
            assert file.getframerate() == RATE
            samples = numpy.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    loud = numpy.flatnonzero(abs(samples) > 300)
    return samples[loud[0]:loud[-1] + 1]


def clip(path, *said):
    """Texts, and the seconds of silence between them."""
    pieces = [speech(one) if isinstance(one, str) else numpy.zeros(int(one * RATE), dtype="<i2") for one in said]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(numpy.concatenate(pieces).astype("<i2").tobytes())
    return str(path)


class Model:
    """Chat completions on loopback; keeps what it was asked, when, and on which connection."""

    def __init__(self, answers):
        self.answers, self.requests, self.connections = answers, [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.connections.append(("GET " + self.path, self.client_address))
                body = b'{"object": "list", "data": []}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                question = body["messages"][-1]["content"]
                outer.connections.append(("POST " + self.path, self.client_address))
                outer.requests.append({"at": datetime.datetime.now(datetime.timezone.utc), "question": question, "messages": body["messages"]})
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                answer = next((text for word, text in outer.answers.items() if word in question), "I do not know.")
                events = [{"choices": [{"index": 0, "delta": {"content": word + " "}}]} for word in answer.split()]
                events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
                try:
                    for data in [json.dumps(event) for event in events] + ["[DONE]"]:
                        line = f"data: {data}\n\n".encode()
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                    self.wfile.write(b"0\r\n\r\n")
                except OSError:
                    self.close_connection = True  # who asked has changed its mind

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def model():
    one = Model({"sunday": "On sundays we open at ten in the morning.", "open": "We are open from nine in the morning until six in the evening."})
    yield one
    one.stop()


HEAD = """
name: {name}
tts: {{provider: flite, voice: slt}}
caller_return: 0s
"""
SCRIPTED = HEAD + """
stt: {{provider: pocketsphinx, phrases: ["i would like to book a table", "for four people", "i would like to book a table for four people"]}}
llm: {{provider: script, rules: [{{match: "four people", answer: "Your table for four people is booked."}}], default: "For how many people?"}}
"""
MODELLED = HEAD + """
stt: {{provider: pocketsphinx, phrases: ["when are you open", "when are you open on sunday"]}}
llm: {{provider: openai, model: any, base_url: "{url}"}}
"""


def call(server, agent, name, audio):
    """A caller plays `audio`; the turns of the call, as stored."""
    room = "turns-" + name
    result = parts.voicectl("e2e-call", "--agent", name, "--room", room, "--say", audio, "--no-greeting", "--max-latency", "30s",
                            "-o", "name", env=server.environment(), timeout=180)
    # Whoever plays several questions in one is answered before the last of them.
    assert result.out.split() in ([], ["latency_1"]), f"{result}\n{agent.log.read_text()}"
    parts.voicectl("room", "delete", room, "--yes", env=server.environment())
    return parts.voicectl("transcript", "show", room, "--store", agent.store, "--json").json["turns"]


def texts(turns, speaker):
    return [turn["text"] for turn in turns if turn["speaker"] == speaker]


WHOLE = "i would like to book a table for four people"
PAUSING = ("I would like to book a table", 0.9, "for four people")


@pytest.fixture(scope="module")
def three_times(tmp_path_factory):
    """Three times the same request, each with a long pause in mid-sentence, and time for an answer between them."""
    return clip(tmp_path_factory.mktemp("clips") / "pausing.wav", *PAUSING, 5.0, *PAUSING, 5.0, *PAUSING)


def test_a_fixed_delay_cuts_off_who_pauses_longer(server, agents, three_times):
    agent = agents(server, SCRIPTED.format(name="fixed"))
    assert WHOLE not in texts(call(server, agent, "fixed", three_times), "user")


def test_an_adaptive_delay_learns_how_the_caller_pauses(server, agents, three_times):
    agent = agents(server, SCRIPTED.format(name="adaptive") + "turn: {endpointing: adaptive}\n")
    turns = call(server, agent, "adaptive", three_times)
    said = texts(turns, "user")
    assert said[0] != WHOLE and said[-2:] == [WHOLE, WHOLE], turns
    assert texts(turns, "agent")[-1] == "Your table for four people is booked."


def test_text_rules_wait_for_the_rest_of_a_sentence_from_the_first_time_on(server, agents, tmp_path):
    yaml = SCRIPTED.replace("i would like to book a table\"", "i would like to book a table for\"").replace('"for four people"', '"four people"')
    agent = agents(server, yaml.format(name="rules") + "turn: {text_rules: en}\n")
    turns = call(server, agent, "rules", clip(tmp_path / "a.wav", "I would like to book a table for", 0.9, "four people"))
    assert texts(turns, "user") == [WHOLE], turns


def said_at(agent):
    """When the agent took the caller's turns for decided, by its log."""
    lines = [json.loads(line) for line in agent.log.read_text().splitlines() if '"caller said"' in line]
    return [datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")) for line in lines]


def test_the_model_is_asked_before_the_turn_is_decided_and_its_answer_is_used(server, agents, model, tmp_path):
    agent = agents(server, MODELLED.format(name="early", url=model.url) + "turn: {end_of_turn: 2s}\n", "--log-format", "json")
    turns = call(server, agent, "early", clip(tmp_path / "a.wav", "when are you open"))
    assert [request["question"] for request in model.requests] == ["when are you open"]
    assert model.requests[0]["at"] < said_at(agent)[0]
    assert texts(turns, "agent") == ["We are open from nine in the morning until six in the evening."]
    assert turns[-1]["detail"]["preemptive"] is True and turns[-1]["detail"]["llmMs"] == 0, turns[-1]


def test_an_answer_to_half_a_question_is_neither_heard_nor_stored(server, agents, model, tmp_path):
    agent = agents(server, MODELLED.format(name="half", url=model.url) + "turn: {end_of_turn: 2s, preemptive: tts}\n")
    turns = call(server, agent, "half", clip(tmp_path / "a.wav", "when are you open", 1.2, "on sunday"))
    questions = [request["question"] for request in model.requests]
    assert questions[0] == "when are you open" and questions[-1] == "when are you open on sunday" and len(questions) <= 4
    assert all(message["role"] != "assistant" for request in model.requests for message in request["messages"])
    assert [(turn["speaker"], turn["text"]) for turn in turns] == [("user", "when are you open on sunday"),
                                                                   ("agent", "On sundays we open at ten in the morning.")]


def test_off_asks_the_model_once_and_after_the_turn(server, agents, model, tmp_path):
    agent = agents(server, MODELLED.format(name="late", url=model.url) + "turn: {preemptive: off}\n", "--log-format", "json")
    turns = call(server, agent, "late", clip(tmp_path / "a.wav", "when are you open", 0.4, "on sunday"))
    assert [request["question"] for request in model.requests] == ["when are you open on sunday"]
    assert model.requests[0]["at"] > said_at(agent)[0] - datetime.timedelta(milliseconds=1)
    assert "preemptive" not in turns[-1]["detail"]


def test_the_connection_to_the_model_is_there_before_the_first_question(server, agents, model, tmp_path):
    agent = agents(server, MODELLED.format(name="warm", url=model.url))
    call(server, agent, "warm", clip(tmp_path / "a.wav", "when are you open"))
    kinds = [kind for kind, _ in model.connections]
    assert kinds[0] == "GET /v1/models" and "POST /v1/chat/completions" in kinds
    assert len({address for _, address in model.connections}) == 1, model.connections


def test_a_slow_model_is_bridged_by_a_filler(server, agents, tmp_path):
    yaml = SCRIPTED.replace("llm: {{provider: script,", "llm: {{provider: script, delay_ms: 3000,")
    agent = agents(server, yaml.format(name="filler") + "filler: {after: 1s, say: [One moment please.]}\n")
    turns = call(server, agent, "filler", clip(tmp_path / "a.wav", "for four people"))
    assert texts(turns, "agent") == ["Your table for four people is booked."]
    assert turns[-1]["detail"]["filler"] == "One moment please."


SILERO = str(parts.ROOT / ".cache/sherpa/silero_vad_16k_op15.onnx")
SHERPA = str(parts.ROOT / ".cache/sherpa/lib/libsherpa-onnx-c-api.so")


def test_a_call_with_silero(server, agents, tmp_path):
    agent = agents(server, SCRIPTED.format(name="silero") + f"turn:\n  vad: {{provider: silero, model: {SILERO}, library: {SHERPA}}}\n")
    turns = call(server, agent, "silero", clip(tmp_path / "a.wav", WHOLE))
    assert texts(turns, "user") == [WHOLE]


@pytest.mark.parametrize("vad,key,words", [
    ("{provider: silero}", "turn.vad.model", "missing"),
    ("{provider: silero, model: nowhere.onnx}", "turn.vad.model", "nowhere.onnx is not there"),
    (f"{{provider: silero, model: {SILERO}, library: /nowhere/lib.so}}", "turn.vad.library", "cannot load"),
    (f"{{provider: silero, model: {parts.ROOT}/README.md, library: {SHERPA}}}", "turn.vad.model", "is no model"),
    ("{provider: webrtc}", "turn.vad.provider", "unknown provider 'webrtc'"),
])
def test_check_tells_what_voice_activity_lacks_at_its_line(tmp_path, vad, key, words):
    config = tmp_path / "agent.yaml"
    config.write_text(SCRIPTED.format(name="x").strip() + f"\nturn:\n  vad: {vad}\n")
    result = parts.voicectl("agent", "check", config, "--json")
    assert result.code == 3, result
    fault = result.json["faults"][0]
    assert fault["key"] == key and words in fault["message"] and fault["line"] == 8, fault


def test_a_missing_sherpa_library_is_told_with_what_to_install(tmp_path):
    config = tmp_path / "agent.yaml"
    config.write_text(SCRIPTED.format(name="x").strip() + f"\nturn:\n  vad: {{provider: silero, model: {SILERO}}}\n")
    result = parts.voicectl("agent", "check", config, env={"VOICECTL_SHERPA_ONNX": "/nowhere/libsherpa-onnx-c-api.so"})
    assert result.code == 3 and "agent.yaml:8" in result.err and "sherpa-onnx-core" in result.err, result
