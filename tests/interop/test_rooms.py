"""Rooms and dispatches on a real server, seen by voicectl and by LiveKit's own Python client side by side."""
import asyncio
import contextlib
import json
import secrets
import threading
import time

import pytest

api = pytest.importorskip("livekit.api", reason="the Python package `livekit-api` is not installed")
rtc = pytest.importorskip("livekit.rtc", reason="the Python package `livekit` is not installed")


@pytest.fixture
def name():
    return "room-" + secrets.token_hex(4)


@pytest.fixture
def lk(server):
    """lk(lambda client: client.room.list_rooms(…)) → what it returns."""

    def ask(question):
        async def run():
            async with api.LiveKitAPI(server.url, server.key, server.secret) as client:
                return await question(client)

        return asyncio.run(run())

    return ask


@pytest.fixture
def run(server, voicectl):
    return lambda *arguments, **more: voicectl(*arguments, env=server.environment(), **more)


@contextlib.contextmanager
def joined(server, room, identity, agent=None):
    """A participant of LiveKit's own Python SDK in `room`; as an agent of that name when given."""
    token = api.AccessToken(server.key, server.secret).with_identity(identity).with_grants(api.VideoGrants(room_join=True, room=room, agent=bool(agent)))
    if agent:
        token = token.with_kind("agent").with_attributes({"lk.agent_name": agent})
    there, over = threading.Event(), threading.Event()

    async def stay():
        connection = rtc.Room()
        await connection.connect(server.url, token.to_jwt())
        there.set()
        while not over.is_set():
            await asyncio.sleep(0.02)
        await connection.disconnect()

    thread = threading.Thread(target=lambda: asyncio.run(stay()), daemon=True)
    thread.start()
    assert there.wait(20)
    try:
        yield
    finally:
        over.set()
        thread.join(20)


def test_a_room_of_voicectl_is_seen_by_livekit_api(run, lk, name):
    made = run("room", "create", name, "--empty-timeout", "2m", "--max-participants", 3, "--metadata", '{"a":1}', "--json")
    assert made.code == 0, made
    assert made.json["created"] is True and made.json["name"] == name
    assert made.json["turnPassword"] in ("", "***")
    rooms = lk(lambda client: client.room.list_rooms(api.ListRoomsRequest(names=[name]))).rooms
    assert [(room.name, room.empty_timeout, room.max_participants, room.metadata) for room in rooms] == [(name, 120, 3, '{"a":1}')]
    assert rooms[0].sid == made.json["sid"]


def test_a_room_of_livekit_api_is_seen_and_deleted_by_voicectl(run, lk, name):
    lk(lambda client: client.room.create_room(api.CreateRoomRequest(name=name, metadata="theirs")))
    listed = run("room", "list", name, "--json")
    assert [room["metadata"] for room in listed.json["rooms"]] == ["theirs"]
    assert isinstance(listed.json["rooms"][0]["creationTimeMs"], int)
    assert run("room", "get", name, "--get", "/metadata").out == "theirs\n"
    assert run("room", "delete", name).code == 0
    assert not lk(lambda client: client.room.list_rooms(api.ListRoomsRequest(names=[name]))).rooms


def test_making_a_room_again_says_that_it_was_there_and_what_did_not_take(run, name):
    first = run("room", "create", name, "--json").json
    again = run("room", "create", name, "--empty-timeout", "5s", "--json")
    assert again.code == 0
    assert again.json["created"] is False and again.json["sid"] == first["sid"]
    assert again.json["notApplied"] == [{"setting": "emptyTimeout", "asked": 5, "actual": first["emptyTimeout"]}]
    assert "existed" in again.err
    assert run("room", "create", name, "--exclusive").code == 6


def test_delete_takes_all_that_are_named_and_reports_each(run, name):
    for suffix in "abc":
        assert run("room", "create", name + suffix).code == 0
    part = run("room", "delete", name + "a", name + "nope", name + "b", "--json")
    assert part.code == 9
    assert {one["name"][-1]: one["deleted"] for one in part.json["rooms"]} == {"a": True, "e": False, "b": True}
    assert run("room", "delete", name + "nope").code == 5
    assert run("room", "delete", name + "nope", "--ignore-missing").code == 0
    rest = run("room", "delete", "--stdin", "--dry-run", "-o", "name", stdin=f"{name}c\n\n")
    assert rest.out == f"{name}c\n"
    assert run("room", "list", name + "c").code == 0
    assert run("room", "delete", "--match", f"^{name}", "--yes").code == 0
    assert run("room", "list", name + "c").code == 5


def test_empty_only_spares_a_room_that_someone_has_just_joined(run, server, name):
    run("room", "create", name)
    with joined(server, name, "ann"):
        assert run("room", "delete", "--match", f"^{name}", "--empty-only", "--yes").code == 0
        assert run("room", "get", name, "--get", "/participants/0/identity").out == "ann\n"


def test_an_absent_room_is_exit_5_at_once(run, name):
    for command in [("room", "list"), ("room", "get"), ("room", "delete"), ("dispatch", "list")]:
        absent = run(*command, name)
        assert absent.code == 5 and absent.out == "", absent
        assert name in absent.err
        assert absent.seconds < 2.5


def test_lists_have_a_stable_order_and_are_arrays_even_when_empty(run, name):
    for suffix in "cab":
        run("room", "create", f"{name}{suffix}")
    orders = {run("room", "list", "--match", f"^{name}", "-o", "name").out for _ in range(3)}
    assert orders == {f"{name}a\n{name}b\n{name}c\n"}
    assert run("room", "list", "--match", "^nothing-like-this$", "--json").json == {"rooms": []}
    assert run("dispatch", "list", name + "a", "--json").json == {"dispatches": []}


def test_a_dispatch_of_voicectl_is_seen_by_livekit_api_and_the_other_way_round(run, lk, name):
    made = run("dispatch", "create", name, "--agent", "nobody", "--metadata", "from us", "--json")
    assert made.code == 0, made
    theirs = lk(lambda client: client.agent_dispatch.create_dispatch(
        api.CreateAgentDispatchRequest(agent_name="nobody-else", room=name, metadata="from them")))
    seen = {one.id: one.metadata for one in lk(lambda client: client.agent_dispatch.list_dispatch(name)) if one.agent_name}
    assert seen == {made.json["id"]: "from us", theirs.id: "from them"}
    listed = run("dispatch", "list", name, "--json").json["dispatches"]
    assert {one["id"]: one["metadata"] for one in listed} == seen
    assert {one["status"] for one in listed} == {"absent"}
    assert run("dispatch", "delete", name, theirs.id).code == 0
    assert run("dispatch", "delete", name, theirs.id).code == 5
    kept = run("dispatch", "create", name, "--agent", "nobody", "--if-absent", "--json").json
    assert kept["created"] is False and kept["id"] == made.json["id"]


def test_waiting_for_an_agent_that_nobody_runs_is_exit_8_with_what_was_seen(run, server, name):
    run("room", "create", name)
    with joined(server, name, "agent-fred"):  # looks like an agent and is none
        waited = run("dispatch", "create", name, "--agent", "nobody", "--wait=1s", "--json")
    assert waited.code == 8, waited
    assert waited.out == "" and waited.seconds < 5
    error = json.loads(waited.err.strip().splitlines()[-1])["error"]
    assert "agent-fred (STANDARD" in error["message"] and "worker" in error["hint"]


def test_waiting_for_an_agent_tells_how_long_it_took_and_does_not_take_another_for_it(run, server, name):
    run("room", "create", name)
    with joined(server, name, "agent-1", agent="other"), joined(server, name, "agent-2", agent="receptionist"):
        assert run("dispatch", "create", name, "--agent", "receptionist", "--wait=1s").code == 8  # it was there before
        timer = threading.Timer(0.5, lambda: start_agent())
        stop = contextlib.ExitStack()
        start_agent = lambda: stop.enter_context(joined(server, name, "agent-3", agent="receptionist"))  # noqa: E731
        timer.start()
        with stop:
            waited = run("dispatch", "create", name, "--agent", "receptionist", "--wait=15s", "--json")
            timer.join()
            assert waited.code == 0, waited
            assert waited.json["agent"]["identity"] == "agent-3"
            assert 0 < waited.json["agent"]["msToJoin"] < 15000
            present = run("dispatch", "list", name, "--json").json["dispatches"]
            assert {tuple(one["agents"]) for one in present if one["agentName"] == "receptionist"} == {("agent-2", "agent-3")}


def test_a_room_that_goes_ends_the_wait(run, lk, name):
    run("room", "create", name)
    timer = threading.Timer(1.0, lambda: lk(lambda client: client.room.delete_room(api.DeleteRoomRequest(room=name))))
    timer.start()
    waited = run("dispatch", "create", name, "--agent", "nobody", "--wait=30s")
    timer.join()
    assert waited.code == 5 and waited.seconds < 15, waited


def test_a_wrong_secret_is_exit_4_and_shows_neither_secret_nor_token(server, voicectl, name):
    wrong = "a-wrong-secret-that-is-long-enough-0123"
    for command in [("room", "list"), ("room", "create", name), ("dispatch", "create", name, "--agent", "x")]:
        for flags in [(), ("--json",), ("-vv",)]:
            refused = voicectl(*command, *flags, env={**server.environment(), "LIVEKIT_API_SECRET": wrong})
            assert refused.code == 4 and refused.out == "", refused
            assert wrong not in refused.err and "eyJ" not in refused.err
            assert "secret" in refused.err


def test_a_server_that_died_is_exit_7_and_comes_back(own_server, voicectl):
    assert voicectl("room", "list", env=own_server.environment()).code == 0
    own_server.kill()
    began = time.monotonic()
    down = voicectl("room", "list", "--json", env=own_server.environment())
    assert down.code == 7 and time.monotonic() - began < 5
    assert json.loads(down.err)["error"]["hint"]
    own_server.start()
    assert voicectl("room", "list", env=own_server.environment()).code == 0


def test_help_of_every_command_ends_in_an_example_and_needs_no_server(voicectl):
    for command in ["token create", "token verify", "room create", "room list", "room get", "room delete", "dispatch create", "dispatch list",
                    "dispatch get", "dispatch delete"]:
        shown = voicectl(*command.split(), "--help")
        assert shown.code == 0 and "Example" in shown.out and f"voicectl {command}" in shown.out, command
        assert shown.err == ""
