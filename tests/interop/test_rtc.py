"""Our rtc layer against a participant that nobody here wrote: LiveKit's own Python SDK, in one room of a real
server. Both hear each other, and exchange data and text."""
import asyncio
import json
import math
import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

rtc = pytest.importorskip("livekit.rtc", reason="the Python package `livekit` is not installed")
api = pytest.importorskip("livekit.api", reason="the Python package `livekit-api` is not installed")

ROOT = Path(__file__).resolve().parents[2]
RATE = 48000
PATIENCE = 20


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    program = os.environ.get("VOICECTL_LIVEKIT_SERVER") or shutil.which("livekit-server") or ROOT / ".cache/bin/livekit-server"
    if not Path(program).exists():
        pytest.skip("no livekit-server (./scripts/setup installs it)")
    folder = tmp_path_factory.mktemp("livekit")
    port = free_port(socket.SOCK_STREAM)
    started = SimpleNamespace(url=f"ws://127.0.0.1:{port}", key="APItest", secret=secrets.token_hex(24))
    (folder / "config.yaml").write_text(f"""port: {port}
bind_addresses: ["127.0.0.1"]
rtc: {{tcp_port: {free_port(socket.SOCK_STREAM)}, udp_port: {free_port(socket.SOCK_DGRAM)}, node_ip: 127.0.0.1,
      use_external_ip: false, enable_loopback_candidate: true, interfaces: {{includes: [lo]}}}}
keys: {{{started.key}: {started.secret}}}
""")
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([program, "--config", folder / "config.yaml", "--node-ip", "127.0.0.1"],
                                   stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield started
    finally:
        process.kill()
        process.wait()


def peer_program():
    named = os.environ.get("VOICECTL_RTC_PEER")
    candidates = [Path(named)] if named else sorted(ROOT.glob("build/*/tests/rtc_peer"), key=lambda p: -p.stat().st_mtime)
    if not candidates or not candidates[0].exists():
        pytest.skip("rtc_peer is not built (cmake --build … --target rtc_peer, or VOICECTL_RTC_PEER)")
    return str(candidates[0])


def token(server, room, identity, **more):
    minted = api.AccessToken(server.key, server.secret).with_identity(identity)
    minted = minted.with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True))
    if "kind" in more:
        minted = minted.with_kind(more["kind"])
    return minted.to_jwt()


class Ours:
    """The program rtc_peer, its events in order."""

    def __init__(self, server, room, identity="ours"):
        self.events = []
        self.changed = asyncio.Condition()
        self.environment = dict(os.environ, LIVEKIT_URL=server.url, LIVEKIT_TOKEN=token(server, room, identity))
        self.environment.setdefault("VOICECTL_LIVEKIT_CORE", str(ROOT / ".cache/livekit/liblivekit_ffi.so"))

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            peer_program(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.environment, limit=1 << 20)
        self.reader = asyncio.create_task(self.read())
        await self.wait("ready")
        return self

    async def __aexit__(self, *_):
        self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), PATIENCE)
        except asyncio.TimeoutError:
            self.process.kill()
            raise
        finally:
            await self.reader
        assert self.process.returncode == 0
        assert (await self.process.stderr.read()) == b"", "the core must not write to the user's terminal"

    async def read(self):
        async for line in self.process.stdout:
            async with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()

    def tell(self, **order):
        self.process.stdin.write(json.dumps(order).encode() + b"\n")

    async def wait(self, event, **fields):
        def found():
            return next((e for e in self.events
                         if e["event"] == event and all(e.get(k) == v for k, v in fields.items())), None)
        async with self.changed:
            try:
                await asyncio.wait_for(self.changed.wait_for(found), PATIENCE)
            except asyncio.TimeoutError:
                pytest.fail(f"no {event} {fields} among {self.events}")
            return found()


def tone(hz, seconds):
    count = int(RATE * seconds)
    samples = (int(8000 * math.sin(2 * math.pi * hz * i / RATE)) for i in range(count))
    return b"".join(s.to_bytes(2, "little", signed=True) for s in samples)


def hz_of(samples, rate):
    crossings = sum((a < 0) != (b < 0) for a, b in zip(samples, samples[1:]))
    return crossings * rate / (2 * len(samples))


class Theirs:
    """A Python participant, gone at the end of the block whatever happened in it."""

    def __init__(self, server, room, **more):
        self.url, self.token = server.url, token(server, room, "python", **more)
        self.room = rtc.Room()
        self.seen = asyncio.Event()
        self.room.on("participant_connected", lambda who: self.seen.set())

    async def __aenter__(self):
        await self.room.connect(self.url, self.token)
        return self

    async def __aexit__(self, *_):
        await self.room.disconnect()

    async def sees_us(self):
        """Until then it gets our packets, but without knowing whose they are."""
        await asyncio.wait_for(self.seen.wait(), PATIENCE)


async def hear_tone(track):
    """The pitch of 0.6 s of sound."""
    heard = []
    stream = rtc.AudioStream(track, sample_rate=16000, num_channels=1)
    async for event in stream:
        samples = memoryview(event.frame.data).cast("B").cast("h")
        if math.sqrt(sum(s * s for s in samples) / len(samples)) > 1000:
            heard.extend(samples)
        if len(heard) > 16000 * 0.6:
            break
    await stream.aclose()
    return hz_of(heard[800:], 16000)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def test_a_python_participant_hears_us(server):
    async def scenario():
        tracks = asyncio.Queue()
        theirs = Theirs(server, "hears-us")
        theirs.room.on("track_subscribed", lambda track, publication, who: tracks.put_nowait((track, publication, who)))
        async with theirs, Ours(server, "hears-us") as ours:
            track, publication, who = await asyncio.wait_for(tracks.get(), PATIENCE)
            assert who.identity == "ours"
            assert publication.source == rtc.TrackSource.SOURCE_MICROPHONE
            await ours.wait("own_track_heard", name="mic")
            pitch = asyncio.create_task(hear_tone(track))
            ours.tell(do="tone", hz=700, ms=1500)
            assert await asyncio.wait_for(pitch, PATIENCE) == pytest.approx(700, rel=0.02)
            assert (await ours.wait("drained"))["played"] == 22050 * 3 // 2
    run(scenario())


def test_we_hear_a_python_participant(server):
    async def scenario():
        async with Theirs(server, "heard-by-us", kind="agent") as theirs:
            source = rtc.AudioSource(RATE, 1)
            track = rtc.LocalAudioTrack.create_audio_track("their mic", source)
            await theirs.room.local_participant.publish_track(
                track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE))
            async with Ours(server, "heard-by-us") as ours:
                joined = await ours.wait("joined")
                assert joined["who"]["identity"] == "python" and joined["who"]["agent"]
                told = await ours.wait("track", **{"from": "python"})
                assert told["name"] == "their mic" and told["microphone"]
                data = tone(500, 1.5)
                for at in range(0, len(data), 960):
                    await source.capture_frame(rtc.AudioFrame(data[at:at + 960], RATE, 1, 480))
                assert (await ours.wait("tone"))["hz"] == pytest.approx(500, rel=0.02)
                await theirs.room.disconnect()
                await ours.wait("left")
    run(scenario())


def test_data_packets_both_ways(server):
    async def scenario():
        packets = asyncio.Queue()
        theirs = Theirs(server, "data")
        theirs.room.on("data_received", packets.put_nowait)
        async with theirs, Ours(server, "data") as ours:
            await theirs.sees_us()
            ours.tell(do="data", topic="transcript", text="Grüße")
            packet = await asyncio.wait_for(packets.get(), PATIENCE)
            assert packet.data.decode() == "Grüße" and packet.topic == "transcript"
            assert packet.participant.identity == "ours"
            await theirs.room.local_participant.publish_data("hello", reliable=True, topic="back")
            assert (await ours.wait("data", topic="back")) == {
                "event": "data", "topic": "back", "text": "hello", "from": "python"}
    run(scenario())


def test_text_streams_both_ways(server):
    text = "Ein langer Text, 世界. " * 2000

    async def scenario():
        texts = asyncio.Queue()

        async def read(reader, identity):
            texts.put_nowait((await reader.read_all(), identity, reader.info.attributes))

        tasks = []
        theirs = Theirs(server, "text")
        theirs.room.register_text_stream_handler(
            "lk.chat", lambda reader, identity: tasks.append(asyncio.create_task(read(reader, identity))))
        async with theirs, Ours(server, "text") as ours:
            await theirs.sees_us()
            ours.tell(do="text", topic="lk.chat", text=text, attributes={"a": "b"})
            got, identity, attributes = await asyncio.wait_for(texts.get(), PATIENCE)
            assert got == text and identity == "ours" and attributes["a"] == "b"
            they = theirs.room.local_participant
            await they.send_text(text, topic="lk.chat", attributes={"c": "d"})
            told = await ours.wait("text", topic="lk.chat")
            assert told["text"] == text and told["from"] == "python" and told["attributes"]["c"] == "d"
            # A stream in pieces, whose end carries attributes of its own, as agents send transcripts.
            writer = await they.stream_text(topic="lk.transcription", attributes={"final": "false"})
            await writer.write("one ")
            await writer.write("two")
            await writer.aclose(attributes={"final": "true"})
            told = await ours.wait("text", topic="lk.transcription")
            assert told["text"] == "one two" and told["attributes"]["final"] == "true"
    run(scenario())


def test_attributes_both_ways(server):
    async def scenario():
        changes = asyncio.Queue()
        theirs = Theirs(server, "attributes")
        theirs.room.on("participant_attributes_changed", lambda changed, who: changes.put_nowait((changed, who.identity)))
        async with theirs, Ours(server, "attributes") as ours:
            await theirs.sees_us()
            ours.tell(do="attributes", attributes={"lk.agent.state": "listening"})
            changed, who = await asyncio.wait_for(changes.get(), PATIENCE)
            assert who == "ours" and changed == {"lk.agent.state": "listening"}
            await theirs.room.local_participant.set_attributes({"mood": "calm"})
            told = await ours.wait("updated")
            assert told["who"]["attributes"]["mood"] == "calm"
    run(scenario())
