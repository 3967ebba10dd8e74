"""`voicectl egress serve` as the recorder of a real livekit-server with real Redis: asked by LiveKit's own client, heard by LiveKit's own
webhooks, fed by participants of LiveKit's own Python SDK. S3 is versitygw; the files are read by libsndfile."""
import concurrent.futures
import datetime
import json
import os
import pathlib
import signal
import subprocess
import time

import fake_egress
import parts
import pytest
from google.protobuf import json_format
from livekit import api
from livekit.protocol import egress as proto
from livekit.protocol.models import ParticipantInfo
from recorders import (AGENT_HZ, AGENT_LEVEL, CALLER_HZ, CALLER_LEVEL, SECONDS, SLACK_NS, Stack, composite, end_redis, name_of, names, s3_of, storing,
                       video)
from recorders import call, loop, own_stack, relay, room, stack, start  # noqa: F401: fixtures
from sound import Sound

# ---- what it records ----

def test_a_room_is_recorded_and_each_record_and_webhook_is_whole(stack, call, start):
    worker = start()
    before = time.time_ns()
    began = stack.ask("start_room_composite_egress", composite("call", "rec/{room_name}-{egress_id}.ogg"))
    egress = began.egress_id
    room_id = stack.ask("list_rooms", api.ListRoomsRequest(names=["call"]), "room").rooms[0].sid
    asked = json_format.MessageToDict(composite("call", "rec/{room_name}-{egress_id}.ogg"))
    name = f"rec/call-{egress}.ogg"

    assert egress.startswith("EG_") and name_of(began) == "EGRESS_STARTING"
    assert before < began.started_at == began.updated_at < time.time_ns()
    assert json_format.MessageToDict(began) == {"egressId": egress, "roomId": room_id, "roomName": "call", "sourceType": "EGRESS_SOURCE_TYPE_SDK", "roomComposite": asked,
                                                "startedAt": str(began.started_at), "updatedAt": str(began.updated_at)}

    active = stack.until(egress, "EGRESS_ACTIVE")
    file_began = active.file_results[0].started_at
    assert began.started_at < file_began < time.time_ns() and active.updated_at > began.updated_at
    of_file = {"filename": name, "startedAt": str(file_began)}
    common = {"egressId": egress, "roomId": room_id, "roomName": "call", "sourceType": "EGRESS_SOURCE_TYPE_SDK", "roomComposite": asked, "startedAt": str(began.started_at)}
    assert json_format.MessageToDict(active) == {**common, "status": "EGRESS_ACTIVE", "updatedAt": str(active.updated_at), "fileResults": [of_file], "file": of_file}
    time.sleep(SECONDS)

    ending = stack.stop_egress(egress)
    assert name_of(ending) == "EGRESS_ENDING" and ending.details == "End reason: StopEgress API" and ending.updated_at > active.updated_at
    done = stack.until(egress, "EGRESS_COMPLETE")
    path = worker.files / name
    sound = Sound(path)
    file = done.file_results[0]
    assert file.location == str(path) and file.filename == name and file.size == path.stat().st_size
    assert abs(file.duration - sound.ns) < SLACK_NS and file.ended_at == file.started_at + file.duration and abs(file.started_at - file_began) < 500_000_000
    assert SECONDS * 0.9e9 < sound.ns < (SECONDS + 5) * 1e9 and done.ended_at == file.ended_at and done.updated_at > ending.updated_at
    assert (sound.form, sound.rate, sound.channels) == (Sound.OGG_OPUS, 48000, 1)
    sound.assert_level(CALLER_HZ, CALLER_LEVEL)
    sound.assert_level(AGENT_HZ, AGENT_LEVEL)
    sound.assert_none_of(700)

    of_file = json_format.MessageToDict(file)
    assert sorted(of_file) == ["duration", "endedAt", "filename", "location", "size", "startedAt"]
    manifest = worker.files / f"rec/{egress}.json"
    assert json_format.MessageToDict(done) == {**common, "status": "EGRESS_COMPLETE", "updatedAt": str(done.updated_at), "endedAt": str(done.ended_at),
                                               "details": "End reason: StopEgress API", "fileResults": [of_file], "file": of_file, "manifestLocation": str(manifest)}
    assert json.loads(manifest.read_text()) == {"egress_id": egress, "room_id": room_id, "room_name": "call", "url": stack.server.url, "started_at": done.started_at,
                                                "ended_at": done.ended_at, "files": [{"filename": name, "location": str(path)}]}

    events = stack.hooks.after(egress)
    assert names(events) == [("egress_started", "EGRESS_STARTING"), ("egress_updated", "EGRESS_ACTIVE"), ("egress_updated", "EGRESS_ENDING"), ("egress_ended", "EGRESS_COMPLETE")]
    for event, info in zip(events, (began, active, ending, done)):
        assert json_format.ParseDict(event["egressInfo"], proto.EgressInfo()) == info
    assert stack.hooks.unsigned == 0
    assert worker.left() == [] and worker.process.poll() is None

    checked = parts.voicectl("egress", "check", path, "--min-duration", "1s", "--channels", "1", "--max-silence", "1s", "--json")
    assert checked.code == 0 and checked.json["files"][0]["codec"] == "opus", checked


def test_mp3_has_its_rate_and_no_manifest_when_none_is_wanted(stack, call, start):
    worker = start()
    request = composite("call", "a.mp3", file_type=proto.EncodedFileType.MP3, disable_manifest=True)
    done = stack.recorded(stack.ask("start_room_composite_egress", request).egress_id)
    sound = Sound(worker.files / "a.mp3")
    assert (sound.form, sound.rate, sound.channels) == (Sound.MPEG, 44100, 1) and abs(done.file_results[0].duration - sound.ns) < SLACK_NS
    sound.assert_level(CALLER_HZ, CALLER_LEVEL)
    sound.assert_level(AGENT_HZ, AGENT_LEVEL)
    assert sorted(one.name for one in worker.files.iterdir()) == ["a.mp3"] and done.manifest_location == ""


def test_of_two_channels_the_agent_is_left_and_others_are_right(stack, call, start):
    worker = start()
    request = composite("call", "two.ogg")
    request.audio_mixing = proto.AudioMixing.DUAL_CHANNEL_AGENT
    stack.recorded(stack.ask("start_room_composite_egress", request).egress_id)
    sound = Sound(worker.files / "two.ogg")
    assert sound.channels == 2
    sound.assert_level(AGENT_HZ, AGENT_LEVEL, 0)
    sound.assert_level(CALLER_HZ, CALLER_LEVEL, 1)
    sound.assert_none_of(CALLER_HZ, 0)
    sound.assert_none_of(AGENT_HZ, 1)


def test_the_newer_call_records_media_by_routes_and_templates(stack, call, start):
    worker = start()
    routes = [proto.AudioRoute(participant_identity="caller", channel=proto.AudioChannel.AUDIO_CHANNEL_LEFT),
              proto.AudioRoute(participant_kind=ParticipantInfo.Kind.AGENT, channel=proto.AudioChannel.AUDIO_CHANNEL_RIGHT)]

    def output(path):
        return [proto.Output(file=proto.FileOutput(file_type=proto.EncodedFileType.OGG, filepath=path))]

    requests = [proto.StartEgressRequest(room_name="call", media=proto.MediaSource(audio=proto.AudioConfig(routes=routes)), outputs=output("media.ogg")),
                proto.StartEgressRequest(room_name="call", media=proto.MediaSource(audio=proto.AudioConfig(routes=routes[:1])), outputs=output("one.ogg")),
                proto.StartEgressRequest(room_name="call", template=proto.TemplateSource(audio_only=True), outputs=output("template.ogg"))]
    began = [stack.ask("start_egress", one) for one in requests]
    for info, request in zip(began, requests):
        assert info.egress == request and info.WhichOneof("request") == "egress" and info.room_name == "call", info
    for info in began:
        stack.until(info.egress_id, "EGRESS_ACTIVE")
    time.sleep(SECONDS)
    for info, request in zip(began, requests):
        stack.stop_egress(info.egress_id)
        assert stack.until(info.egress_id, "EGRESS_COMPLETE").egress == request
    media, one, template = (Sound(worker.files / f"{name}.ogg") for name in ("media", "one", "template"))
    assert (media.channels, one.channels, template.channels) == (2, 2, 1)
    for hertz, level, own, other in ((CALLER_HZ, CALLER_LEVEL, 0, 1), (AGENT_HZ, AGENT_LEVEL, 1, 0)):
        media.assert_level(hertz, level, own)
        media.assert_none_of(hertz, other)
        template.assert_level(hertz, level)
    one.assert_level(CALLER_HZ, CALLER_LEVEL, 0)
    one.assert_none_of(AGENT_HZ, 0)
    one.assert_none_of(AGENT_HZ, 1)


def test_one_track_is_recorded_until_it_is_gone_and_the_manifest_names_it(stack, call, start):
    worker = start()
    guest = stack.speaker("call", "guest", 700, 2000)
    track = guest.published.sid
    request = proto.TrackEgressRequest(room_name="call", track_id=track, file=proto.DirectFileOutput(filepath="{publisher_identity}-{track_source}-{track_type}-{track_id}"))
    composite_request = proto.TrackCompositeEgressRequest(room_name="call", audio_track_id=track, file_outputs=[proto.EncodedFileOutput(filepath="composite.ogg")])
    egress = stack.ask("start_track_egress", request).egress_id
    second = stack.ask("start_track_composite_egress", composite_request).egress_id
    for one in (egress, second):
        stack.until(one, "EGRESS_ACTIVE")
    time.sleep(SECONDS)
    guest.leave()
    done, other = stack.until(egress, "EGRESS_COMPLETE", 30), stack.until(second, "EGRESS_COMPLETE", 30)
    assert done.details == other.details == "End reason: Source closed"
    assert done.file_results[0].filename == f"guest-microphone-audio-{track}.ogg" and other.file_results[0].filename == "composite.ogg"
    manifest = json.loads(pathlib.Path(done.manifest_location).read_text())
    assert (manifest["publisher_identity"], manifest["track_id"], manifest["track_kind"], manifest["track_source"]) == ("guest", track, "audio", "microphone")
    for name in (done.file_results[0].filename, "composite.ogg"):
        sound = Sound(worker.files / name)
        sound.assert_level(700, 2000)
        sound.assert_none_of(CALLER_HZ)


def test_what_a_room_asks_for_when_it_is_made_is_recorded(stack, start):
    worker = start()
    room = api.RoomEgress(room=proto.RoomCompositeEgressRequest(audio_only=True, file_outputs=[proto.EncodedFileOutput(filepath="auto-{room_name}.ogg")]),
                          tracks=proto.AutoTrackEgress(filepath="auto-{publisher_identity}-{track_source}"))
    stack.ask("create_room", api.CreateRoomRequest(name="auto", egress=room), "room")
    ann = stack.speaker("auto", "ann")
    track = ann.published.sid

    def active():
        items = stack.ask("list_egress", proto.ListEgressRequest(room_name="auto", active=True)).items
        return items if [name_of(one) for one in items] == ["EGRESS_ACTIVE"] * 2 else None

    both = parts.wait_for(active, 20, "two recordings")
    time.sleep(SECONDS)
    ann.leave()
    stack.ask("delete_room", api.DeleteRoomRequest(room="auto"), "room")
    assert [stack.until(one.egress_id, "EGRESS_COMPLETE", 30).details for one in both] == ["End reason: Source closed"] * 2
    for name in ("auto-auto.ogg", f"auto-ann-microphone-{track}.ogg"):  # the server appends the track
        Sound(worker.files / name).assert_level(CALLER_HZ, CALLER_LEVEL)


def test_a_participants_sound_is_recorded_when_that_is_enough(stack, call, start):
    worker = start("--participants")
    output = proto.EncodedFileOutput(file_type=proto.EncodedFileType.OGG, filepath="{publisher_identity}")
    request = proto.ParticipantEgressRequest(room_name="call", identity="agent", file_outputs=[output])
    stack.recorded(stack.ask("start_participant_egress", request).egress_id)
    sound = Sound(worker.files / "agent.ogg")
    sound.assert_level(AGENT_HZ, AGENT_LEVEL)
    sound.assert_none_of(CALLER_HZ)


def test_it_goes_to_s3_with_its_headers_and_without_showing_a_secret(stack, call, storage, relay, start):
    worker = start("--bucket", storage.bucket, environment={**storage.environment(), "RECORDING_S3_ENDPOINT": relay.endpoint})
    request = composite("call", "calls/{egress_id}.ogg", s3_of(storage, endpoint=relay.endpoint, metadata={"team": "blue"}, tagging="a=1&b=2", content_disposition="attachment"))
    own = composite("call", "own/{egress_id}.ogg")
    began, of_worker = (stack.ask("start_room_composite_egress", one) for one in (request, own))
    egress = began.egress_id
    stack.until(egress, "EGRESS_ACTIVE")
    shown = worker.web("/status")[1] + worker.web("/metrics")[1]
    done = stack.recorded(egress)
    own_done = stack.recorded(of_worker.egress_id, 0)
    assert done.file_results[0].location == f"{relay.endpoint}/{storage.bucket}/calls/{egress}.ogg"
    assert own_done.file_results[0].location == f"{relay.endpoint}/{storage.bucket}/own/{of_worker.egress_id}.ogg"
    assert done.manifest_location == f"{relay.endpoint}/{storage.bucket}/calls/{egress}.json"
    assert {f"calls/{egress}.ogg", f"calls/{egress}.json", f"own/{of_worker.egress_id}.ogg", f"own/{of_worker.egress_id}.json"} <= set(storage.objects())
    path = pathlib.Path(storage.folder, "root", storage.bucket, "calls", f"{egress}.ogg")
    assert path.stat().st_size == done.file_results[0].size
    Sound(path).assert_level(CALLER_HZ, CALLER_LEVEL)
    put = {path.split("?")[0].rsplit("/", 1)[1]: {name.lower(): value for name, value in headers.items()} for command, path, headers in relay.asked if command == "PUT"}
    of_object = put[f"{egress}.ogg"]
    assert (of_object["content-type"], of_object["content-disposition"], of_object["x-amz-meta-team"], of_object["x-amz-tagging"]) == ("audio/ogg", "attachment", "blue", "a=1&b=2")
    assert put[f"{egress}.json"]["content-type"] == "application/json" and put[f"{of_worker.egress_id}.ogg"]["content-disposition"] == "inline"

    echo = done.room_composite.file_outputs[0].s3
    assert (echo.access_key, echo.secret, echo.bucket, dict(echo.metadata)) == ("{access_key}", "{secret}", storage.bucket, {"team": "blue"})
    assert not own_done.room_composite.file_outputs[0].HasField("s3")
    manifest = path.with_suffix(".json").read_text()
    events = stack.hooks.after(egress) + stack.hooks.after(of_worker.egress_id)
    everything = worker.text() + shown + manifest + str(began) + str(done) + str(own_done) + json.dumps(events)
    everything += stack.voicectl("list", "--all", "--json").out + pathlib.Path(stack.server.folder, "server.log").read_text()
    assert egress in everything and egress in worker.text()
    for secret in (storage.access_key, storage.secret_key, stack.server.secret):
        assert secret not in everything
    assert worker.left() == [] and list(worker.files.iterdir()) == []


def test_a_call_that_is_started_with_record_has_its_recording(loop, agents, start, tmp_path):
    keys, port, store, ready = ("APIrecorded", "a-secret-of-recorded-calls-0123456789"), parts.free_port(), str(tmp_path / "calls.db"), tmp_path / "hooks.ready"
    stack = Stack(loop, webhooks=[f"http://127.0.0.1:{port}/"], keys=keys)
    hooks = subprocess.Popen([parts.voicectl_path(), "webhook", "listen", "--port", str(port), "--store", store, "--ready-file", ready, "--quiet"],
                             env=parts.clean_environment(stack.server.environment()), stdout=subprocess.DEVNULL)
    try:
        parts.wait_for(ready.exists, 20, "the receiver")
        worker = start(at=stack)
        agents(stack.server, parts.AGENT.format(name="desk"), store=store)

        def call(*words):
            done = parts.voicectl("call", *words, "--json", env=stack.server.environment())
            assert done.code == 0, done
            return done.json

        started = call("start", "--room", "recorded", "--agent", "desk", "--no-schema", "--record")
        egress = started["recording"]["egressId"]
        assert egress.startswith("EG_") and started["recording"]["error"] is None, started
        caller = stack.speaker("recorded", started["identity"])
        stack.until(egress, "EGRESS_ACTIVE")
        assert call("status", "recorded", "--require", "agent,caller,recording")["recording"]["egressId"] == egress
        parts.wait_for(lambda: worker.status()["jobs"][0]["recordedMs"] > 2000, 20, "two seconds")
        call("end", "recorded")
        info = stack.until(egress, "EGRESS_COMPLETE")
        path = worker.files / "recordings" / "recorded.ogg"
        assert info.file_results[0].location == str(path)
        Sound(path).assert_level(CALLER_HZ, CALLER_LEVEL)

        def bound():
            listed = parts.voicectl("call", "records", "--room", "recorded", "--store", store, "--json")
            return [one for one in listed.json["records"] if one["recordingLocation"]] if listed.code == 0 else None

        record = parts.wait_for(bound, 20, "a call with its recording")[0]
        assert (record["recordings"], record["recordingStatus"], record["recordingLocation"], record["recordingBytes"]) == (1, "EGRESS_COMPLETE", str(path), path.stat().st_size)
        assert record["callerIdentity"] == started["identity"] and record["agentName"] == "desk"
        stack.loop.begin(caller.go())
    finally:
        hooks.kill()
        hooks.wait()
        stack.close()


# ---- how it ends ----

def test_a_stop_before_anybody_talks_aborts_and_a_stream_is_refused(stack, start):
    worker = start()
    stack.ask("create_room", api.CreateRoomRequest(name="quiet"), "room")
    egress = stack.ask("start_room_composite_egress", composite("quiet")).egress_id
    with pytest.raises(api.TwirpError) as refused:
        stack.ask("update_stream", api.UpdateStreamRequest(egress_id=egress, add_output_urls=["rtmp://127.0.0.1/live/key"]))
    assert refused.value.status == 400 and "UpdateStream called on non-streaming egress" in refused.value.message
    assert name_of(stack.stop_egress(egress)) == "EGRESS_ABORTED"
    info = stack.until(egress, "EGRESS_ABORTED")
    assert (info.error, info.error_code, info.details) == ("Stop called before pipeline could start", 412, "End reason: StopEgress API")
    assert info.ended_at >= info.started_at > 0 and not info.file_results
    waited = stack.voicectl("wait", egress)
    assert waited.code == 3 and "Stop called before pipeline could start" in waited.err, waited
    assert [one["event"] for one in stack.hooks.after(egress)] == ["egress_started", "egress_ended"]
    with pytest.raises(api.TwirpError) as late:
        stack.stop_egress(egress)
    assert late.value.status == 412
    parts.wait_for(lambda: worker.left() == [], 5, "an empty folder")
    assert list(worker.files.iterdir()) == [] and worker.metric('voicectl_egress_jobs_total{result="aborted"}') == 1


def test_what_no_worker_could_do_is_refused_at_once(stack, call, start):
    worker = start()
    outside, aac, none = (composite("call", path) for path in ("/etc/outside.ogg", "a.ogg", "b.ogg"))
    aac.file_outputs[0].file_type = proto.EncodedFileType.OGG
    aac.advanced.audio_codec = api.AudioCodec.AAC
    del none.file_outputs[:]
    for request, words in ((outside, "/etc/outside.ogg"), (aac, "AAC"), (none, "output")):
        with pytest.raises(api.TwirpError) as refused:
            stack.ask("start_room_composite_egress", request)
        assert refused.value.status == 400 and words.lower() in refused.value.message.lower(), refused.value
    assert worker.metric("voicectl_egress_refused_total") == 3  # so the server has not asked again, for 20 s
    assert worker.left() == [] and worker.status()["taken"] == 0 and not os.path.exists("/etc/outside.ogg")


def test_a_stop_while_it_is_stored_gets_the_same_answer(stack, call, storage, relay, start):
    worker = start()
    egress = storing(stack, worker, relay, storage)
    again = stack.stop_egress(egress)
    assert (again.egress_id, name_of(again), again.details) == (egress, "EGRESS_ENDING", "End reason: StopEgress API")
    assert worker.metric("voicectl_egress_storing") == 1 and worker.metric("voicectl_egress_jobs") == 0
    relay.open.set()
    stack.until(egress, "EGRESS_COMPLETE")
    assert [one["event"] for one in stack.hooks.after(egress)].count("egress_ended") == 1


def test_with_its_room_a_recording_ends_well(stack, room, start):
    worker = start()
    egress = stack.ask("start_room_composite_egress", composite(room, "gone.ogg")).egress_id
    stack.until(egress, "EGRESS_ACTIVE")
    time.sleep(1)
    stack.ask("delete_room", api.DeleteRoomRequest(room=room), "room")
    info = stack.until(egress, "EGRESS_COMPLETE")
    assert (info.details, info.error, info.error_code) == ("End reason: Source closed", "", 0)
    Sound(worker.files / "gone.ogg").assert_level(CALLER_HZ, CALLER_LEVEL)


def test_at_the_longest_duration_it_ends_and_the_file_is_good(stack, call, start):
    worker = start("--max-duration", "2s")
    egress = stack.ask("start_room_composite_egress", composite("call", "limit.ogg")).egress_id
    info = stack.until(egress, "EGRESS_LIMIT_REACHED")
    assert (info.error, info.error_code, info.details) == ("Session limit reached", 413, "End reason: Session limit reached")
    sound = Sound(worker.files / "limit.ogg")
    assert abs(sound.ns - 2e9) < 200e6 and abs(info.file_results[0].duration - sound.ns) < SLACK_NS
    assert names(stack.hooks.after(egress)) == [("egress_started", "EGRESS_STARTING"), ("egress_updated", "EGRESS_ACTIVE"), ("egress_ended", "EGRESS_LIMIT_REACHED")]
    assert stack.voicectl("wait", egress).code == 0 and worker.metric('voicectl_egress_jobs_total{result="limit_reached"}') == 1


# ---- beside other workers ----

def test_video_goes_to_the_worker_that_can_do_it(stack, call, start):
    worker = start()
    other = fake_egress.Worker(stack.redis.port)
    try:
        egress = stack.ask("start_room_composite_egress", video("call")).egress_id
        stack.until(egress, "EGRESS_ACTIVE")
        assert list(other.jobs) == [egress]
        parts.wait_for(lambda: f"egress={egress}" in worker.text(), 5, "a line of the log")
        assert worker.status()["taken"] == 0 and worker.metric('voicectl_egress_left_total{reason="not_ours"}') == 1
    finally:
        other.close()


def test_alone_it_explains_that_it_records_no_video(stack, call, start):
    worker = start()
    with pytest.raises(api.TwirpError) as refused:
        stack.ask("start_room_composite_egress", video("call"))
    assert refused.value.status == 503 and "this worker records audio alone: run LiveKit's egress service beside it" in refused.value.message
    assert worker.metric("voicectl_egress_refused_total") >= 1 and worker.left() == []


def test_what_one_has_no_room_for_another_takes(stack, call, start):
    workers = [start("--max-jobs", "1"), start("--max-jobs", "1")]
    both = [stack.ask("start_room_composite_egress", composite("call", f"{n}.ogg")).egress_id for n in range(2)]
    for egress in both:
        stack.until(egress, "EGRESS_ACTIVE")
    assert [len(one.status()["jobs"]) for one in workers] == [1, 1]
    for worker in workers:
        code, text = worker.web("/ready")
        assert code == 503 and json.loads(text) == {"ready": False, "reason": "1 recordings run, of 1 at most"}
    for egress in both:
        stack.stop_egress(egress)
        stack.until(egress, "EGRESS_COMPLETE")
    parts.wait_for(lambda: all(one.web("/ready")[0] == 200 for one in workers), 5, "room again")
    assert len(sorted(one.name for worker in workers for one in worker.files.glob("*.ogg"))) == 2


# ---- what goes wrong ----

def test_a_storage_that_refuses_is_told_clearly_and_the_file_stays(stack, call, storage, start):
    worker = start()
    cases = {"a wrong secret": (s3_of(storage, secret="wrong-secret-of-a-test"), "SignatureDoesNotMatch"),
             "no bucket": (s3_of(storage, bucket="nobody-made-it"), "NoSuchBucket"),
             "no storage": (s3_of(storage, endpoint=f"http://127.0.0.1:{parts.free_port()}"), "127.0.0.1")}
    ids = {name: stack.ask("start_room_composite_egress", composite("call", "x.ogg", s3)).egress_id for name, (s3, _) in cases.items()}
    for egress in ids.values():
        stack.until(egress, "EGRESS_ACTIVE")
    time.sleep(1)
    for egress in ids.values():
        stack.stop_egress(egress)
    for name, egress in ids.items():
        info = stack.until(egress, "EGRESS_FAILED", 60)
        assert info.error_code == 400 and info.error.startswith("storing it in S3: ") and cases[name][1] in info.error, (name, info.error)
        assert info.details == "End reason: StopEgress API" and info.file_results[0].location == "" and info.file_results[0].duration > 0
        waited = stack.voicectl("wait", egress)
        assert waited.code == 3 and cases[name][1] in waited.err, waited
        assert "wrong-secret-of-a-test" not in worker.text() + str(info)
    assert worker.metric("voicectl_egress_store_failures_total") == 3
    parts.wait_for(lambda: worker.left() == sorted(f"{one}.{form}" for one in ids.values() for form in ("json", "ogg")), 5, "the only copies")
    for egress in ids.values():
        Sound(worker.state / f"{egress}.ogg").assert_level(CALLER_HZ, CALLER_LEVEL)


def test_the_backup_takes_what_the_first_storage_refuses(stack, call, storage, start):
    backup = {f"BACKUP_{name.removeprefix('RECORDING_')}": value for name, value in storage.environment().items()}
    worker = start(environment=backup)
    request = composite("call", "saved/{egress_id}.ogg", s3_of(storage, bucket="nobody-made-it"))
    egress = stack.ask("start_room_composite_egress", request).egress_id
    done = stack.recorded(egress, 1)
    assert done.backup_storage_used and done.file_results[0].location == f"{storage.endpoint}/{storage.bucket}/saved/{egress}.ogg"
    Sound(pathlib.Path(storage.folder, "root", storage.bucket, "saved", f"{egress}.ogg")).assert_level(CALLER_HZ, CALLER_LEVEL)
    assert done.error == "" and done.manifest_location == "" and storage.secret_key not in worker.text()


def test_a_worker_that_is_ended_finishes_stores_and_reports(stack, call, start):
    worker = start()
    egress = stack.ask("start_room_composite_egress", composite("call", "ended.ogg")).egress_id
    stack.until(egress, "EGRESS_ACTIVE")
    time.sleep(1)
    assert worker.end() == 0, worker.text()
    info = stack.until(egress, "EGRESS_COMPLETE", 5)
    assert info.details == "End reason: Process killed" and info.file_results[0].location == str(worker.files / "ended.ogg")
    Sound(worker.files / "ended.ogg").assert_level(CALLER_HZ, CALLER_LEVEL)
    assert worker.left() == [] and not worker.ready.exists()


def test_during_a_drain_recordings_go_on_and_no_more_are_taken(stack, call, start):
    first, second = start("--drain", "10m"), None
    egress = stack.ask("start_room_composite_egress", composite("call", "drained.ogg")).egress_id
    stack.until(egress, "EGRESS_ACTIVE")
    first.process.send_signal(signal.SIGTERM)
    parts.wait_for(lambda: first.web("/ready")[0] == 503, 5, "no more jobs")
    second = start()
    assert stack.ask("start_room_composite_egress", composite("call", "next.ogg")).egress_id in [one["egressId"] for one in second.status()["jobs"]]
    assert name_of(stack.get(egress)) == "EGRESS_ACTIVE" and first.process.poll() is None
    stack.stop_egress(egress)
    assert stack.until(egress, "EGRESS_COMPLETE").details == "End reason: StopEgress API"
    assert first.process.wait(20) == 0 and (first.files / "drained.ogg").exists()


def test_a_killed_worker_leaves_what_its_next_start_stores_and_reports_once(stack, call, start):
    worker = start()
    egress = stack.ask("start_room_composite_egress", composite("call", "killed.ogg")).egress_id
    stack.until(egress, "EGRESS_ACTIVE")
    parts.wait_for(lambda: (worker.state / f"{egress}.ogg").exists() and worker.status()["jobs"][0]["recordedMs"] > 3000, 20, "three seconds")
    worker.end(signal.SIGKILL)
    assert (worker.state.stat().st_mode & 0o777, {(worker.state / one).stat().st_mode & 0o777 for one in worker.left()}) == (0o700, {0o600})
    worker.start()
    info = stack.until(egress, "EGRESS_FAILED", 30)
    assert "its worker died; the file holds what was recorded until then" in info.error and info.error_code == 500
    assert info.file_results[0].location == str(worker.files / "killed.ogg") and info.ended_at > 0
    sound = Sound(worker.files / "killed.ogg")
    sound.assert_level(CALLER_HZ, CALLER_LEVEL)
    assert abs(info.file_results[0].duration - sound.ns) < SLACK_NS and sound.ns > 1e9
    parts.wait_for(lambda: worker.left() == [], 5, "an empty folder")
    assert worker.metric("voicectl_egress_orphans_total") == 1
    assert worker.end() == 0
    worker.start()
    assert worker.metric("voicectl_egress_orphans_total") == 0
    assert [one["event"] for one in stack.hooks.after(egress)].count("egress_ended") == 1


def test_one_that_dies_while_it_stores_stores_at_its_next_start(stack, call, storage, relay, start):
    worker = start()
    egress = storing(stack, worker, relay, storage)
    worker.end(signal.SIGKILL)
    assert f"{egress}.ogg" in worker.left() and len(worker.left()) == 2  # and its journal
    assert f"held/{egress}.ogg" not in storage.objects() and name_of(stack.get(egress)) == "EGRESS_ENDING"
    relay.open.set()
    worker.start()
    assert [one["event"] for one in stack.hooks.after(egress)].count("egress_ended") == 1
    info = stack.get(egress)
    assert name_of(info) == "EGRESS_COMPLETE" and info.error == "" and info.details == "End reason: StopEgress API"  # it had come to its end
    file = info.file_results[0]
    assert file.location == f"{relay.endpoint}/{storage.bucket}/held/{egress}.ogg"
    assert pathlib.Path(storage.folder, "root", storage.bucket, "held", f"{egress}.ogg").stat().st_size == file.size
    parts.wait_for(lambda: worker.left() == [], 5, "an empty folder")


def test_the_third_signal_ends_at_once(stack, call, storage, relay, start):
    worker = start()
    egress = storing(stack, worker, relay, storage)
    for times in (1, 2):
        worker.process.send_signal(signal.SIGTERM)
        parts.wait_for(lambda: worker.text().count("finishing, storing and reporting") == times, 5, "a note")
    assert worker.process.poll() is None
    assert worker.end(seconds=10) == 0 and f"{egress}.ogg" in worker.left()  # the storage answers nobody yet


def test_a_folder_has_one_worker(stack, start):
    first = start()
    second = start(state=first.state, wait=False)
    assert second.process.wait(20) == 6
    assert f"another worker keeps its jobs in {first.state}" in second.text() and "give each worker a folder of its own" in second.text()
    assert first.web("/ready")[0] == 200


def test_a_recording_outlives_a_restart_of_redis(own_stack, start):
    stack = own_stack
    worker, speaker = start(at=stack), stack.speaker("outage")
    egress = stack.ask("start_room_composite_egress", composite("outage", "outage.ogg")).egress_id
    stack.until(egress, "EGRESS_ACTIVE")
    start_again = end_redis(stack.redis)
    parts.wait_for(lambda: worker.web("/ready")[0] == 503, 10, "Redis to be missed")
    assert "Redis is away" in json.loads(worker.web("/ready")[1])["reason"] and worker.web("/health")[0] == 200
    before = worker.status()["jobs"][0]["recordedMs"]
    parts.wait_for(lambda: worker.status()["jobs"][0]["recordedMs"] > before + 1000, 20, "it to go on")
    start_again()
    parts.wait_for(lambda: worker.web("/ready")[0] == 200, 30, "Redis again")

    def stopped():
        try:
            return stack.stop_egress(egress)
        except api.TwirpError:
            return None  # the server finds its way back by itself

    assert name_of(parts.wait_for(stopped, 30, "a stop")) == "EGRESS_ENDING"
    speaker.leave()

    def complete():  # this Redis has come back empty: of the egress the server knows what the worker reports from now on
        items = stack.ask("list_egress", proto.ListEgressRequest(egress_id=egress)).items
        return items[0] if items and name_of(items[0]) == "EGRESS_COMPLETE" else None

    info = parts.wait_for(complete, 20, "EGRESS_COMPLETE")
    assert info.details == "End reason: StopEgress API" and info.file_results[0].duration > (before + 1000) * 10**6
    assert names(stack.hooks.after(egress))[-1] == ("egress_ended", "EGRESS_COMPLETE")
    Sound(worker.files / "outage.ogg").assert_level(CALLER_HZ, CALLER_LEVEL)
    assert worker.end() == 0 and worker.left() == []


def test_without_redis_it_says_so_and_begins_when_redis_comes(own_stack, start):
    stack = own_stack
    stack.server.kill()
    start_again = end_redis(stack.redis)
    worker = start(at=stack, wait=False)
    parts.wait_for(lambda: f"connection refused by Redis at 127.0.0.1:{stack.redis.port}" in worker.text() or worker.process.poll() is not None, 20, "a warning")
    assert worker.process.poll() is None and not worker.ready.exists()
    start_again()
    worker.wait_ready()
    stack.server.start()
    speaker = stack.speaker("late")
    egress = stack.ask("start_room_composite_egress", composite("late", "late.ogg")).egress_id
    stack.recorded(egress, 1)
    speaker.leave()
    Sound(worker.files / "late.ogg").assert_level(CALLER_HZ, CALLER_LEVEL)


# ---- what it shows, and how it is called ----

def test_health_ready_status_and_metrics_tell_of_jobs(stack, call, start):
    worker = start("--max-jobs", "7", "--min-disk", "0")
    assert worker.about["maxJobs"] == 7 and worker.about["pid"] == worker.process.pid
    assert [worker.web(path)[0] for path in ("/health", "/ready", "/status", "/metrics", "/else")] == [200, 200, 200, 200, 404]
    assert worker.status() == {"ready": True, "reason": None, "jobs": [], "kept": [], "capacity": 7, "redis": True, "taken": 0, "complete": 0, "failed": 0}
    egress = stack.ask("start_room_composite_egress", composite("call")).egress_id
    stack.until(egress, "EGRESS_ACTIVE")
    job = parts.wait_for(lambda: next((one for one in worker.status()["jobs"] if one["recordedMs"] > 1000 and one["bytes"] > 0), None), 10, "a second")
    assert (job["egressId"], job["room"], job["status"], job["tracks"]) == (egress, "call", "EGRESS_ACTIVE", 2)
    assert abs(datetime.datetime.fromisoformat(job["startedAt"]).timestamp() - time.time()) < 60
    assert worker.metric("voicectl_egress_jobs") == 1 and worker.metric("voicectl_egress_jobs_capacity") == 7 and worker.metric("voicectl_egress_ready") == 1
    done = stack.recorded(egress, 0)
    parts.wait_for(lambda: worker.metric("voicectl_egress_jobs") == 0, 5, "no job")
    assert worker.metric('voicectl_egress_jobs_total{result="complete"}') == 1 and worker.metric('voicectl_egress_jobs_total{result="failed"}') == 0
    assert abs(worker.metric("voicectl_egress_recorded_seconds_total") - done.file_results[0].duration / 1e9) < 0.01
    assert worker.metric("voicectl_egress_stored_bytes_total") == done.file_results[0].size
    assert worker.status() | {"jobs": []} == {"ready": True, "reason": None, "jobs": [], "kept": [], "capacity": 7, "redis": True, "taken": 1, "complete": 1, "failed": 0}


@pytest.mark.parametrize("flags, error, hint", [
    (["--redis", "user:word@127.0.0.1:6379"], "--redis holds a login", "put it into REDIS_URL"),
    (["--files", "/nobody-made-this-folder"], "--files: /nobody-made-this-folder is no folder", "make it first"),
    (["--storage", "gcp"], "--storage", ""),
    (["--region", "eu-central-1"], "--region says nothing without a bucket", "--bucket, or S3_BUCKET"),
    (["--drain", "soon"], "--drain: 'soon' is not a duration", "500ms, 30s, 5m, 2h"),
    (["--max-duration", "soon"], "--max-duration: 'soon' is not a duration", "500ms, 30s, 5m, 2h"),
    (["--max-jobs", "0"], "--max-jobs", ""),
    (["--health", "here"], "--health: 'here' is no port", "8081"),
], ids=["login", "files", "storage", "region", "drain", "duration", "jobs", "health"])
def test_what_is_called_wrongly_is_exit_2_with_a_hint(flags, error, hint, tmp_path):
    keys = {"LIVEKIT_URL": "ws://127.0.0.1:1", "LIVEKIT_API_KEY": "APItest", "LIVEKIT_API_SECRET": "a_secret_of_at_least_thirty_two_chars"}
    result = parts.voicectl("egress", "serve", "--folder", tmp_path / "state", *flags, env=keys, timeout=20)
    assert result.code == 2 and error in result.err and hint in result.err and "user:word" not in result.err and result.out == "", result


def test_its_help_has_examples():
    shown = parts.voicectl("egress", "serve", "--help")
    assert shown.code == 0 and "Examples:" in shown.out and "voicectl egress serve --redis 127.0.0.1:6379 --files" in shown.out
