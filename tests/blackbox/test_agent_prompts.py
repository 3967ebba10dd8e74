"""Metadata, prompts, languages and voices of single calls, on the built binary and a real server."""
import http.server
import json
import sqlite3

import parts
import pytest

YAML = """
name: {name}
greeting: Good morning {{{{guest|my friend}}}}. This is the city library. What can I do for you?
instructions: You are the file's receptionist.
stt: {{provider: pocketsphinx, phrases: ["when are you open", "goodbye"]}}
llm: {llm}
tts: {{provider: flite, voice: slt}}
caller_return: 0s
variables: {{guest: ""}}
{more}
"""
SCRIPT = '{provider: script, rules: [], default: "We are open from nine until six."}'
USER = "0b1f6c2e-7a53-4c3e-9d1c-2f6d0c7f1a11"


class Backend(parts.Web):
    """Scenarios by their id, and a language model that keeps what it was asked."""

    def __init__(self):
        self.asked, self.told, self.failures = [], [], 0
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.startswith("/v1/"):  # the model is asked whether it is there
                    return self.answer(200, b"{}")
                backend.asked.append((self.path, self.headers.get("X-Internal-Service-Key")))
                if backend.failures > 0:
                    backend.failures -= 1
                    return self.answer(503, b"later")
                self.answer(200, json.dumps({"ok": True, "data": {"prompt": "You are a pirate named {{guest|nobody}}.",
                                                                  "greeting": "Welcome on board of the black ship. What can I do for you today?"}}).encode())

            def do_POST(self):
                backend.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                chunk = json.dumps({"choices": [{"delta": {"content": "We are open from nine until six."}}]})
                self.answer(200, f"data: {chunk}\n\ndata: [DONE]\n\n".encode(), "text/event-stream")

            def answer(self, status, body, kind="application/json"):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.listen(Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def backend():
    running = Backend()
    yield running
    running.stop()


def call(server, name, metadata, *flags):
    return parts.voicectl("e2e-call", "--agent", name, "--say", "When are you open?", "--metadata", metadata if isinstance(metadata, str) else json.dumps(metadata),
                          *flags, env=server.environment(), timeout=120)


def spoken(agent):
    with sqlite3.connect(agent.store) as store:
        return [text for (text,) in store.execute("select text from turns order by call_id, sequence")]


def warnings(agent, message):
    return [line for line in agent.log.read_text().splitlines() if message in line]


def test_instructions_and_greeting_come_from_the_backend(server, agents, backend, tmp_path):
    (tmp_path / "key").write_text("a-key-of-the-service\n")
    llm = f"{{provider: openai, model: m, base_url: {backend.url}/v1}}"
    more = f"prompt_from: [backend]\nbackend: {{url: \"{backend.url}\", key_file: {tmp_path}/key}}"
    agent = agents(server, YAML.format(name="pirate", llm=llm, more=more))
    backend.failures = 1  # the second attempt is enough
    result = call(server, "pirate", {"userId": USER, "scenarioId": "ship:1", "variables": {"guest": "Ann"}}, "--greeting", "Welcome on board of the black ship. What can I do for you today?",
                  "--expect", "we are open from nine until six")
    assert result.code == 0, result
    assert backend.asked == [("/api/internal/scenarios/ship%3A1", "a-key-of-the-service")] * 2
    assert backend.told[-1]["messages"][0] == {"role": "system", "content": "You are a pirate named Ann."}
    assert "a-key-of-the-service" not in agent.log.read_text()


def test_a_backend_that_is_gone_leaves_the_files_own_words(server, agents, tmp_path):
    (tmp_path / "key").write_text("a-key-of-the-service")
    more = f"prompt_from: [backend]\nbackend: {{url: \"http://127.0.0.1:{parts.free_port()}\", key_file: {tmp_path}/key}}"
    agent = agents(server, YAML.format(name="orphan", llm=SCRIPT, more=more))
    result = call(server, "orphan", {"userId": USER, "scenarioId": "s"}, "--greeting", "Good morning my friend. This is the city library. What can I do for you?")
    assert result.code == 0, result
    assert warnings(agent, "no prompt from the backend")


@pytest.mark.parametrize("metadata", ["{", "[" * 5000, '{"variables": {"guest": "%s"}}' % ("x" * 70000)])
def test_bad_metadata_cost_no_call(server, agents, tmp_path, metadata):
    agent = agents(server, YAML.format(name="patient", llm=SCRIPT, more=""))
    file = tmp_path / "metadata"
    file.write_text(metadata)
    result = call(server, "patient", f"@{file}", "--greeting", "Good morning my friend. This is the city library. What can I do for you?")
    assert result.code == 0, result
    assert warnings(agent, "metadata are")


def test_strict_metadata_refuse_the_job_with_its_reason(server, agents):
    agent = agents(server, YAML.format(name="strict", llm=SCRIPT, more="metadata: strict"))
    refused = call(server, "strict", {"userId": "ann"}, "--join-timeout", "3s")
    assert refused.code == 3, refused
    events = [json.loads(line) for line in agent.log.read_text().splitlines() if line.startswith("{")]
    assert [event["detail"] for event in events if event["event"] == "job_refused"] == ["bad metadata"], events
    assert "userId is no UUID" in warnings(agent, "refused for its metadata")[0]
    assert call(server, "strict", {"userId": USER}).code == 0


def test_values_of_metadata_are_spoken_and_never_read_as_templates(server, agents):
    agent = agents(server, YAML.format(name="polite", llm=SCRIPT, more=""))
    call(server, "polite", {"userId": USER, "variables": {"guest": "{{date}} Ann"}}, "--tolerance", "0.1")
    assert spoken(agent)[0] == "Good morning {{date}} Ann. This is the city library. What can I do for you?"


def test_language_and_voice_of_a_call(server, agents):
    more = 'language: en\nvoices: {deep: rms}\nlanguages:\n  de: {greeting: "Guten Tag und willkommen.", tts: {provider: espeak-ng, voice: de}}'
    agent = agents(server, YAML.format(name="polyglot", llm=SCRIPT, more=more))
    for metadata in ({"language": "de-AT"}, {"voice": "deep"}, {"language": "fr", "voice": "nobody"}):
        call(server, "polyglot", {"userId": USER, **metadata}, "--tolerance", "0.1")
    greetings = [text for text in spoken(agent) if text.startswith(("Guten", "Good"))]
    assert greetings == ["Guten Tag und willkommen.", "Good morning my friend. This is the city library. What can I do for you?", "Good morning my friend. This is the city library. What can I do for you?"]
    assert [word for line in warnings(agent, "does not have what the dispatch asks for") for word in ("fr", "nobody") if word in line] == ["fr", "nobody"]


def test_check_finds_faults_of_languages_voices_and_templates(tmp_path):
    config = tmp_path / "agent.yaml"
    more = "voices: {ben: elvis}\nlanguages:\n  de:\n    greeting: Guten Tag {{gest}}.\n    tts: {provider: espeak-ng, voice: nobody}\ninstructions_file: x"
    config.write_text(YAML.format(name="x", llm=SCRIPT, more=more))
    result = parts.voicectl("agent", "check", config, "--json")
    assert result.code == 3, result
    assert [fault["key"] for fault in result.json["faults"]] == ["voices.ben.voice", "languages.de.greeting", "languages.de.tts.voice", "instructions_file"], result
