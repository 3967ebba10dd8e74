"""Summaries and evaluations by a language model, on the built binary: an OpenAI-compatible server that says what the test wants."""
import http.server
import json
import threading

import parts
import pytest


class Model(parts.Web):
    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []
        model = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                model.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                text = model.answers.pop(0) if len(model.answers) > 1 else model.answers[0]
                if isinstance(text, int):
                    return self.send_error(text)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
                end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
                self.wfile.write(b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in (chunk, end)) + b"data: [DONE]\n\n")

            def log_message(self, *_):
                pass

        self.listen(Handler)

    def yaml(self):
        return f"{{provider: openai, model: judge, base_url: 'http://127.0.0.1:{self.server.server_port}/v1'}}"


@pytest.fixture
def bench(tmp_path):
    made = []

    class Bench:
        def model(self, *answers):
            made.append(Model(*answers))
            return made[-1]

        def agent(self, *models):
            path = tmp_path / "agent.yaml"
            path.write_text(f"name: judged\nstt: {{provider: pocketsphinx}}\nllm: [{', '.join(one.yaml() for one in models)}]\ntts: {{provider: flite, voice: slt}}\n")
            return path

        def call(self, turns=2, room="demo"):
            lines = [{"room": room, "attempt": 1, "sequence": i, "speaker": "agent" if i % 2 == 0 else "user", "text": f"Turn {i}.", "startedAtMs": 1767323045000 + i * 1000} for i in range(turns)]
            done = parts.voicectl("transcript", "import", "-", "--store", tmp_path / "s.db", stdin="".join(json.dumps(one) + "\n" for one in lines))
            assert done.code == 0, done

        def run(self, *arguments, code=0):
            done = parts.voicectl("transcript", *arguments, "--store", tmp_path / "s.db", "--json")
            assert done.code == code, done
            return done.json if code in (0, 3) else json.loads(done.err.splitlines()[-1])["error"]

    yield Bench()
    for one in made:
        one.stop()


JUDGED = json.dumps({"summary": "Fine.", "criteria": [{"met": True, "reason": "It did."}, {"met": False, "reason": "It was curt."}]})
CRITERIA = ["--criterion", "told the hours", "--criterion", "was polite"]


def test_a_summary_is_made_once_and_kept(bench):
    bench.call()
    model = bench.model("The caller asked for\nthe hours.", "Another one.")
    agent = bench.agent(model)
    made = bench.run("summarize", "demo", "--config", agent)
    assert (made["summary"], made["model"], made["new"]) == ("The caller asked for\nthe hours.", "openai/judge", True)
    assert model.asked[0]["messages"][1]["content"] == "agent: Turn 0.\ncaller: Turn 1.\n"
    kept = bench.run("summarize", "demo", "--config", agent)
    assert kept == {**made, "new": False} and len(model.asked) == 1
    assert bench.run("summarize", "demo", "--config", agent, "--again")["summary"] == "Another one."


def test_the_second_choice_is_asked_when_the_first_fails(bench):
    bench.call()
    first, second = bench.model(400), bench.model("Fine.")
    assert bench.run("summarize", "demo", "--config", bench.agent(first, second))["summary"] == "Fine."


def test_more_than_500_entries_are_refused(bench):
    bench.call(501, "long")
    bench.call(500, "fits")
    agent = bench.agent(bench.model("Fine."))
    assert "more than 500 entries" in bench.run("summarize", "long", "--config", agent, code=2)["message"]
    assert bench.run("summarize", "fits", "--config", agent)["summary"] == "Fine."


def test_an_evaluation_says_of_each_criterion_whether_it_was_met(bench):
    bench.call()
    agent = bench.agent(bench.model(JUDGED))
    made = bench.run("evaluate", "demo", "--config", agent, *CRITERIA)
    assert made["score"] == 50 and [one["met"] for one in made["criteria"]] == [True, False]
    assert "has its evaluation already" in bench.run("evaluate", "demo", "--config", agent, *CRITERIA, code=6)["message"]
    assert bench.run("evaluate", "demo", "--config", agent, *CRITERIA, "--again", "--pass", "80", code=3)["score"] == 50


def test_an_answer_that_is_no_evaluation_is_asked_for_five_times(bench):
    bench.call()
    model = bench.model("It went well.", "{}", "Sure!", JUDGED)
    assert bench.run("evaluate", "demo", "--config", bench.agent(model), *CRITERIA)["score"] == 50
    assert len(model.asked) == 4
    bench.call(room="other")
    model = bench.model("It went well.")
    assert "evaluation" in bench.run("evaluate", "other", "--config", bench.agent(model), *CRITERIA, code=1)["message"]
    assert len(model.asked) == 5


def test_a_transcript_that_is_not_there_yet_is_waited_for(bench, tmp_path):
    import sqlite3
    bench.call()
    with sqlite3.connect(tmp_path / "s.db") as store:
        store.execute("UPDATE calls SET status = 'active', ended_at = NULL")
    model = bench.model(JUDGED)
    waiting = []
    thread = threading.Thread(target=lambda: waiting.append(bench.run("evaluate", "demo", "--config", bench.agent(model), *CRITERIA)))
    thread.start()
    thread.join(1)
    assert thread.is_alive() and not model.asked
    with sqlite3.connect(tmp_path / "s.db") as store:
        store.execute("UPDATE calls SET status = 'completed'")
    thread.join(30)
    assert waiting and waiting[0]["score"] == 50
    with sqlite3.connect(tmp_path / "s.db") as store:
        store.execute("UPDATE calls SET status = 'active'")
    assert "not there yet" in bench.run("evaluate", "demo", "--config", bench.agent(model), *CRITERIA, "--again", code=7)["message"]
