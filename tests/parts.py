"""Real parts for tests in Python: a livekit-server, the built voicectl, agents. Each is ended by whoever started it."""
import contextlib
import ctypes
import http.server
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
SANITIZED = os.environ.get("VOICECTL_TEST_PRESET") in ("asan", "tsan")


def voicectl_path():
    given = os.environ.get("VOICECTL")
    for path in [given] if given else [ROOT / "build/dev/voicectl", ROOT / "build/release/voicectl"]:
        if path and pathlib.Path(path).exists():
            return str(path)
    raise RuntimeError("no voicectl binary: run ./scripts/build, or set VOICECTL")


def server_path():
    for path in [os.environ.get("VOICECTL_LIVEKIT_SERVER"), ROOT / ".cache/bin/livekit-server", shutil.which("livekit-server")]:
        if path and pathlib.Path(path).exists():
            return str(path)
    raise RuntimeError("no livekit-server: run ./scripts/setup")


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds=20, what="condition"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true in {seconds} s")


class Server:
    """A livekit-server on loopback with keys of its own."""

    def __init__(self, redis=None, rtc="", webhooks=(), keys=()):
        """`keys`: key and secret of another one."""
        self.folder = tempfile.mkdtemp(prefix="voicectl-test-server-")
        self.key, self.secret = keys or ("API" + secrets.token_hex(5), secrets.token_hex(24))
        self.process = None
        self.redis, self.rtc, self.webhooks = redis, rtc, list(webhooks)
        for _ in range(3):  # between free_port() and the server's start another may take the port
            self.configure()
            self.launch()
            wait_for(lambda: self.answers() or self.process.poll() is not None, what="livekit-server")
            if self.process.poll() is None:
                return
        raise AssertionError("livekit-server does not start: see " + self.folder)

    def configure(self):
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.config = os.path.join(self.folder, "config.yaml")
        with open(self.config, "w") as file:
            os.chmod(self.config, 0o600)
            file.write(
                f"port: {self.port}\nbind_addresses: ['127.0.0.1']\n"
                f"rtc: {{tcp_port: {free_port()}, udp_port: {free_port(socket.SOCK_DGRAM)}, node_ip: 127.0.0.1,"
                " use_external_ip: false, enable_loopback_candidate: true, interfaces: {includes: [lo]}" + self.rtc + "}\n"
                f"keys: {{{self.key}: {self.secret}}}\n"
                + (f"redis: {{address: '127.0.0.1:{self.redis.port}'}}\n" if self.redis else "")
                + (f"webhook: {{api_key: {self.key}, urls: {json.dumps(self.webhooks)}}}\n" if self.webhooks else "")
            )

    def start(self):
        self.launch()
        wait_for(self.answers, what="livekit-server")

    def launch(self):
        log = open(os.path.join(self.folder, "server.log"), "ab")
        self.process = subprocess.Popen([server_path(), "--config", self.config, "--node-ip", "127.0.0.1"], stdout=log, stderr=log)

    def answers(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=1).status == 200
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self):
        return {"LIVEKIT_URL": self.url, "LIVEKIT_API_KEY": self.key, "LIVEKIT_API_SECRET": self.secret}


def accepts(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Program:
    """A child on a free loopback port with files of its own."""

    def __init__(self, name, command, environment=None):
        self.log = os.path.join(self.folder, f"{name}.log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env={**os.environ, **(environment or {})})
        wait_for(lambda: accepts(self.port) or self.process.poll() is not None, what=name)
        assert self.process.poll() is None, pathlib.Path(self.log).read_text()

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis(Program):
    def __init__(self):
        self.folder, self.port = tempfile.mkdtemp(prefix="voicectl-test-redis-"), free_port()
        program = shutil.which("redis-server", path=os.path.join(ROOT, ".cache", "bin") + os.pathsep + os.environ["PATH"])
        if not program:
            raise RuntimeError("no redis-server: run ./scripts/setup")
        super().__init__("redis-server", [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])


class Web:
    """An HTTP server on loopback, by a handler of http.server's."""

    def listen(self, handler, port=0):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Downstream(Web):
    """A receiver of forwarded events; `answers` says what each request is told."""

    def __init__(self, answers=lambda number, event: 200, port=0, pause=0):
        self.seen, self.pause, outer = [], threading.Event(), self
        self.lock = threading.Lock()
        if not pause:
            self.pause.set()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                event = json.loads(body)
                with outer.lock:
                    number = len(outer.seen)
                    status = answers(number, event)
                    outer.seen.append((status, event, body, dict(self.headers)))
                outer.pause.wait(30)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.listen(Handler, port)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def delivered(self):
        with self.lock:
            return [event for status, event, _, _ in self.seen if status == 200]

    def stop(self):
        self.pause.set()
        super().stop()


class Postgres:
    """Debian's PostgreSQL on loopback, gone with whoever made it; `url` names its database."""

    PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")

    def __init__(self):
        if not self.PROGRAMS.exists():
            raise RuntimeError(f"no {self.PROGRAMS}: run ./scripts/setup")
        self.folder, self.port, self.password = pathlib.Path(tempfile.mkdtemp(prefix="voicectl-test-postgres-")), free_port(), secrets.token_hex(10)
        self.data, secret, self.databases = self.folder / "data", self.folder / "password", 0
        secret.write_text(self.password + "\n")
        secret.chmod(0o644)
        self.user = []
        if os.getuid() == 0:  # initdb refuses root
            shutil.chown(self.folder, "postgres")
            self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig", "INT"]
        subprocess.run([*self.user, self.PROGRAMS / "initdb", "--pgdata", self.data, "--username", "keeper", "--pwfile", secret, "--auth=scram-sha-256",
                        "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"], check=True, capture_output=True, cwd=self.folder)
        self.url = self.url_of("postgres")
        self.start()

    def url_of(self, database):
        return f"postgres://keeper:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self):
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}", "fsync=off"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([*self.user, self.PROGRAMS / "postgres", "-D", self.data, *[word for one in settings for word in ("-c", one)]],
                                            stdout=log, stderr=log, cwd=self.folder)

        def ready():
            lines = (self.data / "postmaster.pid").read_text().splitlines() if (self.data / "postmaster.pid").exists() else []
            return (len(lines) > 7 and lines[7].startswith("ready")) or self.process.poll() is not None

        wait_for(ready, 60, "PostgreSQL")
        assert self.process.poll() is None, (self.folder / "log").read_text()

    def new_database(self):
        """The address of one that nobody else uses."""
        self.databases += 1
        subprocess.run([*self.user, self.PROGRAMS / "createdb", "-h", self.folder, "-p", str(self.port), "-U", "keeper", f"t{self.databases}"],
                       check=True, capture_output=True, cwd=self.folder, env={**os.environ, "PGPASSWORD": self.password})
        return self.url_of(f"t{self.databases}")

    def signal_all(self, number):
        """The server and every process of its own."""
        self.process.send_signal(number)  # first: when it is stopped it makes no more of them
        for child in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            try:
                os.kill(int(child), number)
            except ProcessLookupError:
                pass

    def halt(self):
        """As if its machine had failed: clients are not told."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)

    def stop(self):
        if self.process.poll() is None:
            self.signal_all(signal.SIGCONT)
            self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)


class Storage(Program):
    """S3 on loopback (versitygw), with keys made up on the spot and one bucket."""

    def __init__(self, region="eu-central-1"):
        self.folder, self.port = tempfile.mkdtemp(prefix="voicectl-test-s3-"), free_port()
        self.access_key, self.secret_key = "AK" + secrets.token_hex(8), secrets.token_hex(20)
        self.endpoint, self.region, self.bucket = f"http://127.0.0.1:{self.port}", region, "recordings"
        root, about = os.path.join(self.folder, "root"), os.path.join(self.folder, "about")  # not every disk has attributes for what is about a file
        os.makedirs(os.path.join(root, self.bucket))
        os.makedirs(about)
        program = os.environ.get("VOICECTL_VERSITYGW") or str(ROOT / ".cache/bin/versitygw")
        if not pathlib.Path(program).exists():
            raise RuntimeError("no versitygw: run ./scripts/setup")
        super().__init__("versitygw", [program, "--port", f"127.0.0.1:{self.port}", "--region", region, "posix", "--sidecar", about, root],
                         {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key})

    def objects(self):
        folder = pathlib.Path(self.folder, "root", self.bucket)
        return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())

    def environment(self):
        return {"RECORDING_S3_ACCESS_KEY": self.access_key, "RECORDING_S3_SECRET_KEY": self.secret_key, "RECORDING_S3_BUCKET": self.bucket,
                "RECORDING_S3_REGION": self.region, "RECORDING_S3_ENDPOINT": self.endpoint}


def clean_environment(extra=None):
    """Ours without whatever LIVEKIT_* and storage keys the machine has."""
    ours = ("LIVEKIT_", "RECORDING_", "S3_", "AZURE_STORAGE_", "GOOGLE_APPLICATION_CREDENTIALS", "OSS_")
    out = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    out.update(extra or {})
    return out


class Result:
    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code} after {self.seconds:.1f} s\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def voicectl(*arguments, env=None, stdin=None, timeout=120, cwd=None):
    began = time.monotonic()
    done = subprocess.run([voicectl_path(), *map(str, arguments)], env=clean_environment(env), input=stdin, capture_output=True,
                          text=True, timeout=timeout, cwd=cwd)
    return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def speech(text, path):
    """A WAV of it, spoken by flite's slt (16 kHz mono)."""
    flite, voice = ctypes.CDLL("libflite.so.1"), ctypes.CDLL("libflite_cmu_us_slt.so.1")
    flite.flite_init()
    voice.register_cmu_us_slt.restype = ctypes.c_void_p
    flite.flite_text_to_speech.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_char_p]
    flite.flite_text_to_speech.restype = ctypes.c_float
    assert flite.flite_text_to_speech(text.encode(), voice.register_cmu_us_slt(None), str(path).encode()) > 0


AGENT = """
name: {name}
greeting: Good morning.
stt: {{provider: pocketsphinx, phrases: ["goodbye"]}}
llm: {{provider: script, rules: [], default: "I do not know."}}
tts: {{provider: flite, voice: slt}}
caller_return: 0s
"""


class Agent:
    """`voicectl agent run` with a configuration given as text."""

    def __init__(self, server, yaml, folder, *flags, store=None):
        self.server, self.flags = server, flags
        self.folder = pathlib.Path(folder)
        self.store = store or str(self.folder / "store.db")
        self.log = self.folder / "agent.log"
        (self.folder / "agent.yaml").write_text(yaml)
        self.start()

    def start(self):
        """Also once more, after it was killed."""
        config, ready = self.folder / "agent.yaml", self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [voicectl_path(), "agent", "run", str(config), "--store", self.store, "--ready-file", str(ready),
                 "--load-threshold", "1", *self.flags],  # machines that run tests are busy: no reason to refuse a call
                env=clean_environment(self.server.environment()), stdout=log, stderr=log)
        wait_for(lambda: ready.exists() or self.process.poll() is not None, 60, "agent registered")
        assert ready.exists(), self.log.read_text()

    def events(self, kind=None):
        """What it has told of its jobs."""
        every = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [event for event in every if kind in (None, event.get("event"))]

    def call_processes(self):
        """pids of the supervisor's children, in order."""
        out = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == self.process.pid:
                    out.append(int(stat.parent.name))
            except (OSError, IndexError):
                pass  # gone meanwhile
        return sorted(out)

    def said(self, room):
        """The agent's turns in the room's transcript."""
        shown = voicectl("transcript", "show", room, "--store", self.store, "--json")
        return [turn["text"] for turn in shown.json["turns"] if turn["speaker"] == "agent"] if shown.code == 0 else []

    def kill_whole(self):
        """Supervisor and call processes at once, as the kernel does to a cgroup that has no memory left."""
        for pid in [self.process.pid, *self.call_processes()]:
            with contextlib.suppress(ProcessLookupError):  # ended meanwhile
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill_whole()  # its calls would go on without it
        return self.process.returncode
