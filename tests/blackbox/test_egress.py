"""`voicectl egress …` against a real livekit-server with real Redis; the egress worker is a stand-in that keeps
what it was sent (fake_egress.py). Nothing is recorded here."""
import asyncio
import concurrent.futures
import json
import subprocess
import time

import fake_egress
import parts
import pytest
from fake_egress import STATUS, Refusal
from livekit import api as livekit_api

S3_KEYS = {"RECORDING_S3_ACCESS_KEY": "AKIATESTKEY0001", "RECORDING_S3_SECRET_KEY": "a-secret-nobody-may-see", "RECORDING_S3_BUCKET": "calls",
           "RECORDING_S3_REGION": "eu-central-1", "RECORDING_S3_ENDPOINT": "https://minio.example.com:9000"}


@pytest.fixture
def worker(redis):
    running = fake_egress.Worker(redis.port)
    yield running
    running.close()


@pytest.fixture
def room(redis_server):
    name = f"room-{time.time_ns()}"
    assert parts.voicectl("room", "create", name, env=redis_server.environment()).code == 0
    yield name
    parts.voicectl("room", "delete", name, env=redis_server.environment())


@pytest.fixture
def egress(redis_server):
    """egress("start", …) → result, with server and storage keys in the environment."""
    return lambda *words, **more: parts.voicectl("egress", *words, env={**redis_server.environment(), **S3_KEYS}, **more)


def started(egress, room, *words):
    result = egress("start", "--room", room, "--audio-only", "--out", "s3:calls/{room_name}.ogg", "--json", *words)
    assert result.code == 0, result
    return result.json["egressId"]


def one_job(worker):
    return parts.wait_for(lambda: next(iter(worker.jobs.values()), None), 5, "a job at the worker")


# ---- without Redis, and without a worker ----

def test_without_redis_everything_is_exit_7_at_once(server):
    parts.voicectl("room", "create", "no-redis", env=server.environment())
    for words in (["start", "--room", "no-redis", "--audio-only", "--out", "file:a.ogg"], ["list"], ["get", "EG_x"], ["stop", "EG_x"],
                  ["wait", "EG_x"], ["update", "EG_x", "--layout", "grid"]):
        result = parts.voicectl("egress", *words, env=server.environment())
        assert result.code == 7 and result.out == "" and result.seconds < 2.5, result
        assert "without Redis" in result.err and "give the server and an egress service the same Redis" in result.err
    # room get tells of recordings where there are any, and of a room all the same
    assert parts.voicectl("room", "get", "no-redis", env=server.environment()).code == 0


def test_an_absent_room_is_exit_5_at_once(egress):
    result = egress("start", "--room", "nobody-made-it", "--audio-only", "--out", "file:a.ogg")
    assert result.code == 5 and result.seconds < 2 and 'no room "nobody-made-it"' in result.err, result


def test_without_a_worker_the_servers_own_answer_is_waited_for_and_explained(egress, room):
    starts = [["--room", room, "--audio-only", "--out", "file:a.ogg"], ["--page", "https://example.com", "--out", "file:a.mp4"],
              ["--room", room, "--left", "agent", "--right", "caller", "--out", "file:a.ogg"]]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda words: egress("start", *words), starts))
    for result in results:
        assert result.code == 7 and 15 < result.seconds < 40, result
        assert "no egress worker took the job (no response from servers)" in result.err
        assert "shares no Redis" in result.err and result.out == ""


def test_a_missing_request_file_and_an_unknown_field_are_named(egress):
    missing = egress("start", "--request", "missing.json")
    assert missing.code == 2 and "cannot read missing.json: No such file" in missing.err, missing
    unknown = egress("start", "--request", '{"roomName":"r","audioOnyl":true}')
    assert unknown.code == 2 and "audioOnyl" in unknown.err, unknown


# ---- what reaches the worker ----

SHAPES = [
    ("room_composite", ["--audio-only", "--channels", "agent-left", "--out", "s3:calls/{room_name}-{time}.ogg", "--webhook", "https://example.com/hook"]),
    ("participant", ["--participant", "ann", "--screen-share", "--out", "file:ann.mp4", "--preset", "h264-1080p-30"]),
    ("track", ["--track", "TR_AMabc", "--out", "wss://example.com/sound", "--no-manifest"]),
    ("track_composite", ["--audio-track", "TR_AMabc", "--out", "s3:a.mp3", "--advanced", "audio-bitrate=64,audio-codec=mp3"]),
    ("web", ["--page", "https://example.com/page", "--out", "rtmps://live.example.com/app/streamkey1", "--out", "hls:live/demo", "--storage", "s3", "--out",
             "images:shots/a", "--image-interval", "5s"]),
    ("egress", ["--left", "agent", "--right", "caller", "--out", "s3:sides.ogg"]),
]


@pytest.mark.parametrize("kind,words", SHAPES, ids=[kind for kind, _ in SHAPES])
def test_every_request_reaches_the_worker_field_by_field(egress, room, worker, kind, words):
    result = egress("start", *([] if kind == "web" else ["--room", room]), *words, "--wait", "active=10s", "--json")
    assert result.code == 0, result
    job = one_job(worker)
    assert job.kind == kind and result.json["egressId"] == job.request.egress_id and result.json["status"] == "EGRESS_ACTIVE"
    CHECKS[kind](job.asked, room)
    for hidden in (S3_KEYS["RECORDING_S3_SECRET_KEY"], S3_KEYS["RECORDING_S3_ACCESS_KEY"], "streamkey1"):
        assert hidden not in result.out + result.err


def check_s3(store):
    assert (store.access_key, store.secret) == (S3_KEYS["RECORDING_S3_ACCESS_KEY"], S3_KEYS["RECORDING_S3_SECRET_KEY"])
    assert (store.bucket, store.region, store.endpoint, store.force_path_style) == ("calls", "eu-central-1", "https://minio.example.com:9000", True)


def check_room_composite(asked, room):
    assert asked.room_name == room and asked.audio_only and asked.audio_mixing == 1 and not asked.layout
    assert len(asked.file_outputs) == 1 and asked.file_outputs[0].filepath == "calls/{room_name}-{time}.ogg" and asked.file_outputs[0].file_type == 2
    check_s3(asked.file_outputs[0].s3)
    assert asked.webhooks[0].url == "https://example.com/hook" and asked.webhooks[0].signing_key.startswith("API")


def check_participant(asked, room):
    assert (asked.room_name, asked.identity, asked.screen_share, asked.preset) == (room, "ann", True, 2)
    assert asked.file_outputs[0].file_type == 1 and asked.file_outputs[0].WhichOneof("output") is None


def check_track(asked, room):
    assert (asked.room_name, asked.track_id, asked.websocket_url) == (room, "TR_AMabc", "wss://example.com/sound")


def check_track_composite(asked, room):
    assert (asked.room_name, asked.audio_track_id, asked.video_track_id) == (room, "TR_AMabc", "")
    assert asked.file_outputs[0].file_type == 3 and asked.advanced.audio_bitrate == 64 and asked.advanced.audio_codec == 3
    check_s3(asked.file_outputs[0].s3)


def check_web(asked, room):
    assert asked.url == "https://example.com/page" and not asked.audio_only
    assert list(asked.stream_outputs[0].urls) == ["rtmps://live.example.com/app/streamkey1"] and asked.stream_outputs[0].protocol == 1
    assert asked.segment_outputs[0].playlist_name == "live/demo.m3u8" and asked.image_outputs[0].capture_interval == 5
    check_s3(asked.segment_outputs[0].s3)
    check_s3(asked.image_outputs[0].s3)


def check_egress(asked, room):
    assert asked.room_name == room
    routes = [(one.WhichOneof("match"), one.participant_kind, one.channel) for one in asked.media.audio.routes]
    assert routes == [("participant_kind", 4, 1), ("participant_kind", 0, 2), ("participant_kind", 3, 2)]
    assert asked.outputs[0].file.filepath == "sides.ogg"
    check_s3(asked.outputs[0].storage.s3)


CHECKS = {"room_composite": check_room_composite, "participant": check_participant, "track": check_track, "track_composite": check_track_composite,
          "web": check_web, "egress": check_egress}


def test_a_request_as_json_from_stdin_reaches_the_worker(egress, room, worker):
    text = json.dumps({"room_name": room, "audio_only": True, "file_outputs": [{"filepath": "a.ogg"}]})
    result = egress("start", "--request", "-", "--json", stdin=text)
    assert result.code == 0, result
    assert one_job(worker).asked.file_outputs[0].filepath == "a.ogg"


def test_the_workers_refusal_is_told_at_once(egress, room, worker):
    worker.refuse = Refusal("invalid_argument", "request has missing or invalid field: output")
    result = egress("start", "--room", room, "--audio-only", "--out", "file:")
    assert result.code == 2 and "output is missing or invalid" in result.err and result.seconds < 3, result


def test_what_is_not_in_the_room_is_warned_of(egress, room, worker):
    result = egress("start", "--room", room, "--participant", "nobody", "--out", "file:{job_id}.mp4")
    assert result.code == 0 and 'participant "nobody" is not in the room' in result.err and "{job_id}" in result.err, result


# ---- waiting ----

def test_wait_ends_at_once_with_the_error_when_the_recording_fails(egress, room, worker):
    worker.on_start = lambda job: job.set(STATUS.EGRESS_FAILED, "S3 upload failed: no such host", 400, details="End reason: Failure")
    result = egress("start", "--room", room, "--audio-only", "--out", "s3:a.ogg", "--wait", "active=20s")
    assert result.code == 3 and result.seconds < 5, result
    assert "failed: S3 upload failed: no such host (code 400)" in result.err and "End reason: Failure" in result.err and result.out == ""


def test_wait_watches_all_at_once(egress, room, worker):
    first = started(egress, room, "--wait", "active=10s")
    second = started(egress, room, "--wait", "active=10s")
    worker.jobs[second].set(STATUS.EGRESS_FAILED, "disk full")
    result = egress("wait", first, second, "--timeout", "30s")
    assert result.code == 3 and "disk full" in result.err and second in result.err and result.seconds < 10, result


def test_a_timeout_that_was_given_is_kept(egress, room):
    result = egress("start", "--room", room, "--audio-only", "--out", "file:a.ogg", "--timeout", "1s")
    assert result.code == 8 and result.seconds < 4 and "a worker may still take the recording" in result.err, result


def test_wait_for_complete_gives_the_file(egress, room, worker):
    worker.on_start = lambda job: (job.set(STATUS.EGRESS_ACTIVE), time.sleep(0.5), job.finish())
    result = egress("start", "--room", room, "--audio-only", "--out", "s3:a.ogg", "--wait", "complete=20s", "--json")
    assert result.code == 0 and result.json["status"] == "EGRESS_COMPLETE", result
    assert result.json["durationMs"] == 7000 and result.json["sizeBytes"] == 12345 and result.json["places"] == ["https://s3.example.com/calls/demo.ogg"]


def test_a_limit_that_was_reached_is_usable_and_said(egress, room, worker):
    worker.on_start = lambda job: job.set(STATUS.EGRESS_LIMIT_REACHED, "Session limit reached", 413)
    egress_id = started(egress, room)
    result = egress("wait", egress_id, "--timeout", "10s")
    assert result.code == 0 and "limit" in result.err and "usable" in result.err, result


def test_an_aborted_one_is_exit_3_and_one_that_never_starts_exit_8(egress, room, worker):
    worker.on_start = lambda job: None
    egress_id = started(egress, room)
    late = egress("wait", egress_id, "--for", "active", "--timeout", "1s")
    assert late.code == 8 and "still starting" in late.err and "publishing" in late.err, late
    one_job(worker).set(STATUS.EGRESS_ABORTED, "Start signal not received", 412)
    aborted = egress("wait", egress_id, "--for", "active", "--timeout", "10s")
    assert aborted.code == 3 and "aborted: Start signal not received" in aborted.err, aborted


# ---- list, get ----

def test_list_and_get_show_what_livekits_own_client_sees(egress, redis_server, room, worker):
    egress_id = started(egress, room, "--wait", "active=10s")
    one_job(worker).finish()
    listed = egress("list", "--room", room, "--json").json["egress"]
    assert [one["egressId"] for one in listed] == [egress_id]
    shown = egress("get", egress_id, "--json").json
    assert shown == listed[0]

    async def theirs():
        client = livekit_api.LiveKitAPI(redis_server.url.replace("ws", "http"), redis_server.key, redis_server.secret)
        try:
            return await client.egress.list_egress(livekit_api.ListEgressRequest(egress_id=egress_id))
        finally:
            await client.aclose()

    items = asyncio.run(theirs()).items
    assert len(items) == 1
    one = items[0]
    assert (one.egress_id, one.room_name, one.room_id, one.started_at, one.ended_at, one.error) == (
        shown["egressId"], shown["roomName"], shown["roomId"], shown["startedAt"], shown["endedAt"], shown["error"])
    assert STATUS.Name(one.status) == shown["status"] == "EGRESS_COMPLETE"
    file = shown["fileResults"][0]
    assert (one.file_results[0].size, one.file_results[0].duration, one.file_results[0].location) == (file["size"], file["duration"], file["location"])
    assert one.room_composite.file_outputs[0].filepath == shown["roomComposite"]["fileOutputs"][0]["filepath"]


def test_list_filters_and_masks_and_says_when_it_is_cut(egress, room, worker):
    first = started(egress, room, "--wait", "active=10s")
    second = started(egress, room, "--wait", "active=10s")
    worker.jobs[first].finish()
    assert egress("list", "--room", room, "--active", "-o", "name").out.split() == [second]
    assert egress("list", "--room", room, "--status", "complete", "-o", "name").out.split() == [first]
    assert egress("list", "--room", room, "-o", "name").out.split() == [second, first]  # newest first
    assert egress("list", "--room", room, "--status", "EGRESS_COMPLETE", "-o", "name").out.split() == [first]
    assert egress("list", "--room", room, "--since", "1h", "-o", "name").out.split() == [second, first]
    cut = egress("list", "--room", room, "--limit", "1")
    assert "1 newest of 2" in cut.err and first not in cut.out and "room (audio)" in cut.out, cut
    whole = egress("list", "--room", room, "--json")
    assert S3_KEYS["RECORDING_S3_SECRET_KEY"] not in whole.out and S3_KEYS["RECORDING_S3_ACCESS_KEY"] not in whole.out
    assert egress("list", "--room", "empty", "--json").json == {"egress": []}


def test_watch_shows_changes_until_the_end(redis_server, egress, room, worker):
    egress_id = started(egress, room, "--wait", "active=10s")
    command = [parts.voicectl_path(), "egress", "get", egress_id, "--watch=100ms", "-o", "jsonl"]
    watching = subprocess.Popen(command, env=parts.clean_environment(redis_server.environment()), stdout=subprocess.PIPE, text=True)
    assert json.loads(watching.stdout.readline())["status"] == "EGRESS_ACTIVE"
    one_job(worker).finish()
    assert json.loads(watching.stdout.readline())["status"] == "EGRESS_COMPLETE"
    assert watching.wait(5) == 0


def test_an_unknown_id_is_exit_5_for_all_commands_at_once(egress):
    for words in (["get", "EG_none"], ["stop", "EG_none"], ["wait", "EG_none"], ["update", "EG_none", "--layout", "grid"]):
        result = egress(*words)
        assert result.code == 5 and "knows no egress EG_none" in result.err and result.seconds < 2, result


# ---- stop, update ----

def test_stop_tells_stopped_finished_and_lost_apart(egress, room, worker):
    running, done = started(egress, room, "--wait", "active=10s"), started(egress, room, "--wait", "active=10s")
    worker.jobs[done].finish()
    result = egress("stop", running, done, "EG_lost", "--json", "--wait=20s")
    assert result.code == 9, result
    outcomes = {one["egressId"]: (one["outcome"], one["errorKind"]) for one in result.json["egress"]}
    assert outcomes == {running: ("stopped", None), done: ("finished", "conflict"), "EG_lost": ("not_found", "not_found")}
    assert next(one for one in result.json["egress"] if one["egressId"] == running)["status"] == "EGRESS_COMPLETE"
    assert worker.jobs[running].stops == 1
    again = egress("stop", running)
    assert again.code == 6 and "has ended already: complete" in again.err and again.seconds < 2, again
    assert egress("stop", running, "--ignore-finished").code == 0


def test_a_finished_one_that_only_the_server_knows_of_is_exit_6(egress, room, worker):
    """It ends between our look and our stop: the server's own 412."""
    egress_id = started(egress, room, "--wait", "active=10s")
    worker.on_stop = lambda job: (_ for _ in ()).throw(Refusal("failed_precondition", "egress with status EGRESS_COMPLETE cannot be stopped"))
    result = egress("stop", egress_id)
    assert result.code == 6 and "EGRESS_COMPLETE cannot be stopped" in result.err and "ended already" in result.err, result
    assert egress("stop", egress_id, "--ignore-finished", "--json").json["egress"][0]["outcome"] == "finished"


def test_stop_by_room_all_and_stdin(egress, room, worker):
    ids = [started(egress, room, "--wait", "active=10s") for _ in range(2)]
    dry = egress("stop", "--room", room, "--dry-run")
    assert dry.code == 0 and all(one in dry.out for one in ids) and not any(job.stops for job in worker.jobs.values()), dry
    assert egress("stop", "--all-active").code == 2
    by_stdin = egress("stop", "--stdin", stdin=ids[0] + "\n", timeout=30)
    assert by_stdin.code == 0 and worker.jobs[ids[0]].stops == 1 and worker.jobs[ids[1]].stops == 0, by_stdin
    assert egress("stop", "--room", room, "--ignore-finished", "--wait=10s").code == 0
    assert worker.jobs[ids[1]].stops == 1


def test_a_stop_whose_upload_fails_is_exit_3_with_wait(egress, room, worker):
    egress_id = started(egress, room, "--wait", "active=10s")

    def failing(job):
        job.info.status = STATUS.EGRESS_ENDING
        fake_egress.threading.Timer(0.3, lambda: job.set(STATUS.EGRESS_FAILED, "S3 upload failed: AccessDenied", 400)).start()
        return job.info

    worker.on_stop = failing
    result = egress("stop", egress_id, "--wait=20s")
    assert result.code == 3 and "S3 upload failed: AccessDenied" in result.err, result


def test_update_changes_streams_and_says_what_cannot_be_changed(egress, room, worker):
    streaming = egress("start", "--room", room, "--out", "rtmp://live.example.com/app/firstkey", "--json", "--wait", "active=10s").json["egressId"]
    result = egress("update", streaming, "--add-url", "rtmp://live.example.com/app/secondkey", "--remove-url", "rtmp://live.example.com/app/firstkey")
    assert result.code == 0 and "secondkey" not in result.out + result.err, result
    update = worker.jobs[streaming].updates[0]
    assert list(update.add_output_urls) == ["rtmp://live.example.com/app/secondkey"]
    assert list(update.remove_output_urls) == ["rtmp://live.example.com/app/firstkey"]
    plain = started(egress, room, "--wait", "active=10s")
    refused = egress("update", plain, "--add-url", "rtmp://live.example.com/app/k")
    assert refused.code == 6 and "streams to nowhere" in refused.err, refused
    layout = egress("update", plain, "--layout", "grid")
    assert layout.code == 6 and "recorder of this egress is not in the room" in layout.err, layout
    worker.jobs[plain].finish()
    ended = egress("update", plain, "--layout", "grid")
    assert ended.code == 6 and "has ended: complete" in ended.err, ended
