"""`voicectl egress serve` when something goes wrong under a running recording, by faults of the real parts: livekit-server and Redis are killed or
stopped, S3 is slow or refuses, disks are full, workers die. Each time: what LiveKit is told, and that what was recorded is there. And what its
limits do."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

import fake_egress
import parts
import pytest
from livekit import api
from livekit.protocol import egress as proto
from recorders import CALLER_HZ, CALLER_LEVEL, SLACK_NS, Throttle, composite, name_of, names, s3_of, video
from recorders import call, loop, own_stack, relay, stack, start  # noqa: F401: fixtures
from sound import Sound

MP3 = proto.EncodedFileType.MP3


def begun(stack, room, path="{egress_id}.ogg", seconds=1, **more):
    """The id of a recording that has run for so long."""
    egress = stack.ask("start_room_composite_egress", composite(room, path, **more)).egress_id
    stack.until(egress, "EGRESS_ACTIVE")
    time.sleep(seconds)
    return egress


def has_recorded(worker, ms):
    """It is on the disk, too, but for a second."""
    parts.wait_for(lambda: worker.status()["jobs"][0]["recordedMs"] > ms and worker.status()["jobs"][0]["bytes"] > 0, 20, f"{ms} ms")


def stored(storage, name, bucket=None):
    return pathlib.Path(storage.folder, "root", bucket or storage.bucket, name)


def assert_whole(path, info):
    """What LiveKit was told of it is so, and it holds what was said."""
    file, sound = info.file_results[0], Sound(path)
    assert file.size == path.stat().st_size and abs(file.duration - sound.ns) < SLACK_NS, (file, sound.ns)
    sound.assert_level(CALLER_HZ, CALLER_LEVEL)


# ---- the server ----

def test_a_recording_outlives_a_server_that_is_killed_and_back(own_stack, start):
    stack = own_stack
    worker, speaker = start(at=stack), stack.speaker("outage")
    egress = begun(stack, "outage")
    has_recorded(worker, 1000)
    stack.server.kill()
    parts.wait_for(lambda: worker.status()["jobs"][0]["tracks"] == 0, 20, "silence")
    stack.server.start()
    parts.wait_for(lambda: worker.status()["jobs"][0]["tracks"] == 1, 30, "the caller")
    back = worker.status()["jobs"][0]["recordedMs"]
    has_recorded(worker, back + 2500)
    stack.stop_egress(egress)
    info = stack.until(egress, "EGRESS_COMPLETE")
    assert names(stack.hooks.after(egress))[-1] == ("egress_ended", "EGRESS_COMPLETE")
    sound = Sound(worker.files / f"{egress}.ogg")
    assert abs(info.file_results[0].duration - sound.ns) < SLACK_NS and sound.ns > (back + 2000) * 10**6
    sound.part(0, 1).assert_level(CALLER_HZ, CALLER_LEVEL)
    sound.part(sound.ns / 1e9 - 1, 1).assert_level(CALLER_HZ, CALLER_LEVEL)
    stack.loop.begin(speaker.go())


def test_what_was_recorded_is_stored_without_a_server_and_reported_when_there_is_one(own_stack, start):
    stack = own_stack
    worker, speaker = start(at=stack), stack.speaker("gone")
    egress = begun(stack, "gone")
    stack.server.kill()
    worker.process.send_signal(signal.SIGTERM)
    parts.wait_for(lambda: "egress: stored" in worker.text(), 10, "it to be stored")
    assert worker.process.poll() is None and f"{egress}.json" in worker.left()  # it is still to be told
    worker.end(signal.SIGKILL)
    stack.server.start()
    worker.start()
    info = stack.until(egress, "EGRESS_COMPLETE")
    assert info.details == "End reason: Process killed" and info.file_results[0].location == str(worker.files / f"{egress}.ogg")
    assert_whole(worker.files / f"{egress}.ogg", info)
    assert [one["event"] for one in stack.hooks.after(egress)].count("egress_ended") == 1
    parts.wait_for(lambda: worker.left() == [], 5, "an empty folder")
    stack.loop.begin(speaker.go())


def test_a_room_on_another_node_is_recorded(own_stack, start):
    stack = own_stack
    other = parts.Server(redis=stack.redis, keys=(stack.server.key, stack.server.secret))
    try:
        worker = start(at=stack)  # it knows only of the first
        log = pathlib.Path(other.folder, "server.log").read_text()
        node = json.loads(next(line for line in log.splitlines() if "nodeID" in line).split("\t")[-1])["nodeID"]
        stack.ask("create_room", api.CreateRoomRequest(name="far", node_id=node), "room")
        assert fake_egress.redis.Redis(port=stack.redis.port).hget("room_node_map", "far").decode() == node
        speaker = stack.speaker("far")
        egress = begun(stack, "far")
        stack.stop_egress(egress)
        assert_whole(worker.files / f"{egress}.ogg", stack.until(egress, "EGRESS_COMPLETE"))
        speaker.leave()
    finally:
        other.stop()


# ---- Redis ----

def test_while_redis_hangs_it_goes_on_and_says_so_once(own_stack, start):
    stack = own_stack
    worker, speaker = start(at=stack), stack.speaker("hung")
    egress = begun(stack, "hung")
    stack.redis.process.send_signal(signal.SIGSTOP)
    try:
        parts.wait_for(lambda: worker.web("/ready")[0] == 503, 20, "Redis to be missed")
        assert "Redis is away: Redis at" in json.loads(worker.web("/ready")[1])["reason"]
        before = worker.status()["jobs"][0]["recordedMs"]
        parts.wait_for(lambda: worker.status()["jobs"][0]["recordedMs"] > before + 500, 20, "it to go on")
    finally:
        stack.redis.process.send_signal(signal.SIGCONT)
    parts.wait_for(lambda: worker.web("/ready")[0] == 200, 30, "Redis again")
    stack.stop_egress(egress)
    assert_whole(worker.files / f"{egress}.ogg", stack.until(egress, "EGRESS_COMPLETE"))
    lines = [line for line in worker.text().splitlines() if "Redis is " in line]
    assert len(lines) == 3 and "hint=" in lines[1] and "recordings go on" in lines[1] and "said nothing for" in lines[1], lines
    speaker.leave()


def test_a_start_that_is_delivered_twice_is_one_recording(stack, call, start):
    worker, bus, seen = start(), fake_egress.Bus(stack.redis.port), []

    def twice(channel):
        def again(kind, body, payload):
            seen.append(payload)
            if seen.count(payload) == 1:
                bus.redis.publish(channel, payload)

        bus.subscribe(channel, again)

    twice("EgressInternal|StartEgress|REQ")
    twice("EgressInternal|StartEgress|RCLAIM")
    time.sleep(0.2)
    egress = begun(stack, "call", "twice.ogg")
    stack.stop_egress(egress)
    stack.until(egress, "EGRESS_COMPLETE")
    bus.close()
    assert len(seen) == 4 and worker.status()["taken"] == 1
    assert [one["event"] for one in stack.hooks.after(egress)].count("egress_started") == 1
    assert sorted(one.name for one in worker.files.iterdir()) == [f"{egress}.json", "twice.ogg"]


# ---- the storage ----

def test_a_slow_storage_holds_up_no_other_recording(stack, call, storage, start):
    worker, slow = start(), Throttle(storage.port, 5_000)
    egress = begun(stack, "call", "slow/{egress_id}.mp3", s3=s3_of(storage, endpoint=slow.endpoint), file_type=MP3)
    stack.stop_egress(egress)
    stack.recorded(stack.ask("start_room_composite_egress", composite("call", "quick.ogg")).egress_id, 0)
    assert name_of(stack.get(egress)) == "EGRESS_ENDING" and worker.metric("voicectl_egress_storing") == 1
    assert_whole(stored(storage, f"slow/{egress}.mp3"), stack.until(egress, "EGRESS_COMPLETE", 60))
    slow.close()


def test_a_storage_that_hangs_for_a_while_has_it_in_the_end(stack, call, storage, start):
    worker = start()
    egress = begun(stack, "call", "hung/{egress_id}.ogg", s3=s3_of(storage))
    storage.process.send_signal(signal.SIGSTOP)
    try:
        stack.stop_egress(egress)
        parts.wait_for(lambda: worker.metric("voicectl_egress_storing") == 1, 20, "an upload")
        time.sleep(1)
        assert name_of(stack.get(egress)) == "EGRESS_ENDING"
    finally:
        storage.process.send_signal(signal.SIGCONT)
    assert_whole(stored(storage, f"hung/{egress}.ogg"), stack.until(egress, "EGRESS_COMPLETE"))


def test_what_both_storages_refuse_is_kept_and_stored_by_a_later_start(stack, call, storage, start):
    backup = {f"BACKUP_{name.removeprefix('RECORDING_')}": value for name, value in storage.environment().items()}
    worker = start(environment={**backup, "BACKUP_S3_BUCKET": "nor-this-one"})
    egress = begun(stack, "call", "no/{egress_id}.ogg", s3=s3_of(storage, bucket="nobody-made-it"))
    stack.stop_egress(egress)
    info = stack.until(egress, "EGRESS_FAILED")
    for words in ("primary: storing it in S3: nobody-made-it/no/", "backup: storing it in S3: nor-this-one/no/", "NoSuchBucket", "the recorder keeps the file and tries again"):
        assert words in info.error, info
    for _ in range(2):
        kept = parts.wait_for(lambda: [one for one in worker.status()["kept"] if "NoSuchBucket" in one["error"]], 20, "a kept file")
        assert [(one["egressId"], one["room"], one["file"], one["bytes"]) for one in kept] == [(egress, "call", str(worker.state / f"{egress}.ogg"), info.file_results[0].size)]
        parts.wait_for(lambda: worker.left() == [f"{egress}.json", f"{egress}.ogg"], 20, "what is noted to be written")
        assert worker.metric("voicectl_egress_kept") == 1 and worker.status()["jobs"] == []
        assert worker.end() == 0
        worker.start()
    assert worker.end() == 0
    stored(storage, "", "nobody-made-it").mkdir()
    worker.start()
    parts.wait_for(lambda: worker.left() == [], 20, "it to be stored")
    assert_whole(stored(storage, f"no/{egress}.ogg", "nobody-made-it"), info)
    assert worker.status()["kept"] == [] and worker.metric("voicectl_egress_kept") == 0
    assert stack.get(egress) == info and [one["event"] for one in stack.hooks.after(egress)].count("egress_ended") == 1


def test_of_an_upload_in_parts_a_restarted_worker_sends_only_the_rest(stack, call, storage, relay, start):
    worker = start()
    egress = begun(stack, "call", "big/{egress_id}.mp3", 0, s3=s3_of(storage, endpoint=relay.endpoint), file_type=MP3)
    has_recorded(worker, 1000)
    worker.end(signal.SIGKILL)
    file = worker.state / f"{egress}.mp3"
    content = file.read_bytes()
    file.write_bytes(content * ((12 << 20) // len(content) + 1))  # a long one has grown: whole frames of it, again and again
    size = file.stat().st_size
    relay.held = lambda path: "partNumber=2" in path
    relay.open.clear()
    worker.start()
    parts.wait_for(lambda: any("partNumber=2" in path for _, path, _ in relay.asked), 20, "the second part")
    parts.wait_for(lambda: json.loads((worker.state / f"{egress}.json").read_text())["uploadId"], 20, "the upload to be noted")
    worker.end(signal.SIGKILL)
    before = [path for command, path, _ in relay.asked if command == "PUT"]
    relay.held = lambda path: False
    relay.open.set()
    worker.start()
    info = stack.until(egress, "EGRESS_FAILED", 40)
    assert "its worker died; the file holds what was recorded until then" in info.error, info
    assert info.file_results[0].location == f"{relay.endpoint}/{storage.bucket}/big/{egress}.mp3" and info.file_results[0].size == size
    after = [path for command, path, _ in relay.asked if command == "PUT" and "partNumber" in path][len(before):]
    assert ["partNumber=2" in after[0], "partNumber=3" in after[1], len(after)] == [True, True, 2] and len(before) == 2, (before, after)
    assert stored(storage, f"big/{egress}.mp3").read_bytes() == content * (size // len(content))
    assert not any("uploadId" in path for _, path, _ in relay.asked if ".json" in path)
    parts.wait_for(lambda: worker.left() == [], 5, "an empty folder")


# ---- disks ----

@contextlib.contextmanager
def small_disk(folder):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """→ a file that, removed, makes room again."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096) == 4096:
            pass
    return filler


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")


@needs_root
@pytest.mark.parametrize("seconds", [0, 2], ids=["nothing", "something"])
def test_a_disk_that_fills_under_a_recording_costs_what_comes_after(seconds, stack, call, tmp_path, start):
    with small_disk(tmp_path / "small") as disk:
        worker = start("--min-disk", "0", state=disk / "state")
        egress = begun(stack, "call", "full.ogg", 0)
        if seconds:
            has_recorded(worker, seconds * 1000)
        else:
            parts.wait_for(lambda: worker.status()["jobs"][0]["recordedMs"] > 0, 20, "the first sound")
        fill(disk)
        info = stack.until(egress, "EGRESS_FAILED")
        assert "No space left on device" in info.error and info.error_code == 500 and info.ended_at > 0, info
        if seconds:  # pages of a second: what is on the disk in whole
            assert info.error.startswith("recording ended early: ")
            assert_whole(worker.files / "full.ogg", info)
        else:  # less than a page is nothing that could be played
            assert info.file_results[0].location == "" and not (worker.files / "full.ogg").exists()
        parts.wait_for(lambda: worker.left() == [] and worker.status()["jobs"] == [], 5, "an empty folder")
        (disk / "filler").unlink()
        second = begun(stack, "call", "after.ogg")
        stack.stop_egress(second)
        assert_whole(worker.files / "after.ogg", stack.until(second, "EGRESS_COMPLETE"))
        worker.end()


@needs_root
def test_what_a_full_disk_refuses_is_stored_when_there_is_room(stack, call, tmp_path, start):
    with small_disk(tmp_path / "small") as disk:
        worker = start(files=disk)
        egress = begun(stack, "call", "full.ogg")
        filler = fill(disk)
        stack.stop_egress(egress)
        info = stack.until(egress, "EGRESS_FAILED")
        assert f"no space left for {disk}/full.ogg; the recording is kept in {worker.state}/{egress}.ogg" in info.error
        assert "make room on that disk" in worker.text() and [one.name for one in disk.iterdir()] == ["filler"]
        filler.unlink()
        assert worker.end() == 0
        worker.start()
        parts.wait_for(lambda: worker.left() == [], 20, "it to be stored")
        assert_whole(disk / "full.ogg", info)
        assert json.loads((disk / f"{egress}.json").read_text())["files"][0]["location"] == str(disk / "full.ogg")
        worker.end()


def test_a_finished_file_can_be_read_by_whom_the_umask_lets(stack, call, start):
    for number, umask in enumerate((0o022, 0o077)):
        before = os.umask(umask)
        try:
            worker = start()
        finally:
            os.umask(before)
        egress = begun(stack, "call", seconds=0)
        parts.wait_for(lambda: (worker.state / f"{egress}.ogg").exists(), 10, "the working copy")
        assert (worker.state / f"{egress}.ogg").stat().st_mode & 0o777 == 0o600
        stack.stop_egress(egress)
        stack.until(egress, "EGRESS_COMPLETE")
        assert {one.stat().st_mode & 0o777 for one in worker.files.iterdir()} == {0o644 & ~umask} and len(list(worker.files.iterdir())) == 2
        worker.end()


# ---- workers ----

def test_of_two_workers_the_other_goes_on_when_one_is_killed(stack, call, start):
    first = start()
    egress = begun(stack, "call", "first.ogg", 0)
    has_recorded(first, 2000)
    second = start()
    first.end(signal.SIGKILL)
    other = begun(stack, "call", "second.ogg")
    assert name_of(stack.get(egress)) == "EGRESS_ACTIVE"  # the server does not know better
    first.start()
    info = stack.until(egress, "EGRESS_FAILED")
    assert "its worker died" in info.error
    assert_whole(first.files / "first.ogg", info)
    stack.stop_egress(other)
    assert_whole(second.files / "second.ogg", stack.until(other, "EGRESS_COMPLETE"))
    assert names(stack.hooks.after(egress))[-1] == ("egress_ended", "EGRESS_FAILED")


# ---- limits and flags ----

def test_a_worker_without_room_leaves_its_jobs_to_one_that_has_it(stack, call, start):
    full, busy, free = start("--min-disk", "100000000"), start("--max-cpu", "1"), start()
    reason = json.loads(full.web("/ready")[1])["reason"]
    assert full.web("/ready")[0] == 503 and f"MiB are left on the disk of {full.state}, of 100000000 MiB at least" in reason
    burning = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(max(2, os.cpu_count() // 16))]
    try:
        parts.wait_for(lambda: "of 1 % at most" in busy.web("/ready")[1], 20, "a busy machine")
        egress = begun(stack, "call", seconds=0)
    finally:
        for one in burning:
            one.kill()
            one.wait()
    assert [one["egressId"] for one in free.status()["jobs"]] == [egress] and full.status()["taken"] == busy.status()["taken"] == 0
    assert full.metric('voicectl_egress_left_total{reason="full"}') == busy.metric('voicectl_egress_left_total{reason="full"}') == 1
    stack.stop_egress(egress)
    stack.until(egress, "EGRESS_COMPLETE")


def test_a_recording_ends_at_the_size_that_was_set(stack, call, start):
    worker = start("--max-size", "0.03")
    egress = begun(stack, "call", "small.mp3", 0, file_type=MP3)
    info = stack.until(egress, "EGRESS_LIMIT_REACHED")
    assert (info.error, info.error_code, info.details) == ("Session limit reached", 413, "End reason: Session limit reached")
    assert_whole(worker.files / "small.mp3", info)
    assert 0.03 * 2**20 < info.file_results[0].size < 0.06 * 2**20


def test_any_path_of_the_machine_can_be_named_when_that_is_allowed(stack, call, tmp_path, start):
    worker = start("--any-path")
    egress = begun(stack, "call", f"{tmp_path}/elsewhere/a.ogg", 0)
    stack.stop_egress(egress)
    assert stack.until(egress, "EGRESS_COMPLETE").file_results[0].location == f"{tmp_path}/elsewhere/a.ogg"
    Sound(tmp_path / "elsewhere" / "a.ogg")
    assert list(worker.files.iterdir()) == []


@pytest.mark.parametrize("flags, bids", [((), 1), (("--silent",), 0)], ids=["explains", "silent"])
def test_what_needs_video_is_bid_for_to_explain_it_unless_silent(flags, bids, stack, call, start):
    worker, bus, claims = start(*flags), fake_egress.Bus(stack.redis.port), []

    def hear(kind, body, payload):
        bus.subscribe(f"EgressInternal|{body.client_id}|CLAIM", lambda kind, body, payload: claims.append(body.affinity))

    bus.subscribe("EgressInternal|StartEgress|REQ", hear)
    time.sleep(0.2)
    asking = stack.loop.begin(stack.asking("start_room_composite_egress", video("call")))
    parts.wait_for(lambda: "a job is left to others" in worker.text(), 10, "the request")
    time.sleep(1)  # a bid after that is not heard by the server
    asking.cancel()
    bus.close()
    assert [round(one, 3) for one in claims[:1]] == [0.01] * bids and worker.metric('voicectl_egress_left_total{reason="not_ours"}') >= 1


def test_what_is_over_cannot_be_stopped_and_it_says_so_itself(stack, call, start):
    worker, bus, awards = start(), fake_egress.Bus(stack.redis.port), []
    egress = begun(stack, "call", seconds=0)
    stack.stop_egress(egress)
    stack.until(egress, "EGRESS_COMPLETE")
    bus.subscribe(f"EgressHandler|StopEgress|{egress}|RCLAIM", lambda kind, body, payload: awards.append(body.server_id))
    time.sleep(0.2)
    with pytest.raises(api.TwirpError) as late:
        stack.stop_egress(egress)
    bus.close()
    assert late.value.status == 412 and "egress with status EGRESS_COMPLETE cannot be stopped" in late.value.message
    assert len(awards) == 1  # else the server has waited for 3 s
    assert worker.status()["jobs"] == [] and worker.end() == 0
