"""Rooms on the built binary: what others may do to us, what we leave behind, and what we tell before we go in."""
import os
import signal
import socket
import subprocess
import time

import parts
import pytest

api = pytest.importorskip("livekit.api", reason="the Python package `livekit-api` is not installed")


def run(server, *words, **more):
    return parts.voicectl(*words, env=dict(server.environment(), **more.pop("env", {})), **more)


@pytest.fixture
def room(server):
    name = "care-" + os.urandom(5).hex()
    assert run(server, "room", "create", name).code == 0
    yield name
    run(server, "room", "delete", name, "--ignore-missing")


@pytest.fixture
def silent_port():
    """Takes connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield listening.getsockname()[1]


def watch_until(server, room, until, *words):
    process = subprocess.Popen([parts.voicectl_path(), "room", "watch", room, "--until", until, *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=parts.clean_environment(server.environment()))
    while '"connected"' not in process.stdout.readline():
        assert process.poll() is None, process.stderr.read()
    return process


def say(server, room, text):
    sent = run(server, "room", "send", room, "--text", "-", stdin=text)
    assert sent.code == 0, sent


def test_a_long_text_of_anybody_does_not_end_us(server, room):
    watching = watch_until(server, room, "text=.*bye", "--timeout", "60s")
    say(server, room, "x" * 60_000)
    say(server, room, "good bye")
    out, err = watching.communicate(timeout=40)
    assert watching.returncode == 0 and "good bye" in out, (watching.returncode, err)


def test_a_cunning_expression_keeps_to_the_timeout_and_to_signals(server, room):
    watching = watch_until(server, room, "text=(a+)+!", "--timeout", "6s")
    say(server, room, "a" * 5_000)
    watching.communicate(timeout=30)
    assert watching.returncode == 8
    stopped = watch_until(server, room, "text=(a+)+!")
    say(server, room, "a" * 5_000)
    time.sleep(0.5)
    stopped.send_signal(signal.SIGTERM)
    stopped.communicate(timeout=20)
    assert stopped.returncode == 143


def test_expressions_for_names_end(server):
    name = "a" * 200
    assert run(server, "room", "create", name).code == 0
    try:
        listed = run(server, "room", "list", "--match", "(a+)+!", "--json", timeout=20)
        assert listed.code == 0 and listed.json["rooms"] == [], listed
        assert run(server, "room", "delete", "--match", "(a+)+!", "--yes", timeout=20).code == 0
    finally:
        run(server, "room", "delete", name)


@pytest.mark.parametrize("words", [["watch", "{room}"], ["wait", "{room}", "--for", "audio", "--timeout", "2s"], ["send", "{room}", "--text", "hello"]])
def test_a_visit_to_a_room_where_nobody_is_warns_of_its_end(server, room, words):
    words = [word.format(room=room) for word in words] + (["--for", "500ms"] if words[0] == "watch" else [])
    told = run(server, "room", *words)
    assert "departure timeout (20 s)" in told.err, told
    even = room + "-even"
    assert run(server, "room", "create", even, "--empty-timeout", "60s", "--departure-timeout", "60s").code == 0
    quiet = run(server, "room", *[word.replace(room, even) for word in words])
    assert "departure timeout" not in quiet.err, quiet
    run(server, "room", "delete", even)


def test_a_watch_is_bounded_from_its_first_request_on(server, silent_port):
    env = {"LIVEKIT_URL": f"ws://127.0.0.1:{silent_port}"}
    for words in (["--for", "1s"], ["--until", "left", "--timeout", "1s"]):
        result = run(server, "room", "watch", "demo", *words, env=env)
        assert result.code == 8 and result.seconds < 10 and "--timeout" not in result.err, result
    result = run(server, "room", "wait", "demo", "--for", "exists", "--timeout", "1s", env=env)
    assert result.code == 8 and result.seconds < 10, result


def test_a_dry_join_makes_nothing(server, tmp_path):
    name = "dry-" + os.urandom(5).hex()
    folder = tmp_path / "rec"
    result = run(server, "room", "join", name, "--create", "--record", folder, "--dry-run", "--json")
    assert result.code == 0 and result.json["dryRun"] and result.json["create"], result
    assert not folder.exists() and run(server, "room", "get", name).code == 5
    for flags in (["--record", folder], ["--create", "--publish", tmp_path / "nofile.wav", "--record", folder]):
        assert run(server, "room", "join", name, *flags).code in (2, 5)
        assert not folder.exists() and run(server, "room", "get", name).code == 5


def test_a_dry_watch_is_not_seen(server, room):
    result = run(server, "room", "watch", room, "--dry-run", "--json")
    assert result.code == 0 and result.json["grants"]["hidden"], result


def test_a_token_without_the_grant_is_exit_4_at_once(server, room):
    token = (api.AccessToken(server.key, server.secret).with_identity("ann")
             .with_grants(api.VideoGrants(room_join=True, room=room, can_publish=False, can_publish_data=False)).to_jwt())
    for flags, grant in ((["--data", "x"], "canPublishData"), (["--dtmf", "1"], "canPublishData"), (["--publish", "-"], "canPublish")):
        result = parts.voicectl("room", "join", "--token", token, *flags, "--for", "2s", env={"LIVEKIT_URL": server.url}, stdin="")
        assert result.code == 4 and grant in result.err and result.seconds < 3, result


def test_an_unset_token_is_not_replaced_by_one_of_ours(server, room):
    result = run(server, "room", "join", room, "--token", "", "--for", "1s")
    assert result.code == 2 and "--token" in result.err, result


def test_two_dispatches_of_one_name_have_an_agent_each(redis_server, agents):
    agents(redis_server, parts.AGENT.format(name="twin"))
    room = "twins-" + os.urandom(4).hex()
    ids = []
    for _ in range(2):
        made = run(redis_server, "dispatch", "create", room, "--agent", "twin", "--wait", "--json")
        assert made.code == 0, made
        ids.append((made.json["id"], made.json["agent"]["identity"]))

    def claimed():
        return {one["id"]: one["agents"] for one in run(redis_server, "dispatch", "list", room, "--json").json["dispatches"]}

    parts.wait_for(lambda: claimed() == {one: [identity] for one, identity in ids}, 10, f"{ids} in {claimed()}")
    gone = run(redis_server, "dispatch", "delete", room, ids[0][0], "--wait-gone")
    assert gone.code == 0, gone
    assert claimed() == {ids[1][0]: [ids[1][1]]}
    shown = run(redis_server, "dispatch", "get", room, ids[1][0])
    assert "worker" in shown.out and "created" in shown.out, shown
    run(redis_server, "room", "delete", room)
