"""Recording for tests: a livekit-server with Redis and webhooks, participants of LiveKit's Python SDK who talk, `voicectl egress serve`, and
a relay before S3. Each is ended by whoever started it; the fixtures do."""
import asyncio
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import numpy
import parts
import pytest
from livekit import api, rtc
from livekit.protocol import egress as proto

RATE, FRAME = 48000, 480
CALLER_HZ, CALLER_LEVEL, AGENT_HZ, AGENT_LEVEL = 440, 8000, 1000, 4000
SECONDS = 2  # of each recording
SLACK_NS = 50_000_000  # of a duration that is told, against that of the file


class Hooks(parts.Web):
    """Takes LiveKit's webhooks; each must be signed by the server."""

    def __init__(self):
        self.events, self.unsigned = [], 0
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                try:
                    hooks.receiver.receive(body, self.headers["Authorization"])
                    hooks.events.append(json.loads(body))
                except Exception:  # whatever the library finds wrong with it
                    hooks.unsigned += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.listen(Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def of(self, egress):
        return [event for event in list(self.events) if event.get("egressInfo", {}).get("egressId") == egress]

    def after(self, egress):
        """All of an egress, once it is over."""
        parts.wait_for(lambda: any(one["event"] == "egress_ended" for one in self.of(egress)), 20, "egress_ended")
        return self.of(egress)


class Relay(parts.Web):
    """Stands before S3, keeps what is asked, and can hold it."""

    def __init__(self, storage):
        self.asked, self.endpoint, self.open = [], "", threading.Event()  # while it is not open, nothing is stored
        self.open.set()
        self.held = lambda path: True  # then; who waits when another is set is cut off
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                relay.asked.append((self.command, self.path, dict(self.headers.items())))
                held = relay.held
                if held(self.path) and (not relay.open.wait(60) or relay.held is not held):
                    self.close_connection = True
                    return
                behind = http.client.HTTPConnection("127.0.0.1", storage.port, timeout=20)
                behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    behind.putheader(name, value)
                behind.endheaders(body)
                answer = behind.getresponse()
                content = answer.read()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                behind.close()

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on

            def log_message(self, *_):
                pass

        self.listen(Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"


class Throttle:
    """A TCP relay to a port of loopback, through which so many bytes a second go up."""

    def __init__(self, port, bytes_per_second):
        self.port, self.step = port, max(1, bytes_per_second // 20)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.open = True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.open:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            behind = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.pump, args=(client, behind, self.step, 0.05), daemon=True).start()
            threading.Thread(target=self.pump, args=(behind, client, 1 << 16, 0), daemon=True).start()

    def pump(self, source, to, step, pause):
        with contextlib.suppress(OSError):
            while data := source.recv(step):
                to.sendall(data)
                time.sleep(pause)
            to.shutdown(socket.SHUT_WR)

    def close(self):
        self.open = False
        self.listener.close()


class Loop:
    """asyncio on a thread of its own, for tests that wait meanwhile."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def begin(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work, seconds=60):
        return self.begin(work).result(seconds)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


class Speaker:
    """A participant whose microphone gives one tone."""

    def __init__(self, loop, server, room, identity, hertz, level, kind="standard"):
        self.loop, self.server, self.name, self.identity, self.kind = loop, server, room, identity, kind
        self.hertz, self.level = hertz, level
        loop.run(self.join())

    async def join(self):
        token = (api.AccessToken(self.server.key, self.server.secret).with_identity(self.identity).with_kind(self.kind)
                 .with_grants(api.VideoGrants(room_join=True, room=self.name, agent=self.kind == "agent")))
        self.room = rtc.Room()
        await self.room.connect(self.server.url, token.to_jwt())
        self.source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("mic", self.source)
        self.published = await self.room.local_participant.publish_track(track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE))
        self.speaking = asyncio.create_task(self.speak())

    async def speak(self):
        at = 0
        while True:
            samples = self.level * numpy.sin(2 * numpy.pi * self.hertz * (numpy.arange(FRAME) + at) / RATE)
            at += FRAME
            await self.source.capture_frame(rtc.AudioFrame(samples.astype("<i2").tobytes(), RATE, 1, FRAME))

    async def go(self):
        self.speaking.cancel()
        await self.room.disconnect()

    def leave(self):
        self.loop.run(self.go())


class Stack:
    """Redis, a livekit-server and its webhooks."""

    def __init__(self, loop, webhooks=(), keys=()):
        self.loop, self.hooks, self.redis = loop, Hooks(), parts.Redis()
        self.server = parts.Server(redis=self.redis, webhooks=[self.hooks.url, *webhooks], keys=keys)
        self.hooks.receiver = api.WebhookReceiver(api.TokenVerifier(self.server.key, self.server.secret))

    async def asking(self, method, request, service="egress"):
        async with api.LiveKitAPI(self.server.url, self.server.key, self.server.secret) as livekit:
            return await getattr(getattr(livekit, service), method)(request)

    def ask(self, method, request, service="egress"):
        return self.loop.run(self.asking(method, request, service))

    def get(self, egress):
        return self.ask("list_egress", proto.ListEgressRequest(egress_id=egress)).items[0]

    def until(self, egress, status, seconds=20):
        """Its record, once it has this state."""
        def there():
            info = self.get(egress)
            return info if name_of(info) == status else None

        return parts.wait_for(there, seconds, f"{egress} {status}")

    def stop_egress(self, egress):
        return self.ask("stop_egress", proto.StopEgressRequest(egress_id=egress))

    def recorded(self, egress, seconds=SECONDS):
        """The last record of one that ran for so long."""
        self.until(egress, "EGRESS_ACTIVE")
        time.sleep(seconds)
        self.stop_egress(egress)
        return self.until(egress, "EGRESS_COMPLETE")

    def speaker(self, room, identity="caller", hertz=CALLER_HZ, level=CALLER_LEVEL, **more):
        return Speaker(self.loop, self.server, room, identity, hertz, level, **more)

    def voicectl(self, *words, **more):
        return parts.voicectl("egress", *words, env=self.server.environment(), **more)

    def close(self):
        self.server.stop()
        self.redis.stop()
        self.hooks.stop()


def name_of(info):
    return proto.EgressStatus.Name(info.status)


def names(events):
    return [(one["event"], one["egressInfo"].get("status", "EGRESS_STARTING")) for one in events]  # JSON has no zeros


class Worker:
    """`voicectl egress serve` with folders of its own; it may be started again."""

    def __init__(self, stack, folder, *flags, environment=None, wait=True, files=None, state=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.files, self.state = files or self.folder / "files", state or self.folder / "state"
        self.files.mkdir(exist_ok=True)
        self.log, self.ready = self.folder / "log", self.folder / "ready"
        # Machines that run tests are busy: no reason to take nothing.
        self.command = [parts.voicectl_path(), "egress", "serve", "--redis", f"127.0.0.1:{stack.redis.port}", "--folder", self.state, "--files", self.files,
                        "--max-cpu", "100", "--health", "0", "--ready-file", self.ready, "-v", *flags]
        self.environment = parts.clean_environment({**stack.server.environment(), **(environment or {})})
        for name in [one for one in self.environment if one.startswith("BACKUP_") and one not in (environment or {})]:
            del self.environment[name]
        self.start(wait)

    def start(self, wait=True):
        self.ready.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        parts.wait_for(lambda: self.ready.exists() or self.process.poll() is not None, 30, "the worker")
        assert self.process.poll() is None, self.text()
        self.about = json.loads(self.ready.read_text())

    def text(self):
        return self.log.read_text()

    def web(self, path):
        try:
            answer = urllib.request.urlopen(f"http://127.0.0.1:{self.about['healthPort']}{path}", timeout=10)
        except urllib.error.HTTPError as refused:
            answer = refused
        return answer.status, answer.read().decode()

    def status(self):
        return json.loads(self.web("/status")[1])

    def metric(self, name):
        return float(re.search(rf"^{re.escape(name)} (\S+)$", self.web("/metrics")[1], re.M)[1])

    def left(self):
        """What is in its state folder beside the lock."""
        return sorted(one.name for one in self.state.iterdir() if one.name != "lock")

    def end(self, number=signal.SIGTERM, seconds=30):
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def loop():
    running = Loop()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def stack(loop):
    running = Stack(loop)
    yield running
    running.close()


@pytest.fixture
def own_stack(loop):
    running = Stack(loop)
    yield running
    running.close()


@pytest.fixture(scope="module")
def call(stack):
    """The name of a room with a caller and an agent who both talk."""
    both = [stack.speaker("call"), stack.speaker("call", "agent", AGENT_HZ, AGENT_LEVEL, kind="agent")]
    yield both
    for one in both:
        one.leave()


@pytest.fixture
def room(stack, request):
    """A room with one caller who talks."""
    speaker = stack.speaker(f"room-{request.node.name[:40]}")
    yield speaker.name
    speaker.leave()


@pytest.fixture
def start(stack, tmp_path):
    """start(flags…) → a worker; all are ended."""
    running = []

    def begin(*flags, at=None, **more):
        running.append(Worker(at or stack, tmp_path / f"worker{len(running)}", *flags, **more))
        return running[-1]

    yield begin
    for one in running:
        one.close()


@pytest.fixture
def relay(storage):
    running = Relay(storage)
    yield running
    running.stop()


def composite(room, path="{room_name}.ogg", s3=None, **more):
    return proto.RoomCompositeEgressRequest(room_name=room, audio_only=True, file_outputs=[proto.EncodedFileOutput(filepath=path, s3=s3, **more)])


def s3_of(storage, **more):
    return proto.S3Upload(**{"access_key": storage.access_key, "secret": storage.secret_key, "region": storage.region, "endpoint": storage.endpoint,
                             "bucket": storage.bucket, "force_path_style": True, **more})


def video(room):
    return proto.RoomCompositeEgressRequest(room_name=room, layout="grid", file_outputs=[proto.EncodedFileOutput(filepath="v.mp4")])


def storing(stack, worker, relay, storage):
    """The id of a recording whose storage has not answered yet."""
    relay.open.clear()
    egress = stack.ask("start_room_composite_egress", composite("call", "held/{egress_id}.ogg", s3_of(storage, endpoint=relay.endpoint))).egress_id
    stack.until(egress, "EGRESS_ACTIVE")
    time.sleep(1)
    assert name_of(stack.stop_egress(egress)) == "EGRESS_ENDING"
    parts.wait_for(lambda: any(command == "PUT" for command, *_ in relay.asked), 20, "an upload")
    return egress


def end_redis(redis):
    """→ what starts it again, on the same port and empty."""
    redis.process.kill()
    redis.process.wait()
    return lambda: parts.Program.__init__(redis, "redis-server", redis.process.args)
