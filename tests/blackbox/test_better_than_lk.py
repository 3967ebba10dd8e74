"""What users of `lk` complain of, done well: one test for each complaint that can be tried with a server alone.
(Recordings are in test_egress.py, live rooms in test_room_live.py.)"""
import json
import re
import subprocess

import parts
import pytest
from livekit import api


@pytest.fixture
def lk(server):
    """run(*words) against the shared server."""
    made = []

    def run(*words, **more):
        env = dict(server.environment(), **more.pop("env", {}))
        if words[:2] == ("room", "create"):
            made.append(words[2])
        return parts.voicectl(*words, env=env, **more)

    yield run
    if made:
        parts.voicectl("room", "delete", *made, "--ignore-missing", env=server.environment())


def test_room_delete_takes_many(lk):
    for name in ("many-1", "many-2", "many-3"):
        lk("room", "create", name)
    done = lk("room", "delete", "many-1", "many-2", "many-3", "--json")
    assert done.code == 0 and [room["deleted"] for room in done.json["rooms"]] == [True] * 3
    assert lk("room", "list", "many-1").code == 5
    some = lk("room", "create", "many-1") and lk("room", "delete", "many-1", "many-2")
    assert some.code == 9 and "many-2" in some.out


def test_a_dispatch_that_nobody_takes_is_no_success(lk):
    lk("room", "create", "lonely")
    done = lk("dispatch", "create", "lonely", "--agent", "nobody", "--wait=1s")
    assert done.code == 8 and done.out == ""
    assert "nobody in the room" in done.err and "hint:" in done.err and '"nobody"' in done.err
    assert lk("dispatch", "list", "lonely", "--get", "/dispatches/0/status").out == "absent\n"


def test_a_call_to_an_agent_that_is_not_there_fails_at_once_after_its_timeout(lk):
    done = lk("e2e-call", "--agent", "nobody", "--say", "hello", "--join-timeout", "2s", "--json")
    assert done.code == 3 and done.seconds < 30
    assert done.json["passed"] is False


@pytest.mark.parametrize("words", [("room", "list", "nope"), ("room", "get", "nope"), ("dispatch", "list", "nope"), ("room", "delete", "nope"),
                                   ("dispatch", "delete", "nope", "AD_x")])
def test_absent_is_told_from_empty_and_at_once(lk, words):
    done = lk(*words)
    assert done.code == 5 and done.out == "" and "nope" in done.err and "hint:" in done.err
    assert done.seconds < 2.5  # the server itself takes 3 s to say "no response from servers"


def test_lists_are_sorted_and_never_null(lk):
    empty = lk("room", "list", "--match", "^no such room$", "--json")
    assert empty.code == 0 and empty.json == {"rooms": []}
    for name in ("sorted-c", "sorted-a", "sorted-b"):
        lk("room", "create", name)
    seen = {lk("room", "list", "--match", "^sorted-", "-o", "name").out for _ in range(5)}
    assert seen == {"sorted-a\nsorted-b\nsorted-c\n"}
    whole = lk("room", "get", "sorted-a", "--json").json
    assert whole["participants"] == [] and whole["dispatches"] == [] and whole["egress"] == []


def test_json_keeps_zeros_numbers_and_secrets(lk):
    lk("room", "create", "fields")
    result = lk("room", "list", "fields", "--json")
    room = result.json["rooms"][0]
    assert room["numParticipants"] == 0 and room["metadata"] == "" and room["activeRecording"] is False
    assert isinstance(room["creationTimeMs"], int) and re.match(r"\d{4}-\d\d-\d\dT.*Z$", room["createdAt"])
    assert room["turnPassword"] == "***"
    assert lk("room", "list", "fields", "--json", "--show-secrets").json["rooms"][0]["turnPassword"] != "***"


def test_curl_and_trace_go_to_stderr_without_a_live_token(lk, server):
    done = lk("room", "list", "--json", "--curl", "--trace")
    assert json.loads(done.out)["rooms"] is not None
    assert "curl -sS" in done.err and "eyJ" not in done.err and server.secret not in done.err
    assert "turnPassword\":\"***" in done.err or "\"rooms\":[]" in done.err


def test_the_curl_command_works_as_printed(lk, server):
    lk("room", "create", "curled")
    command = next(line for line in lk("room", "list", "curled", "--curl").err.splitlines() if line.startswith("curl "))
    env = parts.clean_environment(server.environment())
    env["PATH"] = parts.voicectl_path().rsplit("/", 1)[0] + ":" + env["PATH"]
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=env)
    assert json.loads(done.stdout)["rooms"][0]["name"] == "curled", done


def test_a_wrong_secret_is_named_as_such(lk):
    done = lk("room", "list", env={"LIVEKIT_API_SECRET": "wrong-secret-wrong-secret-wrong-secret"})
    assert done.code == 4 and done.out == ""
    assert "signature is invalid" in done.err and "LIVEKIT_API_SECRET" in done.err
    assert "eyJ" not in done.err and "wrong-secret" not in done.err
    unknown = lk("room", "list", env={"LIVEKIT_API_KEY": "APInobody"})
    assert unknown.code == 4 and "API key" in unknown.err


@pytest.mark.parametrize("words", [("--valid-for", "0s"), ("--valid-for=-5m",), ("--valid-for", "wat")])
def test_senseless_lives_of_tokens_are_refused(lk, words):
    done = lk("token", "create", "--role", "caller", "--room", "r", "--identity", "a", *words)
    assert done.code == 2 and done.out == "", done


def test_tokens_say_no_to_what_cannot_be_meant(lk):
    assert lk("token", "create", "--role", "caller", "--room", "r", "--identity", "a", "--valid-for", "1d").code == 0
    assert lk("token", "create", "--list", "--agent", "x").code == 2  # counts only for who joins
    assert lk("token", "create", "--role", "caller", "--identity", "a").code == 2  # no room is made up
    assert lk("token", "create").code == 2


def test_a_room_that_exists_is_told_with_the_settings_that_did_not_take(lk):
    lk("room", "create", "twice", "--empty-timeout", "10m")
    again = lk("room", "create", "twice", "--empty-timeout", "5s", "--json")
    assert again.code == 0 and again.json["created"] is False
    assert again.json["notApplied"] == [{"setting": "emptyTimeout", "asked": 5, "actual": 600}]
    assert lk("room", "create", "twice", "--exclusive").code == 6


def test_a_typo_in_a_path_does_not_read_as_bad_json(lk):
    done = lk("room", "create", "typo", "--metadata", "@missing.json")
    assert done.code != 0 and "missing.json" in done.err and "syntax" not in done.err


def test_dispatches_have_json(lk):
    created = lk("dispatch", "create", "has-json", "--agent", "x", "--json")
    assert created.json["id"].startswith("AD_")
    listed = lk("dispatch", "list", "has-json", "--json").json["dispatches"]
    assert [one["id"] for one in listed] == [created.json["id"]]
    lk("room", "delete", "has-json")


def test_each_failure_has_an_exit_code_of_its_own(lk):
    assert lk("wat").code == 2
    assert lk("dispatch", "list").code == 2 and lk("dispatch", "list").out == ""
    assert lk("room", "list", "--url", "ws://127.0.0.1:1").code == 7
    assert lk("room", "list", "nope").code == 5
    assert lk("token", "verify", "nonsense").code == 3


def test_suggestions_and_texts_can_be_trusted(lk):
    hidden = lk("doc")  # `docs` is for packagers and not offered
    assert hidden.code == 2 and "docs" not in hidden.err
    summaries = {}
    for line in (parts.ROOT / "README.md").read_text().splitlines():
        if line.startswith("| `"):
            _, command, summary, _ = line.split("|")
            assert summary not in summaries, (command, summaries[summary])
            summaries[summary] = command
    assert len(summaries) > 20


async def made_by_another(server, name):
    async with api.LiveKitAPI(server.url.replace("ws", "http", 1), server.key, server.secret) as client:
        await client.room.create_room(api.CreateRoomRequest(name=name, empty_timeout=77, metadata="från en annan"))


def test_what_another_made_is_shown_alike(lk, server):
    import asyncio
    asyncio.run(made_by_another(server, "theirs"))
    room = lk("room", "get", "theirs", "--json").json
    assert room["emptyTimeout"] == 77 and room["metadata"] == "från en annan"
    lk("room", "delete", "theirs")
