"""Users' sessions and call detail records, on the built binary; what a real call used and cost."""
import csv
import io
import json

import parts
import pytest

YAML = """
name: billed
greeting: Good morning.
stt: {provider: pocketsphinx, phrases: ["when are you open"]}
llm: {provider: script, rules: [{match: "open", answer: "We are open from nine until six."}], default: "I do not know."}
tts: {provider: flite, voice: slt}
caller_return: 0s
"""


@pytest.fixture
def session(tmp_path):
    def run(*arguments, code=0):
        result = parts.voicectl("session", *arguments, "--store", tmp_path / "s.db", "--json")
        assert result.code == code, result
        return json.loads(result.err) if code else result.json

    return run


def test_a_session_from_its_opening_to_its_end(session):
    session("assign", "lesson", "--user", "ann")
    made = session("create", "--id", "s1", "--user", "ann", "--assignment", "lesson")
    assert (made["userId"], made["assignmentId"], made["status"], made["completedAt"]) == ("ann", "lesson", "active", None)
    assert session("create", "--id", "s1", "--user", "ann", "--assignment", "lesson") == made
    done = session("finalize", "s1")
    assert done["status"] == "completed" and done["completedAtMs"] >= done["startedAtMs"]
    assert session("finalize", "s1") == done
    assert session("show", "s1")["completedAt"] == done["completedAt"]
    other = session("create", "--user", "bob")
    assert other["id"].startswith("VS_")
    assert [one["id"] for one in session("list")["sessions"]] == sorted([other["id"], "s1"], key=["s1", other["id"]].index, reverse=True)
    assert [one["id"] for one in session("list", "--status", "active")["sessions"]] == [other["id"]]


def test_who_may_not_and_what_is_not_there_is_told_with_what_to_do(session):
    session("assign", "lesson", "--user", "ann")
    error = session("create", "--user", "bob", "--assignment", "lesson", code=6)["error"]
    assert error["message"] == "user bob does not own assignment lesson"
    assert session("list")["sessions"] == []
    assert session("create", "--user", "ann", "--assignment", "other", code=5)["error"]["hint"] == "voicectl session assign ID --user USER"
    session("create", "--id", "s1", "--user", "ann")
    session("create", "--id", "s1", "--user", "bob", code=6)
    assert session("finalize", "s2", code=5)["error"]["hint"] == "voicectl session list"
    session("show", "s2", code=5)
    session("create", "--user", "ann", "--call", "nowhere", code=5)


def test_nothing_is_there_before_the_first_call(tmp_path):
    env = {"XDG_STATE_HOME": str(tmp_path)}
    assert parts.voicectl("session", "list", "--json", env=env).json == {"sessions": []}
    assert parts.voicectl("call", "records", "--json", env=env).json == {"records": []}
    assert parts.voicectl("call", "records", "--csv", env=env).out == ""


def test_a_real_call_has_its_detail_record(server, agents):
    agent = agents(server, YAML)
    call = parts.voicectl("e2e-call", "--agent", "billed", "--say", "When are you open?", "--room", "billed-room",
                          "--metadata", json.dumps({"userId": "ann", "assignmentId": "lesson"}), env=server.environment())
    assert call.code == 0, call
    parts.wait_for(lambda: agent.events("job_ended"), 60, "the job's end")
    store = ["--store", agent.store]
    (session,) = parts.voicectl("session", "list", "--user", "ann", *store, "--json").json["sessions"]
    assert session["assignmentId"] == "lesson" and session["status"] == "completed" and session["completedAtMs"] > session["startedAtMs"]
    (record,) = parts.voicectl("call", "records", *store, "--json").json["records"]
    assert (record["room"], record["agentName"], record["userId"], record["sessionId"]) == ("billed-room", "billed", "ann", session["id"])
    assert record["sttSeconds"] > 1 and record["ttsCharacters"] > len("We are open from nine until six.")
    assert record["costUsd"] == "0" and record["status"] == "completed" and record["reason"]
    assert record["answers"] >= 1 and 0 < record["answerP50Ms"] <= record["answerP95Ms"] <= record["answerMaxMs"]
    assert record["durationMs"] > 3000 and record["turns"] >= 3 and record["errors"] == 0
    shown = parts.voicectl("session", "show", session["id"], *store, "--json").json
    assert shown["costs"]["totalUsd"] == "0" and shown["usage"]["characters"] == record["ttsCharacters"]
    (row,) = csv.DictReader(io.StringIO(parts.voicectl("call", "records", "--csv", *store).out))
    assert row == {key: "" if value is None else value if isinstance(value, str) else json.dumps(value) for key, value in record.items()}
    assert json.loads(parts.voicectl("call", "records", "-o", "jsonl", *store).out) == record
    assert parts.voicectl("call", "records", "--csv", *store, "--get", "/records").code == 2
