"""`voicectl webhook listen`, `list` and `show`: a real livekit-server sends, and so do clients that mean no good."""
import asyncio
import base64
import concurrent.futures
import csv
import hashlib
import http.client
import io
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

import fake_egress
import pytest
from livekit import api

from parts import Postgres, Redis, Server, clean_environment, free_port, voicectl, voicectl_path, wait_for

KEY, SECRET = "APItest", "a_secret_of_at_least_thirty_two_chars"
KEYS = {"LIVEKIT_URL": "ws://127.0.0.1:1", "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}


class Listener:
    """A running `webhook listen` whose store and port stay the same when it is killed and started again."""

    def __init__(self, folder, *flags, env=None, port=0, wrap=(), store=None):
        self.folder, self.flags, self.env, self.port = pathlib.Path(folder), [str(flag) for flag in flags], env or KEYS, port
        self.store = store or str(self.folder / "hooks.db")
        self.ready, self.out, self.err = self.folder / "ready.json", self.folder / "out.jsonl", self.folder / "err.log"
        self.start(wrap)

    def start(self, wrap=(), stdout=None):
        self.ready.unlink(missing_ok=True)
        with open(self.out, "ab") as out, open(self.err, "ab") as err:
            self.process = subprocess.Popen(
                [*wrap, voicectl_path(), "webhook", "listen", "--port", str(self.port), "--store", self.store, "--ready-file", str(self.ready), *self.flags],
                env=clean_environment(self.env), stdout=stdout or out, stderr=err)
        wait_for(lambda: self.ready.exists() or self.process.poll() is not None, what="listener")
        assert self.ready.exists(), self.err.read_text()
        told = json.loads(self.ready.read_text())
        self.port, self.url, self.pid = told["port"], told["url"], told["pid"]
        return self

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            os.kill(self.pid, number)
            self.process.wait(20)
        return self.process.returncode

    def printed(self):
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def stored(self, *flags):
        listed = voicectl("webhook", "list", "--all", "-o", "jsonl", "--store", self.store, *flags)
        assert listed.code == 0, listed
        return [json.loads(line) for line in listed.out.splitlines()]

    def deliveries(self):
        return voicectl("webhook", "list", "--deliveries", "--all", "--json", "--store", self.store).json["deliveries"]


@pytest.fixture
def listener(tmp_path):
    running = []

    def start(*flags, **more):
        folder = tmp_path / f"listener{len(running)}"
        folder.mkdir()
        running.append(Listener(folder, *flags, **more))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.kill()


def body_of(event="room_started", number=0, room="demo", **more):
    sid = f"RM_{room}"
    return json.dumps({"event": event, "id": f"EV_{room}_{event}_{number}", "createdAt": "1795243093", "room": {"sid": sid, "name": room}, **more}).encode()


def sign(body, key=KEY, secret=SECRET):
    return api.AccessToken(key, secret).with_sha256(base64.b64encode(hashlib.sha256(body).digest()).decode()).to_jwt()


def post(port, body, token=None, path="/", timeout=20):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = {"Content-Type": "application/webhook+json"}
    if token != "":
        headers["Authorization"] = token or sign(body)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


@pytest.fixture
def own_redis():
    """Not the session's: a server that was killed is still a node there, and rooms may be given to it."""
    running = Redis()
    yield running
    running.stop()


# ---- with a real server ----

def test_every_event_is_there_once_though_the_listener_is_killed_again_and_again(listener):
    port = free_port()
    server = Server(webhooks=[f"http://127.0.0.1:{port}/"])
    try:
        env = server.environment()
        hooks = listener(env=env, port=port)
        rooms = [f"killed-{number}" for number in range(24)]

        def live(room):
            assert voicectl("room", "create", room, "--metadata", json.dumps({"room": room}), env=env).code == 0
            time.sleep(random.uniform(0, 2))  # rooms of different length, some of which end while nobody listens
            assert voicectl("room", "delete", room, "--yes", env=env).code == 0

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            lives = [pool.submit(live, room) for room in rooms]
            for _ in range(4):
                time.sleep(random.uniform(0.2, 0.7))
                hooks.kill()
                time.sleep(random.uniform(0.1, 1.2))
                hooks.start()
            for life in lives:
                life.result()

        def complete():
            return {(event["room"], event["event"]) for event in hooks.stored()} >= {(room, kind) for room in rooms for kind in ("room_started", "room_finished")}

        wait_for(complete, 40, "every event")  # the server tries for 15 s
        events = hooks.stored()
        assert len(events) == len({event["id"] for event in events}) == 2 * len(rooms)
        for room in rooms:
            state = voicectl("webhook", "show", room, "--store", hooks.store, "--json").json
            assert (state["status"], state["metadata"], state["gaps"]) == ("finished", {"room": room}, [])
    finally:
        server.stop()


@pytest.fixture
def postgres():
    server = Postgres()
    yield server
    server.stop()


def test_every_event_is_in_postgresql_once_though_listener_and_database_fail(listener, downstream, postgres):
    port, target = free_port(), downstream()
    server = Server(webhooks=[f"http://127.0.0.1:{port}/"])
    try:
        env = server.environment()
        hooks = listener("--forward", target.url, env=env, port=port, store=postgres.url)
        rooms = [f"kept-{number}" for number in range(6)]
        for number, room in enumerate(rooms):
            assert voicectl("room", "create", room, "--metadata", json.dumps({"room": room}), env=env).code == 0
            if number == 1:
                hooks.kill()
                hooks.start()
            if number == 3:
                postgres.halt()
            assert voicectl("room", "delete", room, "--yes", env=env).code == 0
            if number == 3:
                time.sleep(1)  # long enough for a delivery to be answered 503
                postgres.start()
        expected = {(room, kind) for room in rooms for kind in ("room_started", "room_finished")}
        wait_for(lambda: {(event["room"], event["event"]) for event in hooks.stored()} >= expected, 40, "every event")
        events = hooks.stored()
        assert len(events) == len({event["id"] for event in events}) == 2 * len(rooms)
        for room in rooms:
            state = voicectl("webhook", "show", room, "--store", hooks.store, "--json").json
            assert (state["status"], state["metadata"], state["gaps"]) == ("finished", {"room": room}, [])
        wait_for(lambda: {(event["room"]["name"], event["event"]) for event in target.delivered()} >= expected, 40, "every event at the target")
        info = voicectl("store", "info", "--store", hooks.store, "--json").json
        assert info["engine"] == "PostgreSQL" and info["events"] == 2 * len(rooms)
        for text in (hooks.err.read_text(), json.dumps(info)):
            assert postgres.url.split(":")[2].split("@")[0] not in text
        assert hooks.stop() == 0
    finally:
        server.stop()


def test_an_event_that_was_stored_and_not_acknowledged_takes_effect_once(listener, downstream, tmp_path):
    """Killed by the kernel as it begins to write the answer, after the store's sync."""
    port, target = free_port(), downstream()
    server = Server(webhooks=[f"http://127.0.0.1:{port}/"])
    try:
        env = server.environment()
        # The first message that it sends at all is the answer.
        wrap = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", "trace=sendmsg", "-e", "inject=sendmsg:signal=KILL:when=1"]
        hooks = listener(env=env, port=port, wrap=wrap)
        assert voicectl("room", "create", "once", env=env).code == 0
        hooks.process.wait(20)
        assert [event["event"] for event in hooks.stored()] == ["room_started"]
        hooks.flags += ["--forward", target.url]
        hooks.start()
        wait_for(lambda: [one["outcome"] for one in hooks.deliveries()] == ["repeated", "stored"], 20, "the server's second try")
        assert len(hooks.stored()) == 1
        assert target.seen == []  # it had been taken before anybody asked for it to be forwarded
    finally:
        server.stop()


def test_a_whole_call_is_bound_together_with_its_participants(listener):
    port = free_port()
    server = Server(webhooks=[f"http://127.0.0.1:{port}/"])
    try:
        env = server.environment()
        hooks = listener(env=env, port=port)
        from livekit import rtc

        async def call():
            room = rtc.Room()
            token = api.AccessToken(server.key, server.secret).with_identity("ann").with_name("Ann A").with_grants(api.VideoGrants(room_join=True, room="talk")).to_jwt()
            await room.connect(server.url, token)
            source = rtc.AudioSource(48000, 1)
            await room.local_participant.publish_track(rtc.LocalAudioTrack.create_audio_track("mic", source))
            for _ in range(50):
                await source.capture_frame(rtc.AudioFrame.create(48000, 1, 480))
            await asyncio.get_running_loop().run_in_executor(
                None, lambda: wait_for(lambda: "track_published" in [event["event"] for event in hooks.stored()], what="the track"))
            await room.disconnect()

        asyncio.run(call())
        assert voicectl("room", "delete", "talk", "--yes", env=env).code == 0
        wait_for(lambda: "room_finished" in [event["event"] for event in hooks.stored()], what="the end")
        wait_for(lambda: "participant_left" in [event["event"] for event in hooks.stored()], what="leaving")
        state = voicectl("webhook", "show", "talk", "--store", hooks.store, "--json").json
        assert state["status"] == "finished" and state["gaps"] == []
        assert [(one["identity"], one["name"], one["state"], one["reason"]) for one in state["participants"]] == [("ann", "Ann A", "left", "CLIENT_INITIATED")]
        assert [(one["name"], one["identity"], one["state"]) for one in state["tracks"]] == [("mic", "ann", "unpublished")]
        assert "turnPassword" not in json.dumps(state)
    finally:
        server.stop()


def test_what_was_missed_while_nobody_listened_is_asked_for(listener):
    port = free_port()
    server = Server(webhooks=[f"http://127.0.0.1:{port}/"])
    try:
        env = server.environment()
        hooks = listener("--fill-gaps", env=env, port=port)
        assert voicectl("room", "create", "ends-unseen", env=env).code == 0
        wait_for(lambda: len(hooks.stored()) == 1, what="the first event")
        hooks.kill()
        assert voicectl("room", "delete", "ends-unseen", "--yes", env=env).code == 0
        assert voicectl("room", "create", "begins-unseen", "--metadata", '{"a":1}', env=env).code == 0
        server.kill()  # with what it had queued; no webhook is sent twice by another life
        server.webhooks = []
        server.configure()
        server.start()
        env = hooks.env = server.environment()
        assert voicectl("room", "create", "begins-unseen", "--metadata", '{"a":1}', env=env).code == 0
        hooks.start()
        wait_for(lambda: {(event["room"], event["event"]) for event in hooks.stored()} >= {("ends-unseen", "room_finished"), ("begins-unseen", "room_started")}, what="the gaps")
        assert all(event["id"].startswith("GAP_") for event in hooks.stored() if (event["room"], event["event"]) != ("ends-unseen", "room_started"))
        assert voicectl("webhook", "show", "begins-unseen", "--store", hooks.store, "--get", "/metadata/a").out == "1\n"
    finally:
        server.stop()


def test_who_came_and_went_unseen_is_asked_for(listener):
    server = Server()  # sends no webhooks
    try:
        env = server.environment()
        sid = voicectl("room", "create", "quiet", "--get", "/sid", env=env).out.strip()
        hooks = listener(env=env)
        body = json.dumps({"event": "room_started", "id": "EV_s", "createdAt": "1", "room": {"sid": sid, "name": "quiet"}}).encode()
        assert post(hooks.port, body, sign(body, server.key, server.secret)).status == 200
        from livekit import rtc

        def seen():
            shown = voicectl("webhook", "show", "quiet", "--store", hooks.store, "--json").json
            return [(one["identity"], one["state"]) for one in shown["participants"]], shown["gaps"]

        async def call():
            room = rtc.Room()
            await room.connect(server.url, api.AccessToken(server.key, server.secret).with_identity("ann").with_grants(api.VideoGrants(room_join=True, room="quiet")).to_jwt())
            hooks.stop()
            hooks.flags += ["--fill-gaps"]
            hooks.start()
            await asyncio.get_running_loop().run_in_executor(None, lambda: wait_for(lambda: seen() == ([("ann", "joined")], []), what="who came"))
            await room.disconnect()

        asyncio.run(call())
        wait_for(lambda: not voicectl("room", "participant", "list", "quiet", "--json", env=env).json["participants"], what="leaving")
        hooks.stop()
        hooks.start()
        wait_for(lambda: seen() == ([("ann", "left")], []), what="who went")
        assert [event["id"].split("_", 1)[0] for event in hooks.stored()] == ["GAP", "GAP", "EV"]
    finally:
        server.stop()


S3_KEYS = {"RECORDING_S3_ACCESS_KEY": "AKIATESTKEY0001", "RECORDING_S3_SECRET_KEY": "a-secret-nobody-may-see", "RECORDING_S3_BUCKET": "calls",
           "RECORDING_S3_REGION": "eu-central-1", "RECORDING_S3_ENDPOINT": "https://minio.example.com:9000"}


def test_a_recording_is_bound_to_its_call_and_noted_in_its_room(listener, own_redis):
    """The server and its webhooks are real, the egress worker is a stand-in."""
    port = free_port()
    server = Server(redis=own_redis, webhooks=[f"http://127.0.0.1:{port}/"])
    worker = fake_egress.Worker(own_redis.port)
    worker.on_start = lambda job: (job.set(fake_egress.STATUS.EGRESS_ACTIVE), time.sleep(0.3), job.finish())
    room = f"recorded-{time.time_ns()}"
    try:
        env = {**server.environment(), **S3_KEYS}
        hooks = listener("--note-egress", env=env, port=port)
        assert voicectl("room", "create", room, "--metadata", '{"user":7}', env=env).code == 0
        started = voicectl("egress", "start", "--room", room, "--audio-only", "--out", "s3:calls/{room_name}.ogg", "--json", env=env)
        assert started.code == 0, started
        egress = started.json["egressId"]

        def noted():
            shown = voicectl("room", "get", room, "--get", "/metadata", env=env)
            return shown.code == 0 and json.loads(shown.out) == {"user": 7, "egress_id": egress}

        wait_for(noted, what="the note in the room")
        [recording] = voicectl("webhook", "list", "--recordings", "--room", room, "--json", "--store", hooks.store).json["recordings"]
        assert (recording["egressId"], recording["status"], recording["location"]) == (egress, "EGRESS_COMPLETE", "https://s3.example.com/calls/demo.ogg")
        assert (recording["durationMs"], recording["size"]) == (7000, 12345)
        state = voicectl("webhook", "show", room, "--store", hooks.store, "--json").json
        assert state["sid"] == recording["roomSid"] and state["metadata"]["egress_id"] == egress and state["metadata"]["user"] == 7
        assert S3_KEYS["RECORDING_S3_SECRET_KEY"] not in hooks.out.read_text() + hooks.err.read_text() + json.dumps(hooks.stored())
        assert voicectl("room", "delete", room, "--yes", env=env).code == 0
    finally:
        worker.close()
        server.stop()


def test_records_and_sessions_have_the_recording_of_their_call_also_when_its_room_is_used_again(listener, tmp_path):
    one, first, nanoseconds = listener(), 1_780_000_000, 10**9
    store = ["--store", one.store]
    for number, began in enumerate((first, first + 3600, first + 7200), start=1):
        times = {name: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for name, at in (("startedAt", began), ("endedAt", began + 60))}
        (tmp_path / "t.json").write_text(json.dumps({"room": "demo", "attempt": number, "status": "completed", **times,
                                                     "turns": [{"sequence": 0, "speaker": "user", "identity": "ann", "text": "Hello.", **times}]}))
        made = voicectl("transcript", "import", tmp_path / "t.json", *store)
        assert made.code == 0, made
        assert voicectl("session", "create", "--id", f"s{number}", "--user", "ann", "--call", "demo", *store).code == 0
        if number == 3:
            break  # this one is not recorded
        egress = {"egressId": f"EG_{number}", "roomId": f"RM_{number}", "roomName": "demo", "status": "EGRESS_COMPLETE", "startedAt": str((began + 2) * nanoseconds),
                  "endedAt": str((began + 62) * nanoseconds), "updatedAt": str((began + 62) * nanoseconds),
                  "fileResults": [{"filename": "r.ogg", "duration": str(60 * nanoseconds), "size": str(1000 * number), "location": f"s3://b/{number}.ogg"}]}
        assert post(one.port, body_of("egress_ended", number, egressInfo=egress)).status == 200
    records = voicectl("call", "records", *store, "--json").json["records"]
    shown = [(record["recordings"], record["recordingLocation"], record["recordingMs"], record["recordingBytes"]) for record in records]
    assert shown == [(0, None, None, None), (1, "s3://b/2.ogg", 60000, 2000), (1, "s3://b/1.ogg", 60000, 1000)]
    assert [row["recordingLocation"] for row in csv.DictReader(io.StringIO(voicectl("call", "records", "--csv", *store).out))] == ["", "s3://b/2.ogg", "s3://b/1.ogg"]
    recordings = voicectl("session", "show", "s1", *store, "--json").json["recordings"]
    assert [(one["egressId"], one["location"], one["status"]) for one in recordings] == [("EG_1", "s3://b/1.ogg", "EGRESS_COMPLETE")]
    assert "recording  s3://b/2.ogg, 1m 0s, 2000 bytes\n" in voicectl("session", "show", "s2", *store).out
    assert voicectl("session", "show", "s3", *store, "--json").json["recordings"] == []


def test_the_end_of_a_recording_that_nobody_heard_of_is_asked_for(listener, own_redis):
    server = Server(redis=own_redis)  # sends no webhooks
    worker = fake_egress.Worker(own_redis.port)
    room = f"unheard-{time.time_ns()}"
    try:
        env = {**server.environment(), **S3_KEYS}
        sid = voicectl("room", "create", room, "--get", "/sid", env=env).out.strip()
        egress = voicectl("egress", "start", "--room", room, "--audio-only", "--out", "s3:calls/a.ogg", "--get", "/egressId", env=env).out.strip()
        hooks = listener(env=env)
        body = json.dumps({"event": "egress_started", "id": "EV_s", "createdAt": "1", "egressInfo": {"egressId": egress, "roomId": sid, "roomName": room}}).encode()
        assert post(hooks.port, body, sign(body, server.key, server.secret)).status == 200
        wait_for(lambda: worker.jobs[egress].info.status == fake_egress.STATUS.EGRESS_ACTIVE, what="the recording")
        worker.jobs[egress].finish()
        hooks.stop()
        hooks.flags += ["--fill-gaps"]
        hooks.start()
        wait_for(lambda: f"GAP_{egress}_egress_ended" in [event["id"] for event in hooks.stored()], what="the end")
        [recording] = voicectl("webhook", "list", "--recordings", "--json", "--store", hooks.store).json["recordings"]
        assert (recording["status"], recording["durationMs"], recording["size"]) == ("EGRESS_COMPLETE", 7000, 12345)
        assert voicectl("room", "delete", room, "--yes", env=env).code == 0
    finally:
        worker.close()
        server.stop()


# ---- what is taken and what is not ----

def test_only_what_livekit_signed_is_taken(listener):
    hooks = listener()
    body = body_of()
    assert post(hooks.port, body, "").status == 401
    assert post(hooks.port, body, sign(body, secret="another_secret_of_thirty_two_chars__")).status == 401
    assert post(hooks.port, body + b" ", sign(body)).status == 401
    assert post(hooks.port, body, sign(body, key="APIother")).status == 401
    assert post(hooks.port, body, path="/other").status == 404
    assert hooks.stored() == []
    refused = lambda: voicectl("webhook", "list", "--refused", "--json", "--store", hooks.store).json["deliveries"]
    wait_for(lambda: len(refused()) == 4, what="the log of what was refused")
    for one in refused():
        assert (one["outcome"], one["status"], one["event"], one["room"], one["eventId"], one["target"]) == ("refused", 401, "room_started", "demo", "", "")
        assert one["reason"] and one["at"]
    assert post(hooks.port, body).status == 200
    assert post(hooks.port, body).status == 200
    assert len(refused()) == 4 and len(hooks.deliveries()) == 6
    wait_for(lambda: [one["outcome"] for one in hooks.printed()] == ["stored", "repeated"], what="what is printed after the answer")
    shown = voicectl("webhook", "show", "EV_demo_room_started_0", "--store", hooks.store, "--body")
    assert shown.out.encode() == body
    token = sign(body).split(".")[0]
    for text in (hooks.out.read_text(), hooks.err.read_text(), voicectl("webhook", "list", "--json", "--store", hooks.store).out):
        assert token not in text and SECRET not in text
    assert hooks.stop() == 0
    assert not hooks.ready.exists()


def test_a_name_that_no_event_has_is_a_mistake_and_what_a_newer_server_sends_is_none(listener, tmp_path):
    for flag in ("--event", "--until"):
        wrong = voicectl("webhook", "listen", "--port", "0", "--store", tmp_path / "no.db", flag, "room_finshed", env=KEYS, timeout=20)
        assert wrong.code == 2 and f"{flag}: LiveKit has no event 'room_finshed'; did you mean 'room_finished'?" in wrong.err, wrong
        assert "participant_connection_aborted" in wrong.err
    hooks = listener()
    assert post(hooks.port, body_of("room_moved")).status == 200
    assert [event["event"] for event in hooks.stored("--event", "room_moved")] == ["room_moved"]
    for output in ("json", "jsonl"):
        wrong = voicectl("webhook", "list", "--event", "room_move", "-o", output, "--store", hooks.store)
        assert wrong.code == 2 and wrong.out == "" and "no event 'room_move'" in wrong.err, wrong
    assert voicectl("webhook", "list", "--event", "room_finished", "--store", hooks.store).code == 0


def test_too_large_bodies_are_refused_and_slow_clients_hold_nobody_up(listener):
    hooks = listener("--max-connections", 40)
    assert post(hooks.port, b"x" * (9 * 1024 * 1024), "none").status == 413
    slow = []
    try:
        for number in range(150):
            one = socket.create_connection(("127.0.0.1", hooks.port))
            one.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n" if number % 2 else b"POST / HT")
            slow.append(one)
        began = time.monotonic()
        for number in range(20):
            assert post(hooks.port, body_of(number=number)).status == 200
        assert time.monotonic() - began < 10
        files = len(os.listdir(f"/proc/{hooks.pid}/fd"))
        assert files < 40 + 40
    finally:
        for one in slow:
            one.close()
    assert len(hooks.stored()) == 20


def test_a_reader_who_is_slow_or_gone_stops_nothing(listener, tmp_path):
    hooks = listener()
    hooks.stop()
    read, write = os.pipe()
    hooks.start(stdout=write)
    os.close(write)
    body = [body_of(number=number, filler="x" * 2000) for number in range(100)]
    for one in body[:60]:  # the pipe is full after some 30
        assert post(hooks.port, one, timeout=5).status == 200
    os.close(read)
    for one in body[60:]:
        assert post(hooks.port, one, timeout=5).status == 200
    assert len(hooks.stored()) == 100
    assert hooks.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk_is_503_and_over_when_there_is_room_again(listener, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], check=True)
    try:
        hooks = listener(store=str(disk / "hooks.db"))
        assert post(hooks.port, body_of(number=0)).status == 200
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file, pytest.raises(OSError):
            while file.write(b"x" * 4096) == 4096:
                pass
            file.write(b"x")
        number, answer = 1, post(hooks.port, body_of(number=1, filler="y" * 20000))
        while answer.status == 200:  # pages that were free already
            number += 1
            assert number < 100
            answer = post(hooks.port, body_of(number=number, filler="y" * 20000))
        assert answer.status == 503
        assert 1 <= int(answer.headers["Retry-After"]) <= 5
        assert post(hooks.port, body_of(number=number, filler="y" * 20000)).status == 503
        filler.unlink()
        assert post(hooks.port, body_of(number=number, filler="y" * 20000)).status == 200
        assert len(hooks.stored()) == number + 1
        assert "free some disk space" in hooks.err.read_text() or "full" in hooks.err.read_text()
    finally:
        hooks.kill()
        subprocess.run(["umount", str(disk)], check=True)


def test_deliveries_that_wait_for_the_disk_share_its_next_sync(listener, tmp_path):
    trace = tmp_path / "trace"
    slow_disk = ["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:delay_enter=50000"]
    hooks = listener(wrap=slow_disk)
    before = len(trace.read_text().splitlines())
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(lambda number: post(hooks.port, body_of(number=number)).status, range(100)))
    assert statuses == [200] * 100
    syncs = len(trace.read_text().splitlines()) - before
    assert 0 < syncs < 80  # several for each transaction, and no answer before them
    hooks.kill()
    assert len(hooks.stored()) == 100


# ---- passing on ----

def test_events_are_forwarded_signed_anew_in_order_after_a_kill_and_however_slow_the_receiver(listener, downstream):
    target = downstream(pause=1)  # holds every answer back
    hooks = listener("--forward", target.url)
    bodies = [body_of("participant_joined", number, room) for number in range(8) for room in ("one", "two")]
    began = time.monotonic()
    for body in bodies:
        assert post(hooks.port, body).status == 200
    assert time.monotonic() - began < 10  # the receiver has answered nothing yet
    wait_for(lambda: len(target.seen) >= 2, what="the first of each room")
    hooks.kill()
    target.pause.set()
    hooks.start()
    wait_for(lambda: len({event["id"] for event in target.delivered()}) == len(bodies), what="all events")
    for room in ("one", "two"):
        order = [int(event["id"].rsplit("_", 1)[1]) for event in target.delivered() if event["room"]["name"] == room]
        assert sorted(set(order)) == list(range(8))
        assert order == sorted(order)  # the first may come twice: it was under way when the kill came
    received = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))
    for _, event, body, headers in target.seen:
        assert body in bodies
        assert received.receive(body.decode(), headers["Authorization"]).id == event["id"]
    wait_for(lambda: len([one for one in hooks.deliveries() if one["outcome"] == "delivered"]) == len(bodies), what="the log")
    assert hooks.stop() == 0


def test_what_fails_is_tried_again_and_holds_up_its_own_room_only(listener, downstream):
    def answer(number, event):
        return 503 if event["room"]["name"] == "bad" and number < 4 else 200

    target = downstream(answer)
    hooks = listener("--forward", target.url)
    for number in range(3):
        for room in ("bad", "good"):
            assert post(hooks.port, body_of("participant_joined", number, room)).status == 200
    wait_for(lambda: len(target.delivered()) == 6, 30, "all events")
    bad = [event["id"][-1] for event in target.delivered() if event["room"]["name"] == "bad"]
    assert bad == ["0", "1", "2"]
    wait_for(lambda: any(one["outcome"] == "failed" and one["status"] == 503 for one in hooks.deliveries()), what="the log")
    assert max(one["attempt"] for one in hooks.deliveries()) >= 2


def test_a_target_that_is_gone_gets_no_more_and_redirects_are_not_followed(listener, downstream):
    gone, moved = downstream(lambda number, event: 410), downstream(lambda number, event: 302)
    hooks = listener("--forward", gone.url, "--forward", moved.url)
    for number in range(5):
        assert post(hooks.port, body_of(number=number)).status == 200
    wait_for(lambda: len(moved.seen) == 5, what="the redirects")
    wait_for(lambda: [one["outcome"] for one in hooks.deliveries()].count("gone") == 1, what="the end of the target")
    assert post(hooks.port, body_of(number=9)).status == 200
    wait_for(lambda: len(moved.seen) == 6, what="one more")
    assert len(gone.seen) == 1
    assert {one["outcome"] for one in hooks.deliveries() if one["target"] == moved.url} == {"refused"}
    assert "410" in hooks.err.read_text()


def test_a_command_is_run_for_each_event_and_never_sees_it_on_its_command_line(listener, tmp_path):
    seen = tmp_path / "seen"
    hooks = listener("--exec", f'cat > "{seen}.$VOICECTL_EVENT_ID"; printf "%s|%s" "$VOICECTL_EVENT" "$VOICECTL_ROOM" > "{seen}.$VOICECTL_EVENT_ID.env"; tr "\\0" " " < /proc/$$/cmdline > "{seen}.$VOICECTL_EVENT_ID.line"')
    nasty = body_of(room="$(touch pwned);'\"`id`")
    nasty = json.dumps({**json.loads(nasty), "id": "EV_nasty"}).encode()
    assert post(hooks.port, nasty).status == 200
    assert post(hooks.port, nasty).status == 200
    assert hooks.stop() == 0  # what was taken is finished
    assert pathlib.Path(f"{seen}.EV_nasty").read_bytes() == nasty
    assert pathlib.Path(f"{seen}.EV_nasty.env").read_text() == "room_started|$(touch pwned);'\"`id`"
    assert "pwned" not in pathlib.Path(f"{seen}.EV_nasty.line").read_text()
    assert not list(tmp_path.rglob("pwned"))


def test_a_command_that_hangs_is_ended_and_others_wait_their_turn(listener, tmp_path):
    hooks = listener("--exec", f'echo x >> {tmp_path}/ran; [ "$VOICECTL_ROOM" = hangs ] && exec sleep 60; true', "--exec-timeout", "1s", "--exec-at-once", 1)
    assert post(hooks.port, body_of(room="hangs")).status == 200
    assert post(hooks.port, body_of(room="fine")).status == 200
    wait_for(lambda: (tmp_path / "ran").exists() and (tmp_path / "ran").read_text() == "x\nx\n", what="the second")
    assert "took too long" in hooks.err.read_text()


def test_filters_choose_what_passes_on_and_everything_is_stored(listener, downstream, tmp_path):
    target, saved = downstream(), tmp_path / "saved.jsonl"
    hooks = listener("--event", "room_started,participant_joined", "--room", "mine", "--room", "hers", "--forward", target.url, "--save", saved, "--exec", f'echo "$VOICECTL_EVENT_ID" >> {tmp_path}/ran')
    sent = [(event, room) for event in ("room_started", "participant_joined", "participant_left", "room_finished") for room in ("mine", "hers", "other")]
    for event, room in sent:
        assert post(hooks.port, body_of(event, room=room)).status == 200
    wanted = sorted(f"EV_{room}_{event}_0" for event in ("room_started", "participant_joined") for room in ("mine", "hers"))
    wait_for(lambda: len(target.delivered()) >= len(wanted), what="what is handed on")
    assert hooks.stop() == 0  # what was taken is finished
    assert sorted(event["id"] for event in target.delivered()) == wanted
    assert sorted(one["id"] for one in hooks.printed()) == wanted
    assert sorted(json.loads(line)["id"] for line in saved.read_text().splitlines()) == wanted
    assert sorted((tmp_path / "ran").read_text().split()) == wanted
    assert sorted(one["id"] for one in hooks.stored()) == sorted(f"EV_{room}_{event}_0" for event, room in sent)
    assert sorted(one["eventId"] for one in hooks.deliveries() if one["target"]) == wanted


# ---- ends ----

def test_it_ends_when_what_was_waited_for_came(listener):
    hooks = listener("--until", "room_finished", "--timeout", "30s")
    for event in ("room_started", "participant_joined", "room_finished"):
        assert post(hooks.port, body_of(event)).status == 200
    assert hooks.process.wait(10) == 0
    assert [one["event"] for one in hooks.printed()] == ["room_started", "participant_joined", "room_finished"]
    counted = listener("--count", 2, "--room", "mine")
    for number, room in enumerate(["mine", "other", "mine"]):
        assert post(counted.port, body_of(number=number, room=room)).status == 200
    assert counted.process.wait(10) == 0
    assert len(counted.stored()) == 3 and len(counted.printed()) == 2


def test_it_says_when_it_did_not_come(listener):
    hooks = listener("--until", "egress_ended", "--timeout", "300ms")
    assert hooks.process.wait(10) == 8
    assert "no egress_ended came" in hooks.err.read_text()
    waits = listener("--count", 3)
    assert waits.stop() == 143


def test_answers_for_testing_senders_come_first_and_store_nothing(listener):
    hooks = listener("--respond", "503x2,500,200")
    assert [post(hooks.port, body_of()).status for _ in range(5)] == [503, 503, 500, 200, 200]
    assert [one["outcome"] for one in hooks.deliveries()] == ["repeated", "stored"]
    wrong = voicectl("webhook", "listen", "--respond", "twice", env=KEYS)
    assert wrong.code == 2 and "--respond" in wrong.err


def test_what_is_saved_can_be_checked_again(listener, tmp_path):
    saved = tmp_path / "saved.jsonl"
    hooks = listener("--save", saved, "--dedupe")
    body = b'{ "event":"room_started",\t"id":"EV_1", "createdAt":"7", "room":{"name":"d\xc3\xa9mo","sid":"RM_1"} }'
    assert [post(hooks.port, body).status, post(hooks.port, body).status] == [200, 200]
    assert hooks.stop() == 0
    lines = [json.loads(line) for line in saved.read_text().splitlines()]
    assert len(lines) == 1 and lines[0]["id"] == "EV_1"
    assert lines[0]["body"].encode() == body
    assert saved.stat().st_mode & 0o077 == 0


def test_one_port_for_one_listener_and_a_key_is_needed(listener):
    hooks = listener()
    taken = voicectl("webhook", "listen", "--port", hooks.port, "--store", hooks.store, env=KEYS)
    assert taken.code == 6 and "is taken" in taken.err
    keyless = voicectl("webhook", "listen", env={"XDG_CONFIG_HOME": str(hooks.folder), "HOME": str(hooks.folder)})
    assert keyless.code == 2
    assert voicectl("webhook", "list", "--store", hooks.store, "--recordings", "--json").json == {"recordings": []}
    assert voicectl("webhook", "show", "nobody", "--store", hooks.store).code == 5
