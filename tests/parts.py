"""Real parts for tests in Python: a livekit-server, the built voicectl, agents. Each is ended by whoever started it."""
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent


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

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="voicectl-test-server-")
        self.key = "API" + secrets.token_hex(5)
        self.secret = secrets.token_hex(24)
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.config = os.path.join(self.folder, "config.yaml")
        with open(self.config, "w") as file:
            os.chmod(self.config, 0o600)
            file.write(
                f"port: {self.port}\nbind_addresses: ['127.0.0.1']\n"
                f"rtc: {{tcp_port: {free_port()}, udp_port: {free_port(socket.SOCK_DGRAM)}, node_ip: 127.0.0.1,"
                " use_external_ip: false, enable_loopback_candidate: true, interfaces: {includes: [lo]}}\n"
                f"keys: {{{self.key}: {self.secret}}}\n"
            )
        self.process = None
        self.start()

    def start(self):
        log = open(os.path.join(self.folder, "server.log"), "ab")
        self.process = subprocess.Popen([server_path(), "--config", self.config, "--node-ip", "127.0.0.1"], stdout=log, stderr=log)
        wait_for(self.answers, what="livekit-server")

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


def clean_environment(extra=None):
    """Ours without whatever LIVEKIT_* the machine has."""
    out = {key: value for key, value in os.environ.items() if not key.startswith("LIVEKIT_")}
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


class Agent:
    """`voicectl agent run` with a configuration given as text."""

    def __init__(self, server, yaml, folder, *flags):
        self.folder = pathlib.Path(folder)
        self.store = str(self.folder / "store.db")
        self.log = self.folder / "agent.log"
        config, ready = self.folder / "agent.yaml", self.folder / "ready.json"
        config.write_text(yaml)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [voicectl_path(), "agent", "run", str(config), "--store", self.store, "--ready-file", str(ready), *flags],
                env=clean_environment(server.environment()), stdout=log, stderr=log)
        wait_for(lambda: ready.exists() or self.process.poll() is not None, 60, "agent registered")
        assert ready.exists(), self.log.read_text()

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode
