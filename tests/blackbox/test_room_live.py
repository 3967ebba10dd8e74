"""Rooms driven live: watch, join, wait, send, rpc, update, participant; LiveKit's own Python SDK is the other side."""
import asyncio
import base64
import json
import re
import signal
import subprocess
import threading
import time
import uuid
import wave

import numpy
import parts
import pytest

rtc = pytest.importorskip("livekit.rtc", reason="the Python package `livekit` is not installed")
api = pytest.importorskip("livekit.api", reason="the Python package `livekit-api` is not installed")

PATIENCE = 25
RATE = 48000


@pytest.fixture
def room(voicectl, server):
    name = "live-" + uuid.uuid4().hex[:10]
    made = voicectl("room", "create", name, env=server.environment())
    assert made.code == 0, made
    return name


class Live:
    """A running `voicectl room …` that tells events."""

    def __init__(self, server, *arguments, env=None, stdin=subprocess.DEVNULL):
        self.events, self.lines, self.errors = [], [], []
        self.changed = threading.Condition()
        self.process = subprocess.Popen([parts.voicectl_path(), "room", *map(str, arguments)], stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=parts.clean_environment(env or server.environment()))
        self.readers = [threading.Thread(target=self.read, daemon=True), threading.Thread(target=self.read_errors, daemon=True)]
        for reader in self.readers:
            reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line)
                if line.startswith('{"event"'):
                    self.events.append(json.loads(line))
                self.changed.notify_all()

    def read_errors(self):
        self.errors.extend(self.process.stderr)

    def all(self, kind, **fields):
        return [e for e in self.events if e["event"] == kind and all(e.get(k) == v for k, v in fields.items())]

    def wait(self, kind, **fields):
        with self.changed:
            found = self.changed.wait_for(lambda: self.all(kind, **fields), PATIENCE)
            assert found, f"no {kind} {fields} in {self.lines}; {self.errors}"
            return found[0]

    def end(self, timeout=PATIENCE):
        code = self.process.wait(timeout)
        for reader in self.readers:
            reader.join(5)
        return code

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.end()


@pytest.fixture
def live(server):
    running = []

    def start(*arguments, **more):
        running.append(Live(server, *arguments, **more))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def token(server, room, identity, kind=None, **grants):
    minted = api.AccessToken(server.key, server.secret).with_identity(identity).with_name(identity.title())
    minted = minted.with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True, **grants))
    if kind:
        minted = minted.with_kind(kind)
    return minted.to_jwt()


def run(coroutine, limit=60):
    return asyncio.run(asyncio.wait_for(coroutine, limit))


class Person:
    """A Python participant."""

    def __init__(self, server, room, identity, **more):
        self.url, self.token = server.url, token(server, room, identity, **more)
        self.room = rtc.Room()

    async def __aenter__(self):
        await self.room.connect(self.url, self.token)
        return self

    async def __aexit__(self, *_):
        await self.room.disconnect()

    async def microphone(self, name="mic", source=rtc.TrackSource.SOURCE_MICROPHONE):
        self.source = rtc.AudioSource(RATE, 1)
        self.track = rtc.LocalAudioTrack.create_audio_track(name, self.source)
        return await self.room.local_participant.publish_track(self.track, rtc.TrackPublishOptions(source=source))

    async def tone(self, hz, seconds, level=8000):
        for i in range(int(seconds * 100)):
            at = numpy.arange(RATE // 100) + i * RATE // 100
            samples = (level * numpy.sin(2 * numpy.pi * hz * at / RATE)).astype(numpy.int16)
            await self.source.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE, 1, RATE // 100))
        await self.source.wait_for_playout()


async def until(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{what} did not come true in {seconds} s")


async def in_thread(call, *arguments, **more):
    return await asyncio.get_running_loop().run_in_executor(None, lambda: call(*arguments, **more))


def write_tone(path, hz, seconds, rate=RATE, level=8000):
    samples = (level * numpy.sin(2 * numpy.pi * hz * numpy.arange(int(rate * seconds)) / rate)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return samples.tobytes()


def loud_part(samples, rate, threshold=1500):
    """(first second, last second, frequency) of what is loud."""
    frame = rate // 100
    levels = numpy.array([numpy.abs(samples[i:i + frame].astype(int)).max() for i in range(0, len(samples) - frame, frame)])
    loud = numpy.flatnonzero(levels > threshold)
    assert len(loud), "nothing but silence"
    first, last = loud[0] * frame, (loud[-1] + 1) * frame
    middle = samples[first + rate // 5:last - rate // 5].astype(float)
    spectrum = numpy.abs(numpy.fft.rfft(middle * numpy.hanning(len(middle))))
    return first / rate, last / rate, spectrum.argmax() * rate / len(middle)


def stretches(samples, rate, threshold=1500):
    """Where sound begins and ends, in seconds; a codec's stumble of less than 100 ms is no end."""
    frame, edges = rate // 100, []
    for i in range(0, len(samples) - frame, frame):
        if numpy.abs(samples[i:i + frame].astype(int)).max() > threshold:
            if edges and i / rate - edges[-1] < 0.1:
                edges[-1] = (i + frame) / rate
            else:
                edges += [i / rate, (i + frame) / rate]
    return edges


def read_wav(path):
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 1 and file.getsampwidth() == 2
        return numpy.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()


async def hear(person):
    """All that the person hears of the first track, until who plays it has left."""
    heard, gone, tasks = [], asyncio.Event(), []

    async def collect(track):
        async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
            heard.append(numpy.frombuffer(event.frame.data, numpy.int16))

    person.room.on("track_subscribed", lambda track, *_: tasks.append(asyncio.ensure_future(collect(track))))
    person.room.on("participant_disconnected", lambda *_: gone.set())
    return heard, gone


# ---- watch ----

def test_watch_tells_what_python_does(server, room, live):
    async def story():
        async with Person(server, room, "early") as early:
            watch = live("watch", room)
            await in_thread(watch.wait, "connected", room=room)
            assert watch.wait("joined", identity="early")["present"] is True
            async with Person(server, room, "ann") as ann:
                publication = await ann.microphone("voice")
                seen = await in_thread(watch.wait, "joined", identity="ann")
                assert seen["present"] is False and seen["name"] == "Ann" and seen["kind"] == "standard"
                track = await in_thread(watch.wait, "track_published", identity="ann")
                assert (track["name"], track["kind"], track["source"], track["sid"]) == ("voice", "audio", "microphone", publication.sid)
                await in_thread(watch.wait, "track_subscribed", sid=publication.sid)
                await ann.tone(440, 2)
                await in_thread(watch.wait, "speakers", identities=["ann"])
                ann.track.mute()
                await in_thread(watch.wait, "track_muted", sid=publication.sid)
                ann.track.unmute()
                await in_thread(watch.wait, "track_unmuted", sid=publication.sid)
                me = ann.room.local_participant
                await me.publish_data(b'{"a":1}', topic="ops")
                assert (await in_thread(watch.wait, "data", topic="ops"))["payload"] == '{"a":1}'
                await me.publish_data(bytes([0, 255, 7]), topic="raw")
                raw = await in_thread(watch.wait, "data", topic="raw")
                assert base64.b64decode(raw["payloadBase64"]) == bytes([0, 255, 7]) and raw["payload"] is None and raw["identity"] == "ann"
                await me.send_text("hello there", topic="lk.chat")
                assert (await in_thread(watch.wait, "text", identity="ann"))["text"] == "hello there"
                await me.send_text("so it is", topic="lk.transcription",
                                   attributes={"lk.segment_id": "SG_1", "lk.transcription_final": "false"})
                said = await in_thread(watch.wait, "transcription", segment="SG_1")
                assert said["text"] == "so it is" and said["final"] is False and said["identity"] == "ann"
                async with Person(server, room, "bot", kind="agent") as bot:
                    await bot.room.local_participant.publish_transcription(rtc.Transcription(
                        participant_identity="ann", track_sid=publication.sid, segments=[rtc.TranscriptionSegment(
                            id="SG_2", text="old words", start_time=0, end_time=1, language="en", final=True)]))
                    old = await in_thread(watch.wait, "transcription", segment="SG_2")
                    assert (old["text"], old["final"], old["identity"], old["trackSid"]) == ("old words", True, "ann", publication.sid)
                await me.set_attributes({"mood": "good"})
                assert (await in_thread(watch.wait, "attributes", identity="ann"))["changed"] == {"mood": "good"}
                await me.set_metadata("m1")
                await in_thread(watch.wait, "metadata", identity="ann", metadata="m1")
                await me.set_name("Ann B")
                await in_thread(watch.wait, "name", identity="ann", name="Ann B")
                await me.publish_dtmf(code=5, digit="5")
                await in_thread(watch.wait, "dtmf", digit="5", identity="ann")
                async with api.LiveKitAPI(server.url, server.key, server.secret) as ops:
                    await ops.room.update_room_metadata(api.UpdateRoomMetadataRequest(room=room, metadata="rm"))
                await in_thread(watch.wait, "room_metadata", metadata="rm")
                assert {"ann"} <= set(early.room.remote_participants) <= {"ann", "bot"}, "the watcher must not be seen"
            left = await in_thread(watch.wait, "left", identity="ann")
            assert left["reason"] == "client_initiated"
            assert all("time" in e for e in watch.events)
            assert await in_thread(watch.stop) == 130
    run(story())


def test_watch_filters_and_waits_for_an_event(server, room, live, voicectl):
    watch = live("watch", room, "--events", "text", "--until", "text=good.ye", "--timeout", "20s")
    time.sleep(1.5)  # it says nothing before
    for words in ("hello", "goodbye", "after"):
        assert voicectl("room", "send", room, "--text", words, env=server.environment()).code == 0
    assert watch.end() == 0
    assert [e["text"] for e in watch.events] == ["hello", "goodbye"], watch.lines

    late = voicectl("room", "watch", room, "--until", "dtmf", "--timeout", "2s", env=server.environment())
    assert late.code == 8 and "dtmf" in late.err and late.seconds < 15, late
    short = voicectl("room", "watch", room, "--for", "1s", "-o", "table", env=server.environment())
    assert short.code == 0 and re.match(r"\d\d:\d\d:\d\d\.\d{3}  connected", short.out), short


def test_watch_ends_with_the_room_and_by_sigterm(server, room, live, voicectl):
    watch, other = live("watch", room), live("watch", room)
    watch.wait("connected")
    other.wait("connected")
    assert other.stop(signal.SIGTERM) == 143
    assert voicectl("room", "delete", room, env=server.environment()).code == 0
    assert watch.end() == 0
    assert watch.all("closed")[0]["code"] == "not_found"


def test_watch_ends_quietly_when_nobody_reads(server, room):
    shell = subprocess.run(["bash", "-o", "pipefail", "-c", f"timeout 20 {parts.voicectl_path()} room watch {room} -q --events connected | head -1"], capture_output=True,
                           text=True, timeout=PATIENCE, env=parts.clean_environment(server.environment()))
    assert shell.returncode == 0 and shell.stderr == "" and json.loads(shell.stdout)["event"] == "connected", shell


@pytest.mark.parametrize("words", [["watch"], ["join"], ["send", "--data", "x"], ["send", "--text", "x"], ["wait", "--for", "participants=1"],
                                   ["rpc", "--to", "a", "--method", "m"], ["update", "--metadata", "x"], ["participant", "list"]])
def test_a_room_that_is_not_there_is_exit_5_at_once_and_stays_so(server, voicectl, words):
    command = 2 if words[0] == "participant" else 1
    result = voicectl("room", *words[:command], "nowhere", *words[command:], env=server.environment())
    assert result.code == 5 and result.out == "" and "nowhere" in result.err and "hint:" in result.err and result.seconds < 3, result
    assert voicectl("room", "list", "nowhere", env=server.environment()).code == 5


# ---- join ----

def test_what_join_publishes_is_heard_with_its_pitch_and_length(server, room, live, tmp_path):
    write_tone(tmp_path / "tone.wav", 700, 2.0, rate=22050)

    async def story():
        async with Person(server, room, "listener") as person:
            heard, gone = await hear(person)
            join = live("join", room, "--publish", tmp_path / "tone.wav", "--identity", "player", "--exit-after-publish", "--require-heard", "--stats", "500ms")
            await asyncio.wait_for(gone.wait(), PATIENCE)
            assert await in_thread(join.end) == 0, join.errors
            first, last, hz = loud_part(numpy.concatenate(heard), RATE)
            assert abs(hz - 700) < 5 and abs(last - first - 2.0) < 0.15, (first, last, hz)
            assert join.all("published")[0]["rateHz"] == 22050
            finished = join.all("playback_finished")[0]
            assert abs(finished["seconds"] - 2.0) < 0.05 and finished["heard"] is True
            sent = [t for e in join.all("stats") for t in e["tracks"] if t["direction"] == "out"]
            assert sent and sent[-1]["packets"] > 50 and sent[-1]["name"] == "microphone" and sent[-1]["identity"] == "player"
    run(story())


def test_a_pipe_is_played_as_raw_samples_or_as_a_wav(server, room, live, tmp_path):
    raw = write_tone(tmp_path / "tone.wav", 500, 1.5, rate=16000)
    forms = [(raw, ["--rate", "16000"]), ((tmp_path / "tone.wav").read_bytes(), [])]

    async def story():
        for number, (content, flags) in enumerate(forms):
            async with Person(server, room, f"listener{number}") as person:
                heard, gone = await hear(person)
                join = live("join", room, "--publish", "-", "--exit-after-publish", *flags, stdin=subprocess.PIPE)
                await in_thread(join.process.stdin.buffer.write, content)
                join.process.stdin.close()
                await asyncio.wait_for(gone.wait(), PATIENCE)
                assert await in_thread(join.end) == 0, join.errors
                first, last, hz = loud_part(numpy.concatenate(heard), RATE)
                assert abs(hz - 500) < 5 and abs(last - first - 1.5) < 0.15, (number, first, last, hz)
    run(story())


@pytest.mark.skipif(parts.SANITIZED, reason="a sanitizer keeps freed memory back")
def test_a_pipe_without_end_takes_no_memory(server, room, live):
    join = live("join", room, "--publish", "-", stdin=subprocess.PIPE)
    stop = threading.Event()

    def pour():
        try:
            while not stop.is_set():
                join.process.stdin.buffer.write(bytes(1 << 20))
        except (OSError, ValueError):
            pass

    pouring = threading.Thread(target=pour, daemon=True)
    pouring.start()
    join.wait("published")

    def kilobytes():
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{join.process.pid}/status").read())[1])

    time.sleep(5)
    before = kilobytes()
    time.sleep(5)
    assert kilobytes() - before < 8000
    stop.set()
    assert join.stop() == 130


def test_a_track_that_nobody_received_is_exit_3_when_that_is_asked(server, room, voicectl, tmp_path):
    write_tone(tmp_path / "tone.wav", 500, 0.5)
    alone = voicectl("room", "join", room, "--publish", tmp_path / "tone.wav", "--exit-after-publish", "--require-heard", env=server.environment())
    assert alone.code == 3 and "nobody received" in alone.err, alone


def test_record_has_what_python_sent_and_silence_for_the_rest(server, room, live, tmp_path):
    folder = tmp_path / "rec"

    async def story():
        join = live("join", room, "--record", folder, "--until-alone")
        await in_thread(join.wait, "connected")
        joined = time.monotonic()
        async with Person(server, room, "../ann/b") as ann:
            publication = await ann.microphone("voice 1")
            await in_thread(join.wait, "track_subscribed", sid=publication.sid)
            await ann.tone(600, 2.0)
            at_first = time.monotonic() - joined
            await asyncio.sleep(0.5)
            ann.track.mute()
            await asyncio.sleep(2.0)
            ann.track.unmute()
            await asyncio.sleep(0.3)
            await ann.tone(600, 1.0)
            at_second = time.monotonic() - joined
            await asyncio.sleep(0.5)
        assert await in_thread(join.end) == 0, join.errors
        recorded = join.all("recorded")[0]
        assert recorded["file"] == str(folder / "_._ann_b-voice_1.wav") and recorded["silent"] is False, recorded
        assert -14 < recorded["peakDbfs"] < -10
        samples, rate = read_wav(recorded["file"])
        assert rate == 48000 and abs(len(samples) / rate - recorded["seconds"]) < 0.01
        edges = stretches(samples, rate)
        assert len(edges) == 4, edges
        assert abs(edges[1] - edges[0] - 2.0) < 0.1 and abs(edges[3] - edges[2] - 1.0) < 0.1, edges
        # The gap has its length, and the file the time of the room.
        assert abs((edges[3] - edges[1]) - (at_second - at_first)) < 0.1, (edges, at_first, at_second)
        first, last, hz = loud_part(samples[:int(edges[1] * rate) + rate // 20], rate)
        assert abs(hz - 600) < 5
    run(story())


def test_recordings_never_overwrite_and_survive_being_killed(server, room, live, tmp_path):
    (tmp_path / "ann-mic.wav").write_bytes(b"precious")

    async def story():
        async with Person(server, room, "ann") as ann:
            await ann.microphone("mic")
            join = live("join", room, "--record", tmp_path)
            await in_thread(join.wait, "track_subscribed", identity="ann")
            await ann.tone(500, 2.0)
            await asyncio.sleep(1.5)
            join.process.kill()
            await in_thread(join.process.wait)
    run(story())
    assert (tmp_path / "ann-mic.wav").read_bytes() == b"precious"
    samples, rate = read_wav(tmp_path / "ann-mic-2.wav")
    first, last, hz = loud_part(samples, rate)
    assert last - first > 1.7 and abs(hz - 500) < 5


def test_a_token_is_enough_to_join(server, room, live, voicectl):
    key = token(server, room, "guest")
    join = live("join", "--token", key, "--dtmf", "12,3#", "--data", "hi", "--topic", "t", "--for", "4s", env={"LIVEKIT_URL": server.url})
    assert join.end() == 0, join.errors
    assert join.all("connected")[0]["identity"] == "guest"
    assert [e["digit"] for e in join.all("sent") if "digit" in e] == list("123#")
    wrong = voicectl("room", "join", "other", "--token", key, env={"LIVEKIT_URL": server.url})
    assert wrong.code == 2 and key not in wrong.err, wrong
    bad = voicectl("room", "join", "--token", key[:-4] + "AAAA", env={"LIVEKIT_URL": server.url})
    assert bad.code == 4 and key[:20] not in bad.err, bad


def test_join_refuses_what_cannot_work_before_it_joins(server, room, voicectl, tmp_path):
    (tmp_path / "no.wav").write_text("this is no sound")
    for flags in (["--publish", tmp_path / "absent.wav"], ["--publish", tmp_path / "no.wav"], ["--publish", "-", "--rate", "1"],
                  ["--loop"], ["--dtmf", "12x"], ["--record", tmp_path / "no.wav"], ["--for", "0s"], ["--until", "nonsense"],
                  ["--record", tmp_path, "--subscribe", "none"], ["--publish", "-"]):
        result = voicectl("room", "join", room, *flags, env=server.environment(), stdin="")
        assert result.code == 2 and result.out == "" and result.seconds < 5, (flags, result)
    made = "made-" + uuid.uuid4().hex[:6]
    assert voicectl("room", "join", made, "--create", "--for", "1s", env=server.environment()).code == 0


# ---- wait ----

def test_wait_for_people_agents_sound_and_the_end(server, room, live, voicectl):
    async def story():
        waiting = live("wait", room, "--for", "participants=2", "--for", "agent=helper", "--for", "audio=ann", "-o", "jsonl", "--timeout", "30s")
        async with Person(server, room, "ann") as ann:
            await ann.microphone()
            async with Person(server, room, "agent-x") as fred:  # a person by any name
                await asyncio.sleep(2)
                assert waiting.process.poll() is None
                async with Person(server, room, "bot", kind="agent") as bot:
                    await bot.room.local_participant.set_attributes({"lk.agent.name": "helper"})
                    await ann.tone(300, 0.0)
                    await asyncio.sleep(2)
                    assert waiting.process.poll() is None, "nobody made a sound yet"
                    speaking = asyncio.ensure_future(ann.tone(300, 8))
                    assert await in_thread(waiting.end) == 0, waiting.errors
                    report = json.loads("".join(waiting.lines))
                    assert report["heard"] == ["ann"] and report["participants"] == ["agent-x", "ann", "bot"], report
                    speaking.cancel()
        assert fred
    run(story())
    gone = live("wait", room, "--for", "gone", "--timeout", "20s")
    people = live("wait", room, "--for", "participants=5", "--timeout", "20s")
    time.sleep(1)
    assert gone.process.poll() is None and people.process.poll() is None
    assert voicectl("room", "delete", room, env=server.environment()).code == 0
    assert gone.end() == 0
    assert people.end() == 5 and "ended before" in "".join(people.errors)


def test_wait_says_what_was_seen_last_when_the_time_is_over(server, room, voicectl):
    late = voicectl("room", "wait", room, "--for", "participants=1", "--timeout", "1s", "--json", env=server.environment())
    error = json.loads(late.err)["error"]
    assert late.code == 8 and "participants=1" in error["message"] and "nobody in the room" in error["message"], late
    stopped = subprocess.Popen([parts.voicectl_path(), "room", "wait", room, "--for", "gone"], env=parts.clean_environment(server.environment()),
                               stderr=subprocess.DEVNULL)
    time.sleep(1)
    stopped.send_signal(signal.SIGINT)
    assert stopped.wait(10) == 130
    assert voicectl("room", "wait", room, "--for", "exists", "--for", "empty", "--timeout", "5s", env=server.environment()).code == 0
    assert voicectl("room", "wait", "later", "--for", "exists", "--timeout", "1s", env=server.environment()).code == 8


# ---- send, rpc, update ----

def test_send_reaches_those_it_is_for(server, room, voicectl):
    async def story():
        async with Person(server, room, "ann") as ann, Person(server, room, "bob") as bob:
            packets, texts = {"ann": [], "bob": []}, []
            for person, name in ((ann, "ann"), (bob, "bob")):
                person.room.on("data_received", lambda packet, name=name: packets[name].append((packet.topic, packet.data)))

            async def read(reader):
                texts.append((reader.info.topic, await reader.read_all()))
            ann.room.register_text_stream_handler("lk.chat", lambda reader, _: asyncio.ensure_future(read(reader)))
            sent = await in_thread(voicectl, "room", "send", room, "--data", "only bob", "--topic", "t", "--to", "bob", "--json", env=server.environment())
            assert sent.code == 0 and sent.json["size"] == 8 and sent.json["to"] == ["bob"], sent
            assert (await in_thread(voicectl, "room", "send", room, "--data", "-", env=server.environment(), stdin="all")).code == 0
            long = "Grüße " * 10000
            assert (await in_thread(voicectl, "room", "send", room, "--text", "-", env=server.environment(), stdin=long)).code == 0
            await until(lambda: packets["bob"] == [("t", b"only bob"), ("", b"all")] and packets["ann"] == [("", b"all")], "data")
            await until(lambda: texts == [("lk.chat", long)], "text")
            nobody = await in_thread(voicectl, "room", "send", room, "--data", "x", "--to", "carol", env=server.environment())
            assert nobody.code == 5 and "carol" in nobody.err and nobody.seconds < 3, nobody
    run(story())
    big = voicectl("room", "send", room, "--data", "-", env=server.environment(), stdin="x" * 15001)
    assert big.code == 2 and "--text" in big.err, big


def test_rpc_answers_once_and_explains_refusals(server, room, voicectl):
    calls = []

    async def story():
        async with Person(server, room, "ann") as ann:
            me = ann.room.local_participant

            @me.register_rpc_method("greet")
            async def greet(data):
                return "hello " + data.payload

            @me.register_rpc_method("refuse")
            async def refuse(data):
                raise rtc.RpcError(1234, "not today", "because")

            @me.register_rpc_method("slow")
            async def slow(data):
                calls.append(data.request_id)
                await asyncio.sleep(4)
                return "late"

            async def call(*words):
                return await in_thread(voicectl, "room", "rpc", room, "--to", "ann", *words, "--json", env=server.environment())

            good = await call("--method", "greet", "--payload", "you")
            assert good.code == 0 and good.json["payload"] == "hello you", good
            none = await call("--method", "none")
            assert none.code == 5 and json.loads(none.err)["error"]["rpcError"]["code"] == 1400, none
            refused = await call("--method", "refuse")
            error = json.loads(refused.err)["error"]
            assert refused.code == 1 and error["rpcError"] == {"code": 1234, "message": "not today", "data": "because"}, refused
            late = await call("--method", "slow")
            assert late.code == 8 and late.seconds < 7, late
            await asyncio.sleep(2)
            assert len(calls) == 1, "a method must not run again"
            big = await call("--method", "greet", "--payload", "x" * 15361)
            assert big.code == 2, big
            nobody = await in_thread(voicectl, "room", "rpc", room, "--to", "bob", "--method", "m", env=server.environment())
            assert nobody.code == 5 and nobody.seconds < 3, nobody
    run(story())


def test_update_merges_metadata(server, room, voicectl):
    def update(*words):
        return voicectl("room", "update", room, *words, "--json", env=server.environment())
    assert update("--metadata", '{"a":1,"b":{"c":2}}').json["metadata"] == '{"a":1,"b":{"c":2}}'
    merged = update("--metadata", '{"b":{"c":null,"d":3}}', "--merge")
    assert json.loads(merged.json["metadata"]) == {"a": 1, "b": {"d": 3}} and json.loads(merged.json["metadataBefore"])["b"] == {"c": 2}
    assert update("--metadata", "words").code == 0
    assert update("--metadata", '{"x":1}', "--merge").code == 6
    assert update("--metadata", "words", "--merge").code == 2
    assert update().code == 2


# ---- participants ----

def test_participants_are_listed_changed_muted_and_removed(server, room, voicectl):
    async def story():
        def call(*words):
            return in_thread(voicectl, "room", "participant", *words, env=server.environment())

        async with Person(server, room, "agent-fred") as fred, Person(server, room, "bot", kind="agent") as bot, \
                api.LiveKitAPI(server.url, server.key, server.secret) as ops:
            publication = await fred.microphone("voice")
            await bot.room.local_participant.set_attributes({"lk.agent.name": "helper"})
            await asyncio.sleep(1)
            people = (await call("list", room, "--json")).json["participants"]
            assert [(p["identity"], p["kind"], p["agentName"]) for p in people] == [("agent-fred", "STANDARD", None), ("bot", "AGENT", "helper")]
            table = (await call("list", room)).out.splitlines()
            assert table[0].split() == ["IDENTITY", "KIND", "STATE", "TRACKS", "CODEC", "MUTED", "AGENT"] and "microphone" in table[1]

            assert (await call("mute", room, "agent-fred")).code == 0
            now = await ops.room.get_participant(api.RoomParticipantIdentity(room=room, identity="agent-fred"))
            assert now.tracks[0].muted
            back = await call("mute", room, "agent-fred", "--track", publication.sid, "--unmute")
            assert back.code == 6 and "enable_remote_unmute" in back.err, back
            assert (await call("mute", room, "agent-fred", "--kind", "video")).code == 5
            assert (await call("mute", room, "agent-fred", "--track", "TR_none")).code == 5

            updated = await call("update", room, "agent-fred", "--deny", "data", "--attribute", "k=v", "--metadata", "{}", "--name", "Fred")
            assert updated.code == 0, updated
            now = await ops.room.get_participant(api.RoomParticipantIdentity(room=room, identity="agent-fred"))
            assert (now.name, now.metadata, dict(now.attributes)) == ("Fred", "{}", {"k": "v"})
            assert now.permission.can_publish and now.permission.can_subscribe and not now.permission.can_publish_data
            assert len(now.tracks) == 1, "publishing was not named, so it stays"
            assert (await call("update", room, "agent-fred", "--deny", "breathe")).code == 2
            assert (await call("update", room, "nobody", "--name", "x")).code == 5
            assert (await call("get", room, "agent-fred", "--json")).json["permission"]["canPublishData"] is False

            moved = await call("move", room, "agent-fred", "--to", "elsewhere")
            assert moved.code == 2 and "Cloud" in moved.err, moved
            assert (await call("remove", room, "nobody")).code == 5
            gone = asyncio.Event()
            fred.room.on("disconnected", lambda *_: gone.set())
            assert (await call("remove", room, "agent-fred")).code == 0
            await asyncio.wait_for(gone.wait(), PATIENCE)
    run(story())
