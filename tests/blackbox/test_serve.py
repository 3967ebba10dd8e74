"""`voicectl serve` as its users meet it. Every answer that `call` brings is held against the server's own OpenAPI document."""
import asyncio
import base64
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.request
import uuid

import jsonschema
import parts
import pytest
import serving
from livekit import api
from serving import AS_SERVICE, NOBODY, as_user

ROOT = parts.ROOT
CRITERIA = ["told the hours", "was polite"]
JUDGED = json.dumps({"summary": "Fine.", "criteria": [{"met": True, "reason": "It did."}, {"met": False, "reason": "It was curt."}]})
HOOKS = {"LIVEKIT_URL": "ws://127.0.0.1:1", "LIVEKIT_API_KEY": "APIserve", "LIVEKIT_API_SECRET": "a-secret-for-serve-of-some-forty-characters"}


class Model:
    """An OpenAI-compatible server that says one answer after the other, the last one again and again; a number is a status, an event is waited for."""

    def __init__(self):
        self.answers, self.asked, model = ["Fine."], [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                model.asked.append((self.headers.get("Authorization"), json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                answer = model.answers.pop(0) if len(model.answers) > 1 else model.answers[0]
                if isinstance(answer, threading.Event):
                    answer.wait(60)
                    answer = "Late."
                if isinstance(answer, int):
                    text = json.dumps({"error": {"message": f"Incorrect API key provided: {self.headers.get('Authorization')}"}}).encode()
                    self.send_response(answer)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    return self.wfile.write(text)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                chunk = {"choices": [{"index": 0, "delta": {"content": answer}, "finish_reason": None}]}
                end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
                self.wfile.write(b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in (chunk, end)) + b"data: [DONE]\n\n")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def says(self, *answers):
        self.answers, self.asked = list(answers), []

    def config(self, path):
        pathlib.Path(f"{path}.key").write_text("sk-the-key-of-the-model\n")
        path.write_text(f"name: judged\nstt: {{provider: pocketsphinx}}\nllm: {{provider: openai, model: judge, base_url: 'http://127.0.0.1:{self.server.server_port}/v1', api_key_file: {path}.key}}\n"
                        "tts: {provider: flite, voice: slt}\n")
        return path


@pytest.fixture(scope="module")
def model():
    running = Model()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def postgres():
    running = parts.Postgres()
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def engine(request):
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("serve")


@pytest.fixture(scope="module")
def serve(folder, model):
    """The one that most tests ask: all of it but a LiveKit server, whose webhooks are sent by the tests."""
    (folder / "recordings").mkdir()
    (folder / "scenarios").mkdir()
    running = serving.Serve(folder, "--agent", model.config(folder / "judge.yaml"), "--recordings", folder / "recordings", "--scenarios", folder / "scenarios", "--call-agent", "receptionist", env=HOOKS)
    yield running
    assert running.stop() == 0
    serving.assert_nothing_secret(running.log.read_text(), HOOKS["LIVEKIT_API_SECRET"], "sk-the-key-of-the-model")


@pytest.fixture(scope="module")
def both(engine, folder, request):
    """On each engine."""
    store = request.getfixturevalue("postgres").new_database() if engine == "postgres" else None
    running = serving.Serve(folder / f"on-{engine}", store=store)
    yield running
    assert running.stop() == 0


def refusal(*flags, env=None, code=2):
    """Of a start: (the one line, its hint)."""
    done = parts.voicectl("serve", "--port", "0", *flags, env=env, timeout=20)
    assert done.code == code, done
    errors, hints = ([line for line in done.err.splitlines() if line.startswith(begin)] for begin in ("error: ", "hint: "))
    assert len(errors) == 1 and len(hints) <= 1, done
    return errors[0], hints[0] if hints else ""


# ---- sessions and transcripts, on both engines ----

def test_a_session_is_opened_found_and_completed_once(both):
    both.call("PUT", "/v1/assignments/lesson", {"userId": "ann"}, status=200)
    made = both.call("POST", "/v1/sessions", {"id": "s1", "assignmentId": "lesson"}, as_user("ann"), status=201).data
    assert (made["id"], made["userId"], made["assignmentId"], made["status"], made["completedAt"]) == ("s1", "ann", "lesson", "active", None)
    assert both.call("POST", "/v1/sessions", {"id": "s1", "assignmentId": "lesson"}, as_user("ann"), status=200).data == made
    both.call("POST", "/v1/sessions", {"id": "s1", "userId": "bob"}, status=409)
    shown = both.call("GET", "/v1/sessions/s1", who=as_user("ann"), status=200).data
    assert {key: shown[key] for key in made} == made and shown["record"] is None
    both.call("GET", "/v1/sessions/s1/transcript", who=as_user("ann"), status=425)
    done = both.call("PATCH", "/v1/sessions/s1/finalize", who=as_user("ann"), status=200).data
    assert done["status"] == "completed" and done["completedAtMs"] >= done["startedAtMs"]
    assert both.call("PATCH", "/v1/sessions/s1/finalize", {}, as_user("ann"), status=200).data == done
    assert [one["id"] for one in both.call("GET", "/v1/sessions?assignmentId=lesson&status=completed").data["sessions"]] == ["s1"]
    assert both.call("GET", "/v1/sessions?assignmentId=lesson&status=active").data["sessions"] == []


def test_an_assignment_is_for_one_user(both):
    both.call("PUT", "/v1/assignments/exam", {"userId": "ann"}, status=200)
    assert both.call("POST", "/v1/sessions", {"userId": "bob", "assignmentId": "exam"}, status=409).error["message"] == "user bob does not own assignment exam"
    assert both.call("POST", "/v1/sessions", {"userId": "bob", "assignmentId": "nothing"}, status=404).error["type"] == "NOT_FOUND"
    both.call("PUT", "/v1/assignments/exam", {"userId": "bob"}, status=200)
    made = both.call("POST", "/v1/sessions", {"assignmentId": "exam"}, as_user("bob"), status=201).data
    assert both.call("POST", "/v1/sessions", {"assignmentId": "exam"}, as_user("bob"), status=200).data == made
    assert both.call("POST", "/v1/sessions", {"assignmentId": "exam", "userId": "bob"}, status=200).data == made
    both.call("PATCH", f"/v1/sessions/{made['id']}/finalize", status=200)
    assert both.call("POST", "/v1/sessions", {"assignmentId": "exam"}, as_user("bob"), status=201).data["id"] != made["id"]


def turns_of(both, path, who=AS_SERVICE):
    return [turn["text"] for turn in both.call("GET", path + "/transcript", who=who, status=200).data["turns"]]


def test_a_transcript_sent_again_replaces_its_attempt(both):
    session = both.session("ann")
    path = f"/v1/sessions/{session['id']}"
    say = lambda attempt, *texts: both.call("POST", path + "/transcript", {"attempt": attempt, "turns": [{"speaker": "user", "text": text} for text in texts]}, status=200).data
    first = say(2, "one", "two", "three")
    assert (first["attempt"], first["turnCount"], first["status"]) == (2, 3, "completed")
    again = say(2, "one", "two")
    assert again["id"] == first["id"] and again["turnCount"] == 2
    assert turns_of(both, path) == ["one", "two"]
    lower = say(1, "an older one")
    assert turns_of(both, path) == turns_of(both, f"/v1/calls/{both.call('GET', path).data['callId']}")
    assert turns_of(both, f"/v1/calls/{first['id']}") == ["one", "two"], "the highest attempt stays"
    assert turns_of(both, f"/v1/calls/{first['room']}") == ["one", "two"], "and is what the room's name finds"
    assert turns_of(both, path) == ["one", "two"], f"an attempt that comes late is not the session's call: {lower}"
    higher = say(3, "the last one")
    assert turns_of(both, path) == ["the last one"] and higher["attempt"] == 3
    both.call("POST", path + "/transcript", {"room": "another", "turns": []}, status=409)


def test_times_and_details_of_turns_are_kept(both):
    session = both.session("ann")
    turn = {"speaker": "agent", "text": "Good\u00a0day \U0001f44b", "identity": "bot", "startedAt": "2026-01-02T03:04:05.250Z", "endedAt": "2026-01-02T03:04:06Z", "interrupted": True, "detail": {"ttsMs": 12}}
    call = both.call("POST", f"/v1/sessions/{session['id']}/transcript", {"room": "timed-" + session["id"], "agentName": "guide", "turns": [turn]}, status=200).data
    assert (call["agentName"], call["startedAt"], call["durationMs"]) == ("guide", "2026-01-02T03:04:05.250Z", 750)
    (kept,) = both.call("GET", f"/v1/calls/{call['id']}/transcript", who=as_user("ann"), status=200).data["turns"]
    assert {key: kept[key] for key in turn} == {**turn, "endedAt": "2026-01-02T03:04:06.000Z"}


@pytest.mark.parametrize("bad", ["yesterday", "2026-13-01T00:00:00Z", ""])
def test_a_time_that_is_none_is_refused(both, bad):
    session = both.session("ann")
    refused = both.call("POST", f"/v1/sessions/{session['id']}/transcript", {"turns": [{"speaker": "user", "text": "a", "startedAt": bad}]}, status=400)
    assert "startedAt" in refused.error["message"]


def test_calls_are_listed_by_what_they_are(both):
    user = "lister-" + uuid.uuid4().hex[:8]
    calls = []
    for i in range(5):
        turn = {"speaker": "user", "text": "a", "startedAt": f"2026-02-0{i + 1}T00:00:00Z", "endedAt": f"2026-02-0{i + 1}T00:00:10Z"}
        session = both.session(user)
        calls.append(both.call("POST", f"/v1/sessions/{session['id']}/transcript", {"room": f"{user}-{i}", "agentName": f"agent{i % 2}", "turns": [turn]}, status=200).data["room"])
    listed = lambda query, who=as_user(user): [one["room"] for one in both.call("GET", "/v1/calls?" + query, who=who, status=200).data["calls"]]
    assert listed("") == calls[::-1]
    assert listed("agent=agent0") == calls[::-2]
    assert listed(f"room={calls[2]}") == [calls[2]] == listed(f"room={calls[2]}", AS_SERVICE)
    assert listed("status=active") == [] and listed("status=completed") == calls[::-1]
    for who in (as_user(user), AS_SERVICE):
        assert [one for one in listed("since=2026-02-03T00:00:00Z&before=2026-02-05T00:00:00Z", who) if one in calls] == [calls[3], calls[2]]
    pages, after = [], ""
    while True:
        page = both.call("GET", f"/v1/calls?limit=2&before=2026-03-01T00:00:00Z{after}", who=as_user(user), status=200).data
        pages.append([one["room"] for one in page["calls"]])
        if not page["more"]:
            break
        after = f"&after={page['calls'][-1]['id']}"
    assert pages == [[calls[4], calls[3]], [calls[2], calls[1]], [calls[0]]]


def test_pages_lose_nothing_that_began_at_the_same_moment(both):
    user = "twins-" + uuid.uuid4().hex[:8]
    made = []
    for i in range(7):
        session = both.session(user)
        turn = {"speaker": "user", "text": "a", "startedAt": "2026-02-01T00:00:00Z", "endedAt": "2026-02-01T00:00:10Z"}
        call = both.call("POST", f"/v1/sessions/{session['id']}/transcript", {"room": f"{user}-{i}", "turns": [turn]}, status=200).data["id"]
        made.append((session["id"], call))
    for who in (as_user(user), AS_SERVICE):
        for path, name, wanted in (("/v1/calls", "calls", [call for _, call in made[::-1]]), ("/v1/sessions", "sessions", [session for session, _ in made])):
            seen, after = [], ""
            while True:
                page = both.call("GET", f"{path}?limit=2{after}", who=who, status=200).data
                seen += [one["id"] for one in page[name]]
                if not page["more"]:
                    break
                after = f"&after={page[name][-1]['id']}"
            seen = [one for one in seen if one in wanted]
            assert seen == wanted if name == "calls" else sorted(seen) == sorted(wanted)
    both.call("GET", "/v1/calls?after=999999999", who=as_user(user), status=404)
    both.call("GET", "/v1/sessions?after=none", who=as_user(user), status=404)
    for path, last in (("/v1/calls", made[0][1]), ("/v1/sessions", made[0][0])):
        both.call("GET", f"{path}?after={last}", who=as_user("somebody-else"), status=404)


def test_an_attempt_that_its_session_left_behind_is_still_the_users(both):
    user = "again-" + uuid.uuid4().hex[:8]
    session = both.session(user)
    calls = [both.call("POST", f"/v1/sessions/{session['id']}/transcript", {"turns": [{"speaker": "user", "text": "a"}], "attempt": attempt}, status=200).data["id"] for attempt in (1, 2)]
    assert sorted(one["id"] for one in both.call("GET", "/v1/calls", who=as_user(user), status=200).data["calls"]) == calls
    for call in calls:
        both.call("GET", f"/v1/calls/{call}", who=as_user(user), status=200)
    assert both.call("GET", "/v1/calls", who=as_user(user.upper()), status=200).data["calls"] == []


def test_sessions_are_listed_in_pages(both):
    user = "pager-" + uuid.uuid4().hex[:8]
    made = []
    for _ in range(5):
        made.append(both.session(user))
        parts.wait_for(lambda: time.time() * 1000 > made[-1]["startedAtMs"] + 1, what="the next millisecond")
    seen, query = [], ""  # by time, as lists of several servers may be read
    while True:
        page = both.call("GET", f"/v1/sessions?limit=2{query}", who=as_user(user), status=200).data
        seen += [one["id"] for one in page["sessions"]]
        if not page["more"]:
            break
        query = "&before=" + page["sessions"][-1]["startedAt"]
    assert seen == [one["id"] for one in made[::-1]]


def test_a_call_has_its_record_and_report(both):
    session, call = both.held_call("ann")
    shown = both.call("GET", f"/v1/calls/{call['id']}", who=as_user("ann"), status=200).data
    assert shown["room"] == call["room"] and shown["turnCount"] == 2 and shown["recording"] is None
    assert shown["record"]["userId"] == "ann" and shown["record"]["sessionId"] == session["id"]
    assert both.call("GET", f"/v1/calls/{call['room']}", who=as_user("ann"), status=200).data == shown
    both.call("GET", "/v1/calls/999999999", status=404)
    both.call("GET", "/v1/calls/no%20such%20room", status=404)


@pytest.mark.parametrize("form,kind,begins", [("jsonl", "application/x-ndjson", "{"), ("csv", "text/csv", "callId,room"), ("md", "text/markdown", "#"), ("txt", "text/plain", ""), ("srt", "application/x-subrip", "1\n"), ("vtt", "text/vtt", "WEBVTT")])
def test_transcripts_are_given_out_as_export_writes_them(serve, form, kind, begins):
    _, call = serve.held_call("ann", ["Good morning.", "When do you open?"])
    answer = serve.call("GET", f"/v1/calls/{call['id']}/transcript?format={form}", who=as_user("ann"), status=200)
    assert answer.headers["Content-Type"].startswith(kind) and answer.body.decode().startswith(begins) and b"When do you open?" in answer.body
    assert answer.headers["Content-Disposition"] == f'attachment; filename="call-{call["id"]}.{form}"'
    exported = parts.voicectl("transcript", "export", call["room"], "--format", form, "--store", serve.store)
    assert exported.code == 0 and exported.out == answer.body.decode().replace("\r\n", "\n")


# ---- summaries and evaluations ----

def test_a_summary_is_made_once(serve, model):
    session, call = serve.held_call("ann")
    model.says("They asked for the hours.", "Another one.")
    made = serve.call("POST", f"/v1/calls/{call['id']}/summary", who=as_user("ann"), status=200).data
    assert (made["summary"], made["model"], made["new"], made["callId"]) == ("They asked for the hours.", "openai/judge", True, call["id"])
    assert serve.call("POST", f"/v1/sessions/{session['id']}/summary", {}, as_user("ann"), status=200).data == {**made, "new": False}
    assert len(model.asked) == 1
    assert serve.call("POST", f"/v1/calls/{call['id']}/summary", {"again": True}, status=200).data["summary"] == "Another one."


def test_an_evaluation_is_made_once_and_replaced_when_asked(serve, model):
    session, call = serve.held_call("ann")
    model.says(JUDGED)
    made = serve.call("POST", f"/v1/sessions/{session['id']}/evaluate", {"criteria": CRITERIA}, as_user("ann"), status=201).data
    assert made["score"] == 50 and [one["met"] for one in made["criteria"]] == [True, False]
    assert "again" in serve.call("POST", f"/v1/calls/{call['id']}/evaluation", {"criteria": CRITERIA}, status=409).error["hint"]
    serve.call("POST", f"/v1/calls/{call['id']}/evaluation", {"criteria": CRITERIA, "again": True}, status=201)
    serve.call("POST", f"/v1/calls/{call['id']}/evaluation", {"criteria": []}, status=400)
    serve.call("POST", f"/v1/calls/{call['id']}/evaluation", {"criteria": ["  "], "again": True}, status=400)


def test_an_evaluation_is_tried_five_times(serve, model):
    _, call = serve.held_call("ann")
    model.says("It went well.", "{}", "Sure!", "No.", JUDGED)
    assert serve.call("POST", f"/v1/calls/{call['id']}/evaluation", {"criteria": CRITERIA}, status=201, timeout=60).data["score"] == 50
    assert len(model.asked) == 5
    model.says("It went well.")
    assert serve.call("POST", f"/v1/calls/{call['id']}/evaluation", {"criteria": CRITERIA, "again": True}, status=502, timeout=60).error["type"] == "BAD_GATEWAY"
    assert len(model.asked) == 5


def test_what_is_not_there_yet_is_another_thing_than_a_conflict(serve, model):
    session, call = serve.held_call("ann", turns=())
    empty = serve.call("POST", f"/v1/calls/{call['id']}/summary", status=425)
    assert int(empty.headers["Retry-After"]) > 0
    session, call = serve.held_call("ann")
    with sqlite3.connect(serve.store, timeout=20) as store:
        store.execute("UPDATE calls SET status = 'active', ended_at = NULL WHERE id = ?", [call["id"]])
    going = serve.call("POST", f"/v1/sessions/{session['id']}/evaluate", {"criteria": CRITERIA}, status=425)
    assert int(going.headers["Retry-After"]) > 0 and going.error["type"] == "TOO_EARLY"
    serve.call("POST", f"/v1/sessions/{serve.session('ann')['id']}/summary", status=425)


def test_more_entries_than_a_model_is_given(serve):
    _, call = serve.held_call("ann", turns=["a"] * 501)
    serve.call("POST", f"/v1/calls/{call['id']}/summary", status=422)


def test_a_model_that_refuses_its_key_is_our_trouble_and_the_key_is_not_told(serve, model):
    _, call = serve.held_call("ann")
    model.says(401)
    refused = serve.call("POST", f"/v1/calls/{call['id']}/summary", who=as_user("ann"), status=502)
    assert b"sk-" not in refused.body and "sk-the-key-of-the-model" not in serve.log.read_text()


# ---- calls that are started ----

def livekit(server, ask):
    async def run():
        async with api.LiveKitAPI(f"http://127.0.0.1:{server.port}", server.key, server.secret) as lk:
            return await ask(lk)
    return asyncio.run(run())


def rooms(server):
    return {room.name: room for room in livekit(server, lambda lk: lk.room.list_rooms(api.ListRoomsRequest())).rooms}


def test_a_call_for_a_web_page(start, server):
    serve = start("--call-agent", "receptionist", "--call-agent", "other", env=server.environment())
    made = serve.call("POST", "/v1/calls", {"scenarioId": "ship", "metadata": {"variables": {"guest": "Ann"}}}, as_user("ann"), status=201, timeout=60).data
    room = rooms(server)[made["room"]]
    assert json.loads(room.metadata)["userId"] == "ann"
    (dispatch,) = [one for one in livekit(server, lambda lk: lk.agent_dispatch.list_dispatch(made["room"])) if one.agent_name]  # the server makes one for agents without a name
    assert [dispatch.id] == [one["dispatchId"] for one in made["agents"]] and dispatch.agent_name == "receptionist" and json.loads(dispatch.metadata) == {"userId": "ann", "scenarioId": "ship", "variables": {"guest": "Ann"}}
    joined = subprocess.Popen([parts.voicectl_path(), "room", "join", made["room"], "--token", made["token"], "-o", "jsonl"], env=parts.clean_environment({"LIVEKIT_URL": made["url"]}), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        def inside():
            assert joined.poll() is None, joined.stderr.read()
            return [one.identity for one in livekit(server, lambda lk: lk.room.list_participants(api.ListParticipantsRequest(room=made["room"]))).participants]
        assert parts.wait_for(inside, 30, "the caller in the room") == [made["identity"]]
    finally:
        joined.send_signal(signal.SIGINT)
        joined.wait(15)
    assert serve.call("POST", "/v1/calls", {"agentName": "other", "userId": "zoe", "metadata": {"company": 1}}, status=201, timeout=60).data["agents"][0]["agentName"] == "other"
    serve.call("POST", "/v1/calls", {"agentName": "hidden"}, as_user("ann"), status=403)
    assignment, before = str(uuid.uuid4()), set(rooms(server))
    for who in (as_user("ann"), AS_SERVICE):
        serve.call("POST", "/v1/calls", {"userId": "ann", "assignmentId": assignment}, who, status=404)
    serve.call("PUT", f"/v1/assignments/{assignment}", {"userId": "zoe"}, status=200)
    for who in (as_user("ann"), AS_SERVICE):
        serve.call("POST", "/v1/calls", {"userId": "ann", "assignmentId": assignment}, who, status=409)
    assert set(rooms(server)) <= before
    hers = serve.call("POST", "/v1/calls", {"assignmentId": assignment}, as_user("zoe"), status=201, timeout=60).data
    assert json.loads(rooms(server)[hers["room"]].metadata) == {"userId": "zoe", "assignmentId": assignment}
    assert serve.call("POST", "/v1/calls", {}, status=400).error["message"] == "userId: missing"
    serve.call("POST", "/v1/calls", {"agentName": "hidden", "userId": "zoe"}, status=201, timeout=60)
    assert made["token"] not in serve.log.read_text() and serve.stop() == 0


class HalfBroken(parts.Web):
    """Before a livekit-server: it answers what is dispatched with a fault that repeats the token, and hands on the rest."""

    def __init__(self, server):
        outer = self
        self.tokens = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.tokens.append(self.headers["Authorization"].split()[1])
                if "CreateDispatch" in self.path:
                    text = json.dumps({"code": outer.code, "msg": f"the token {outer.tokens[-1]} is not liked"}).encode()
                    self.send_response(outer.status)
                else:
                    given = urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{server.port}{self.path}", body, {name: self.headers[name] for name in ("Authorization", "Content-Type")}))
                    text = given.read()
                    self.send_response(given.status)
                    self.send_header("Content-Type", given.headers["Content-Type"])
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.listen(Handler)


@pytest.mark.parametrize("status,code", [(401, "unauthenticated"), (403, "permission_denied"), (404, "not_found"), (400, "invalid_argument"), (500, "internal")])
def test_a_call_of_which_a_part_fails_is_undone_and_is_not_the_callers_fault(start, server, status, code):
    before = set(rooms(server))
    broken = HalfBroken(server)
    broken.status, broken.code = status, code
    serve = start("--call-agent", "receptionist", env={**server.environment(), "LIVEKIT_URL": f"ws://127.0.0.1:{broken.server.server_port}"})
    try:
        refused = serve.call("POST", "/v1/calls", who=as_user("ann"), timeout=60)
        assert refused.status >= 500, refused
        assert set(rooms(server)) <= before
        assert broken.tokens
        for token in broken.tokens:
            assert token.encode() not in refused.body and token not in serve.log.read_text()
    finally:
        broken.server.shutdown()
        broken.server.server_close()


def test_without_a_livekit_server_calls_are_not_configured(start):
    serve = start(env={"LIVEKIT_URL": "", "XDG_CONFIG_HOME": "/nowhere", "HOME": "/nowhere"})
    serve.call("POST", "/v1/calls", {"userId": "ann"}, status=501)
    assert serve.raw("POST", "/v1/webhooks/livekit", b"{}").status == 501


# ---- webhooks and recordings ----

def hook(serve, event, room, **more):
    body = json.dumps({"event": event, "id": f"EV_{uuid.uuid4().hex}", "createdAt": str(int(time.time())), "room": {"sid": "RM_" + room, "name": room}, **more}).encode()
    token = api.AccessToken(HOOKS["LIVEKIT_API_KEY"], HOOKS["LIVEKIT_API_SECRET"]).with_sha256(base64.b64encode(hashlib.sha256(body).digest()).decode()).to_jwt()
    answer = serve.raw("POST", "/v1/webhooks/livekit", body, {"Authorization": token, "Content-Type": "application/webhook+json"})
    serve.document.check("POST", "/v1/webhooks/livekit", answer)
    return answer


def record(serve, call, location, size=1000):
    now = time.time_ns()
    info = {"egressId": "EG_" + uuid.uuid4().hex[:8], "roomId": "RM_" + call["room"], "roomName": call["room"], "status": "EGRESS_COMPLETE", "startedAt": str(now - 2_000_000_000), "endedAt": str(now),
            "fileResults": [{"filename": str(location), "location": str(location), "duration": "2000000000", "size": str(size)}]}
    assert hook(serve, "egress_ended", call["room"], egressInfo=info).status == 200
    return info


def test_webhooks_of_a_real_server_are_stored(start):
    port = parts.free_port()
    server = parts.Server(webhooks=[f"http://127.0.0.1:{port}/v1/webhooks/livekit"])
    try:
        serve = start(env=server.environment(), port=port)
        env = server.environment()
        assert parts.voicectl("room", "create", "hooked", env=env).code == 0
        assert parts.voicectl("room", "delete", "hooked", "--yes", env=env).code == 0
        kinds = lambda: {json.loads(line)["event"] for line in parts.voicectl("webhook", "list", "--all", "-o", "jsonl", "--store", serve.store, "--room", "hooked").out.splitlines()}
        parts.wait_for(lambda: {"room_started", "room_finished"} <= kinds(), 30, "both events")
        assert {one["status"] for one in serve.requests(path="/v1/webhooks/livekit")} == {"200"}
    finally:
        server.stop()


def test_webhooks_that_are_not_livekits_are_refused(serve):
    forged = serve.raw("POST", "/v1/webhooks/livekit", b'{"event": "room_started"}', {"Authorization": api.AccessToken("APIserve", "x" * 40).to_jwt(), "Content-Type": "application/webhook+json"})
    assert forged.status == 401
    assert serve.raw("POST", "/v1/webhooks/livekit", b'{"event": "room_started"}', AS_SERVICE).status == 401


SOUND = bytes(range(256)) * 4


def recorded(serve, folder, name="sound.ogg"):
    _, call = serve.held_call("ann", room="rec-" + uuid.uuid4().hex[:8])
    (folder / "recordings" / name).write_bytes(SOUND)
    record(serve, call, "/out/" + name, len(SOUND))
    return call


def test_webhooks_are_handed_on(start, downstream):
    target, gone = downstream(lambda number, event: 503 if number == 0 else 200), downstream(lambda number, event: 410)
    serve = start("--forward", target.url, "--forward", gone.url, "--forward", target.url, env=HOOKS)
    for room in ("one", "two"):
        for event in ("room_started", "participant_joined", "room_finished"):
            assert hook(serve, event, room).status == 200
    refused = serve.raw("POST", "/v1/webhooks/livekit", b"{}", {"Authorization": "wrong"})
    assert refused.status == 401
    parts.wait_for(lambda: len(target.delivered()) == 6, 30, "all events")
    for room in ("one", "two"):
        assert [event["event"] for event in target.delivered() if event["room"]["name"] == room] == ["room_started", "participant_joined", "room_finished"]
    receiver = api.WebhookReceiver(api.TokenVerifier(HOOKS["LIVEKIT_API_KEY"], HOOKS["LIVEKIT_API_SECRET"]))
    for _, event, body, headers in target.seen:
        assert receiver.receive(body.decode(), headers["Authorization"]).id == event["id"]
    parts.wait_for(lambda: "answered 410 and gets no more" in serve.log.read_text(), what="the end of the other")
    assert len(gone.seen) <= 2, "at most what was on its way, one of each room"
    assert serve.stop() == 0


def test_what_is_not_handed_on_at_the_end_is_after_the_next_start(start, downstream, tmp_path):
    target = downstream(pause=1)  # holds every answer back
    serve = start("--forward", target.url, env=HOOKS, store=str(tmp_path / "s.db"))
    for number in range(4):
        assert hook(serve, "participant_joined", "demo", participant={"identity": f"p{number}"}).status == 200
    parts.wait_for(lambda: target.seen, what="the first")
    held = threading.Timer(1, target.pause.set)  # while the end waits for it
    held.start()
    assert serve.stop() == 0
    held.join()
    known = len(target.delivered())
    assert known < 4, "an end begins nothing new"
    start("--forward", target.url, env=HOOKS, store=str(tmp_path / "s.db"))
    parts.wait_for(lambda: len({event["id"] for event in target.delivered()}) == 4, 30, "the rest")
    assert [event["participant"]["identity"] for event in target.delivered()] == ["p0", "p1", "p2", "p3"], "in order, and none twice"


def test_a_recording_is_bound_to_its_call_and_played(serve, folder):
    call = recorded(serve, folder)
    shown = serve.call("GET", f"/v1/calls/{call['id']}", who=as_user("ann"), status=200).data["recording"]
    assert shown["location"] == "/out/sound.ogg" and shown["durationMs"] == 2000 and shown["size"] == len(SOUND)
    whole = serve.call("GET", shown["url"], who=as_user("ann"), status=200)
    assert whole.body == SOUND and whole.headers["Content-Type"] == "audio/ogg" and whole.headers["Accept-Ranges"] == "bytes"
    head = serve.call("HEAD", shown["url"], who=as_user("ann"), status=200)
    assert head.body == b"" and head.headers["Content-Length"] == str(len(SOUND))


@pytest.mark.parametrize("given,status,part,told", [
    ("bytes=0-9", 206, SOUND[:10], "bytes 0-9/1024"), ("bytes=1000-", 206, SOUND[1000:], "bytes 1000-1023/1024"), ("bytes=-10", 206, SOUND[-10:], "bytes 1014-1023/1024"),
    ("bytes=1020-99999", 206, SOUND[1020:], "bytes 1020-1023/1024"), ("bytes=-99999", 206, SOUND, "bytes 0-1023/1024"), ("bytes=1024-", 416, b"", "bytes */1024"), ("bytes=-0", 416, b"", "bytes */1024"),
    ("bytes=9-0", 200, SOUND, None), ("bytes=", 200, SOUND, None), ("bytes=-", 200, SOUND, None), ("lines=0-1", 200, SOUND, None), ("bytes=0-1,4-5", 200, SOUND, None),
    ("bytes=0x0-1", 200, SOUND, None), ("bytes=99999999999999999999-", 200, SOUND, None), ("bytes=+1-2", 200, SOUND, None)])
def test_parts_of_a_recording(serve, folder, given, status, part, told):
    call = recorded(serve, folder)
    answer = serve.call("GET", f"/v1/calls/{call['id']}/recording", who=as_user("ann"), headers={"Range": given}, status=status)
    assert answer.body == part and answer.headers["Content-Range"] == told


def test_recordings_outside_of_the_folder_are_not_there(serve, folder, tmp_path):
    (tmp_path / "outside.ogg").write_bytes(SOUND)
    (tmp_path / "recordings-more").mkdir()
    (folder / "recordings-more").mkdir()
    (folder / "recordings-more" / "beside.ogg").write_bytes(SOUND)
    recordings = folder / "recordings"
    (recordings / "link.ogg").symlink_to(tmp_path / "outside.ogg")
    (recordings / "out").symlink_to(tmp_path)
    (recordings / "notes.txt").write_text("secret")
    (recordings / "folder.ogg").mkdir()
    os.mkfifo(recordings / "pipe.ogg")
    for location in (tmp_path / "outside.ogg", f"file://{tmp_path}/outside.ogg", "../recordings-more/beside.ogg", folder / "recordings-more/beside.ogg", recordings / "link.ogg", "link.ogg", "out/outside.ogg", "notes.txt", "folder.ogg", "pipe.ogg",
                     "", "/", "..", "/etc/passwd", "https://example.com/elsewhere.ogg", "s3://bucket/other.ogg", "a" * 5000 + ".ogg", "sound\u0000.ogg", serve.store):
        _, call = serve.held_call("ann", room="out-" + uuid.uuid4().hex[:8])
        record(serve, call, location)
        refused = serve.call("GET", f"/v1/calls/{call['id']}/recording", status=404)
        assert str(folder) not in refused.body.decode(), location


# ---- scenarios ----

def test_scenarios_are_served_to_agents(serve, folder):
    scenarios = folder / "scenarios"
    (scenarios / "ship.md").write_text("You are a pirate.\n")
    (scenarios / "shop.json").write_text(json.dumps({"prompt": "You sell.", "greeting": "Hello.", "more": 1}))
    (scenarios / "bad.json").write_text("{")
    (scenarios / "large.md").write_text("x" * 300_000)
    for path in ("/v1/scenarios/", "/api/internal/scenarios/"):
        assert serve.call("GET", path + "ship", status=200).data == {"prompt": "You are a pirate."}
        assert serve.call("GET", path + "shop", status=200).data == {"prompt": "You sell.", "greeting": "Hello."}
        for missing in ("none", "ship.md", "..%2fscenarios%2fship", "%2e%2e", "ship%00", "a" * 200, "ship%5c"):
            serve.call("GET", path + missing, status=404)
        for broken in ("bad", "large"):
            assert str(folder) not in serve.call("GET", path + broken, status=500).body.decode()
        serve.call("GET", path + "ship", who=as_user("ann"), status=403)


def test_an_agent_gets_its_prompt_from_the_server(serve, folder, tmp_path, model):
    (folder / "scenarios" / "ship.json").write_text(json.dumps({"prompt": "You are a pirate named {{guest}}.", "greeting": "Welcome on board, {{guest}}."}))
    (tmp_path / "key").write_text(serving.KEY + "\n")
    model.config(tmp_path / "agent.yaml")
    with open(tmp_path / "agent.yaml", "a") as config:
        config.write(f"greeting: Hello.\nprompt_from: [backend]\nbackend: {{url: '{serve.url}', key_file: {tmp_path}/key}}\nvariables: {{guest: nobody}}\n")
    model.says("Arr.")
    talk = parts.voicectl("agent", "console", tmp_path / "agent.yaml", "--metadata", json.dumps({"userId": "ann", "scenarioId": "ship", "variables": {"guest": "Ann"}}), stdin="Where are we?\n")
    assert talk.code == 0 and talk.out.splitlines()[0] == "Welcome on board, Ann." and "Arr." in talk.out, talk
    assert model.asked[-1][1]["messages"][0] == {"role": "system", "content": "You are a pirate named Ann."}
    (line,) = serve.requests(path="/api/internal/scenarios/ship", who="service", status="200")[-1:]


# ---- health, metrics, logs ----

def test_health_says_what_runs(serve):
    health = serve.call("GET", "/health", who=NOBODY, status=200).json
    assert health["status"] == "ok" and health["uptimeSeconds"] >= 0 and health["version"] in parts.voicectl("version").out
    assert serve.call("GET", "/health/db", who=NOBODY, status=200).json == {"status": "ok"}
    assert serve.call("HEAD", "/health", who=NOBODY, status=200).body == b""


def test_a_database_that_hangs_or_is_gone_is_told_in_time(start, postgres):
    serve = start(store=postgres.new_database())
    serve.call("GET", "/health/db", who=NOBODY, status=200)
    postgres.signal_all(signal.SIGSTOP)
    try:
        began = time.monotonic()
        hung = serve.call("GET", "/health/db", who=NOBODY, status=503, timeout=10)
        assert time.monotonic() - began < 5 and hung.json["status"] == "failed"
        serve.call("GET", "/health", who=NOBODY, status=200, timeout=5)
    finally:
        postgres.signal_all(signal.SIGCONT)
    parts.wait_for(lambda: serve.raw("GET", "/health/db").status == 200, 30, "the database is back")
    postgres.halt()
    try:
        gone = serve.call("GET", "/health/db", who=NOBODY, status=503, timeout=10)
        assert "127.0.0.1" not in gone.body.decode() and postgres.password not in gone.body.decode()
        refused = serve.call("GET", "/v1/sessions", status=503, timeout=60)
        assert "127.0.0.1" not in refused.body.decode()
    finally:
        postgres.start()
    parts.wait_for(lambda: serve.raw("GET", "/health/db").status == 200, 60, "the database is back")
    assert postgres.password not in serve.log.read_text()
    assert serve.stop() == 0


SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (NaN|[+-]?Inf|[-+0-9.eE]+)$')


def samples(text):
    assert text.endswith("\n")
    out = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.match(r"^# (HELP|TYPE) \w+ .+", line), line
            continue
        found = SAMPLE.match(line)
        assert found, line
        key = (found[1], ",".join(sorted(re.findall(r'\w+="[^"]*"', found[2] or ""))))
        assert key not in out, line
        out[key] = float(found[3])
    return out


def test_metrics(start):
    serve = start()
    serve.held_call("ann")
    serve.session("bob")
    serve.call("GET", "/v1/sessions", who={"X-Internal-Service-Key": "wrong"}, status=401)
    told = samples(serve.call("GET", "/metrics", status=200).body.decode())
    assert told["voicectl_stored_sessions_active", ""] == 2 and told["voicectl_stored_calls_active", ""] == 0
    assert told["voicectl_stored_calls_ended_total", 'status="completed"'] == 1 and told["voicectl_http_requests_in_flight", ""] == 1
    assert told["voicectl_http_requests_total", 'method="POST",route="createSession",status="201"'] == 2
    assert told["voicectl_http_refused_total", 'reason="wrong key or token"'] == 1
    assert told["voicectl_http_request_seconds_count", 'route="createSession"'] == 2
    again = samples(serve.call("GET", "/metrics", status=200).body.decode())
    assert again["voicectl_stored_calls_ended_total", 'status="completed"'] == 1, "each call is counted once"
    serve.call("GET", "/metrics", who=NOBODY, status=401)
    serve.call("GET", "/metrics", who=as_user("ann"), status=403)
    samples(start("--open-metrics").raw("GET", "/metrics").body.decode())


def test_a_request_has_an_id_and_a_line_in_the_log(serve):
    assert serve.call("GET", "/health", headers={"X-Request-Id": "abc-1.2_3"}).headers["X-Request-Id"] == "abc-1.2_3"
    for bad in ("a b", "x" * 65, "", "a\tb", "<script>", "\xe9"):
        made = serve.call("GET", "/v1/sessions", who=NOBODY, headers={"X-Request-Id": bad}, status=401)
        assert re.fullmatch(r"[0-9a-zA-Z]{8,32}", made.headers["X-Request-Id"]) and made.error["requestId"] == made.headers["X-Request-Id"]
    session, call = serve.held_call("ann", ["The number is 4711 0815."])
    answer = serve.call("GET", f"/v1/calls/{call['id']}/transcript?format=json", who=as_user("ann"), headers={"X-Request-Id": "find-me"}, status=200)
    line = parts.wait_for(lambda: serve.requests(request="find-me"), what="the line")[0]
    assert (line["method"], line["path"], line["status"], line["who"], line["user"], line["bytes"]) == ("GET", f"/v1/calls/{call['id']}/transcript", "200", "user", "ann", str(len(answer.body)))
    assert line["client"].startswith("127.0.0.1:") and float(line["ms"]) >= 0
    assert "4711 0815" not in serve.log.read_text()


# ---- start and end ----

def test_what_was_begun_is_finished(start, model, tmp_path):
    serve = start("--agent", model.config(tmp_path / "judge.yaml"))
    _, call = serve.held_call("ann")
    held = threading.Event()
    model.says(held)
    got = []
    asking = threading.Thread(target=lambda: got.append(serve.call("POST", f"/v1/calls/{call['id']}/summary", timeout=60)))
    asking.start()
    parts.wait_for(lambda: model.asked, what="the model is asked")
    serve.process.send_signal(signal.SIGTERM)
    try:
        draining = parts.wait_for(lambda: (answer := serve.raw("GET", "/health")).status == 503 and answer, 10, "/health says that it drains")
        assert draining.json["status"] == "draining"
        refused = serve.call("POST", "/v1/sessions", {"userId": "ann"}, status=503)
        assert int(refused.headers["Retry-After"]) > 0
    finally:
        held.set()
    asking.join(30)
    assert got[0].status == 200 and got[0].data["summary"] == "Late."
    assert serve.process.wait(20) == 0 and not serve.ready.exists()


@pytest.mark.parametrize("number,code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_second_signal_ends_at_once(start, model, tmp_path, number, code):
    serve = start("--agent", model.config(tmp_path / "judge.yaml"))
    _, call = serve.held_call("ann")
    held = threading.Event()
    model.says(held)

    def ask():
        try:
            serve.raw("POST", f"/v1/calls/{call['id']}/summary", headers=AS_SERVICE, timeout=60)
        except (OSError, http.client.HTTPException):
            pass  # the connection is closed

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        parts.wait_for(lambda: model.asked, what="the model is asked")
        serve.process.send_signal(number)
        parts.wait_for(lambda: "once more to end at once" in serve.log.read_text(), what="the first signal is heard")
        assert serve.process.poll() is None
        serve.process.send_signal(number)
        assert serve.process.wait(10) == code
    finally:
        held.set()
        asking.join(20)


def test_an_end_while_the_database_hangs(start, postgres):
    serve = start(store=postgres.new_database())
    postgres.signal_all(signal.SIGSTOP)
    try:
        with serve.connect() as connection:
            connection.sendall(b"GET /v1/sessions HTTP/1.1\r\nHost: h\r\nX-Internal-Service-Key: " + serving.KEY.encode() + b"\r\n\r\n")
            serve.raw("GET", "/health/db")
            serve.process.send_signal(signal.SIGTERM)
            parts.wait_for(lambda: "once more to end at once" in serve.log.read_text(), what="the first signal is heard")
            serve.process.send_signal(signal.SIGTERM)
            assert serve.process.wait(20) == 143
    finally:
        postgres.signal_all(signal.SIGCONT)


def test_idle_connections_hold_up_no_end(start):
    serve = start()
    with serve.connect() as idle, serve.connect() as half:
        half.sendall(b"POST /v1/sessions HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
        serve.raw("GET", "/health")
        assert serve.stop(timeout=10) == 0
        assert idle.recv(1) == b""


def test_a_start_that_cannot_be(tmp_path):
    good = {"INTERNAL_SERVICE_KEY": serving.KEY}
    line, hint = refusal("--store", tmp_path / "s.db", env={**good, "ENV": "production"})
    assert "origins" in line and "CORS_ALLOWED_ORIGINS" in hint
    assert "origins" in refusal("--store", tmp_path / "s.db", "--host", "0.0.0.0", env=good)[0], "without ENV: production, where others can come"
    line, hint = refusal("--store", tmp_path / "s.db")
    assert "nobody could ask" in line and "INTERNAL_SERVICE_KEY" in hint
    assert "'staging'" in refusal("--store", tmp_path / "s.db", env={**good, "ENV": "staging"})[0]
    for origin in ("*", "null", "https://*.example.com", "https://app.example.com/path", "app.example.com", "http://app.example.com", "ftp://app.example.com", "https://app.example.com?x", "javascript:alert(1)", "https://user@app.example.com"):
        line, hint = refusal("--store", tmp_path / "s.db", env={**good, "ENV": "production", "CORS_ALLOWED_ORIGINS": "https://good.example.com," + origin})
        assert "origin" in line and hint, origin
    assert "16" in refusal("--store", tmp_path / "s.db", env={"INTERNAL_SERVICE_KEY": "short"})[0]
    assert "32" in refusal("--store", tmp_path / "s.db", env={"VOICECTL_JWT_SECRET": "short"})[0]
    for url in ("http://issuer.example.com/keys", "file:///etc/passwd", "ftp://127.0.0.1/keys", "//x", "http://127.0.0.1.example.com/"):
        assert "JWKS" in refusal("--store", tmp_path / "s.db", "--jwks-url", url)[0], url
    assert "no folder" in refusal("--store", tmp_path / "s.db", "--recordings", tmp_path / "none", env=good)[0]
    (tmp_path / "empty").write_text("\n")
    assert "no secret" in refusal("--store", tmp_path / "s.db", "--service-key-file", tmp_path / "empty")[0]
    (tmp_path / "three").write_text("".join(f"key-number-{i}-0123456789\n" for i in range(3)))
    told = refusal("--store", tmp_path / "s.db", "--service-key-file", tmp_path / "three")
    assert "more than two" in told[0] and "key-number" not in "".join(told)


def test_a_port_that_is_taken(start, tmp_path):
    serve = start()
    done = parts.voicectl("serve", "--port", serve.port, "--store", tmp_path / "s.db", env={"INTERNAL_SERVICE_KEY": serving.KEY})
    assert done.code == 6 and f"port {serve.port} is taken" in done.err and done.err.count("error: ") == 1, done


def test_keys_rotate_and_secrets_come_from_files(start, tmp_path):
    (tmp_path / "keys").write_text("the-new-key-0123456789\nthe-old-key-0123456789\n")
    (tmp_path / "secret").write_text(serving.SECRET + "\n")
    serve = start("--service-key-file", tmp_path / "keys", "--jwt-secret-file", tmp_path / "secret", key=None, secret=None)
    for key, status in (("the-new-key-0123456789", 200), ("the-old-key-0123456789", 200), (serving.KEY, 401), ("the-new-key-0123456789 the-old-key-0123456789", 401)):
        serve.call("GET", "/v1/sessions", who={"X-Internal-Service-Key": key}, status=status)
    serve.call("GET", "/v1/sessions", who=as_user("ann"), status=200)
    assert "the-new-key" not in serve.log.read_text() and "the-old-key" not in serve.log.read_text()
    rotating = start(env={"INTERNAL_SERVICE_KEY_PREVIOUS": "the-old-key-0123456789"})
    rotating.call("GET", "/v1/sessions", who={"X-Internal-Service-Key": "the-old-key-0123456789"}, status=200)
    rotating.call("GET", "/v1/sessions", status=200)


def test_browsers_of_named_origins_may_ask(start):
    serve = start(env={"ENV": "production", "CORS_ALLOWED_ORIGINS": "https://app.example.com, https://Other.example.com:8443/"})
    ask = lambda origin, path="/v1/calls": serve.raw("OPTIONS", path, headers={"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"})
    for origin in ("https://app.example.com", "https://other.example.com:8443"):
        allowed = ask(origin)
        assert allowed.status == 204 and allowed.headers["Access-Control-Allow-Origin"] == origin and "POST" in allowed.headers["Access-Control-Allow-Methods"] and "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
        assert "Origin" in allowed.headers["Vary"] and "Access-Control-Allow-Credentials" not in allowed.headers
        plain = serve.call("GET", "/v1/sessions", who={**as_user("ann"), "Origin": origin}, status=200)
        assert plain.headers["Access-Control-Allow-Origin"] == origin and plain.headers.get_all("Access-Control-Allow-Origin") == [origin]
        assert serve.call("GET", "/v1/sessions", who={"Origin": origin}, status=401).headers["Access-Control-Allow-Origin"] == origin, "or the page cannot read why not"
    for origin in ("https://evil.example.com", "http://app.example.com", "https://app.example.com.evil.org", "https://app.example.com:444", "null", "*", "http://localhost:3000", "https://app.example.com, https://evil.org"):
        assert ask(origin).status == 403 and "Access-Control-Allow-Origin" not in ask(origin).headers, origin
        assert "Access-Control-Allow-Origin" not in serve.call("GET", "/v1/sessions", who={**as_user("ann"), "Origin": origin}, status=200).headers
    here = start(env={"ENV": "development"})
    for origin, allowed in (("http://localhost:3000", True), ("http://127.0.0.1:5173", True), ("http://[::1]:1", True), ("https://app.example.com", False), ("http://localhost.evil.org", False), ("http://127.0.0.1.evil.org", False), ("http://localhost:3000@evil.org", False), ("null", False)):
        assert ("Access-Control-Allow-Origin" in here.call("GET", "/health", who={"Origin": origin}, status=200).headers) == allowed, origin


# ---- the document ----

def test_the_document_is_openapi(serve):
    document = serve.document.json
    assert document["openapi"].startswith("3.1.")
    jsonschema.Draft202012Validator(json.loads((ROOT / ".cache/sherpa/wheels/openapi_spec_validator/resources/schemas/v3.1/schema.json").read_text())).validate(document)  # OpenAPI Initiative's own
    names = []
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            names.append(operation["operationId"])
            wanted = set(re.findall(r"{(\w+)}", path))
            assert {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"} == wanted
            assert operation["summary"] and operation["responses"]
            for scheme in operation["security"]:
                assert set(scheme) <= set(document["components"]["securitySchemes"])
    assert len(set(names)) == len(names)
    used = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert used <= set(document["components"]["schemas"]), "every reference leads somewhere"


def test_every_operation_of_the_document_is_there_and_nothing_else(serve):
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
    for template, operations in serve.document.paths.items():
        path = re.sub(r"{\w+}", "nothing-of-the-kind", template)
        there = {method.upper() for method in operations} | ({"HEAD"} if "get" in operations else set())
        for method in methods:
            answer = serve.raw(method, path, headers=AS_SERVICE)
            if method not in there:
                assert answer.status == 405, (method, path, answer)
                assert {one.strip() for one in answer.headers["Allow"].split(",")} == there, (method, path, answer)
                continue
            serve.document.check(method, path, answer)
            assert answer.status != 405
            if answer.status == 404 and method != "HEAD":
                assert "no such path" not in answer.error["message"], (method, path, answer)


def test_who_may_what_is_what_the_document_says(serve):
    """Each operation, asked by each kind of caller: whoever the document does not name is refused, whoever it names is not."""
    for template, operations in serve.document.paths.items():
        for method, operation in operations.items():
            path, named = re.sub(r"{\w+}", "nothing-of-the-kind", template), {name for scheme in operation["security"] for name in scheme}
            if template == "/v1/webhooks/livekit":
                continue
            for name, who in (("nobody", NOBODY), ("user", as_user("ann")), ("service", AS_SERVICE)):
                status = serve.call(method.upper(), path, who=who).status
                if not named:
                    assert status == (426 if template == "/v1/voice" else 200), (method, path, name)
                else:
                    assert (status in (401, 403)) == (name not in named), (method, path, name, status)
