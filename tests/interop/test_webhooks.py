"""Webhook deliveries against LiveKit's own: its receivers in Go and Python, and the deliveries of a real server."""
import base64
import contextlib
import http.server
import json
import os
import pathlib
import queue
import re
import shutil
import subprocess
import threading

import parts
import pytest
from livekit import api
from livekit.api.access_token import TokenVerifier

import webhook_vectors as vectors

HERE = pathlib.Path(__file__).resolve().parent
CACHE = parts.ROOT / ".cache"


def find_go():
    wanted = re.search(r"^GO_VERSION=(\S+)", (parts.ROOT / "scripts/versions").read_text(), re.M)[1]
    number = lambda text: tuple(map(int, re.findall(r"\d+", text)[:3]))
    own = sorted(CACHE.glob("go/pkg/mod/golang.org/toolchain@*/bin/go"))
    for path in [shutil.which("go"), "/usr/local/go/bin/go", *map(str, own)]:
        if path and pathlib.Path(path).exists():
            version = subprocess.run([path, "env", "GOVERSION"], capture_output=True, text=True, env={**os.environ, "GOTOOLCHAIN": "local"}).stdout
            if number(version) >= number(wanted):
                return path
    return None


def build_go(folder):
    """LiveKit's Go packages as livekit-server was built from: its own versions, out of the cache, without a network."""
    path = find_go()
    servers = sorted(CACHE.glob("go/pkg/mod/github.com/livekit/livekit-server@*/go.mod"))
    if not path or not servers:
        return None
    shutil.copy(HERE / "webhook_go/main.go", folder)
    (folder / "go.mod").write_text(re.sub(r"^module .*$", "module voicectl.test/webhook", servers[-1].read_text(), flags=re.M))
    (folder / "go.sum").write_bytes((servers[-1].parent / "go.sum").read_bytes())
    subprocess.run([path, "build", "-o", "webhook", "."], cwd=folder, check=True, timeout=900,
                   env={**os.environ, "GOPATH": str(CACHE / "go"), "GOCACHE": str(CACHE / "go-build"), "GOFLAGS": "-mod=mod -modcacherw",
                        "GOPROXY": "off", "GOTOOLCHAIN": "local"})
    return str(folder / "webhook")


@pytest.fixture(scope="session")
def go(tmp_path_factory):
    program = build_go(tmp_path_factory.mktemp("go"))
    if not program:
        pytest.skip("no Go, or livekit-server was not built here: run ./scripts/setup")
    return program


@pytest.fixture(scope="module")
def table():
    maker = vectors.Maker()
    return {name: make(maker) for name, make, _ in vectors.VECTORS} | {vectors.ON_PURPOSE[0]: vectors.ON_PURPOSE[1](maker)}


@pytest.fixture(scope="module")
def go_says(go, table):
    given = {"keys": vectors.KEYS, "vectors": [{"name": name, "header": header, "body": base64.b64encode(body).decode()}
                                               for name, (header, body) in table.items()]}
    out = subprocess.run([go, "judge"], input=json.dumps(given), capture_output=True, text=True, check=True, timeout=60).stdout
    return {one["name"]: one["valid"] for one in map(json.loads, out.splitlines())}


def python_says(header, body):
    for key, secret in vectors.KEYS.items():
        try:
            api.WebhookReceiver(TokenVerifier(key, secret)).receive(body.decode(), header)
            return True
        except Exception:  # whatever it raises is a refusal
            continue
    return False


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys.yaml"
    path.write_text("".join(f"{key}: {secret}\n" for key, secret in vectors.KEYS.items()))
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def ours_says(table, keys_file, tmp_path_factory):
    """All at once, as a capture; the words for one alone are looked at in the black-box tests."""
    path = tmp_path_factory.mktemp("vectors") / "capture.jsonl"
    names = list(table)
    path.write_text("".join(json.dumps({"headers": {"Authorization": header} if header else {}, "bodyBase64": base64.b64encode(body).decode()}) + "\n"
                            for header, body in table.values()))
    said = parts.voicectl("webhook", "verify", path, "--keys", keys_file, "--json")
    assert said.code == 3, said
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert len(lines) == len(names)
    for secret in vectors.KEYS.values():
        assert secret not in said.out + said.err
    return dict(zip(names, lines))


def test_there_are_enough_vectors():
    assert len(vectors.VECTORS) >= 60 and len({name for name, _, _ in vectors.VECTORS}) == len(vectors.VECTORS)


@pytest.mark.parametrize("name,verdict", [(name, verdict) for name, _, verdict in vectors.VECTORS], ids=[name for name, _, _ in vectors.VECTORS])
def test_ours_takes_what_both_of_theirs_take(name, verdict, table, go_says, ours_says):
    header, body = table[name]
    theirs = {"go": go_says[name], "python": python_says(header, body)}
    assert ours_says[name]["valid"] == all(theirs.values()), (theirs, ours_says[name])
    assert (ours_says[name]["fault"] or "") == verdict, ours_says[name]


def test_the_two_of_theirs_differ_where_we_know_it(table, go_says):
    """When this fails, LiveKit has changed its mind: see whether ours should."""
    only_go = {name for name, (header, body) in table.items() if go_says[name] and not python_says(header, body)}
    only_python = {name for name, (header, body) in table.items() if not go_says[name] and python_says(header, body)}
    assert only_go == {"no exp", "exp is null", "exp is a text with a fraction", "for another audience", "grants are null", "issued in the future",
                       "header with a kid that is a number", "header with an extension"}
    assert only_python == {"sha256 with a blank", "signature padded", "claims with a byte-order mark"}


def test_bearer_is_the_one_thing_that_only_ours_takes(table, go_says, ours_says):
    name = vectors.ON_PURPOSE[0]
    assert not go_says[name] and not python_says(*table[name])
    assert ours_says[name]["valid"] and ours_says[name]["bearer"]


def test_what_was_reencoded_is_told_from_what_was_changed(ours_says):
    for name in ("body re-encoded by JavaScript", "body re-encoded by Python", "body with a newline more"):
        assert ours_says[name]["reencoded"] and ours_says[name]["reason"].startswith("the body was re-encoded"), ours_says[name]
    for name in ("body with one letter changed", "body cut", "body empty"):
        assert not ours_says[name]["reencoded"] and ours_says[name]["reason"].startswith("the body was changed"), ours_says[name]


class GoReceiver:
    def __init__(self, program, keys):
        self.process = subprocess.Popen([program, "receive"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(json.dumps(keys))
        self.process.stdin.close()
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/hook"

    def next(self):
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def go_receiver(go):
    receiver = GoReceiver(go, vectors.KEYS)
    yield receiver
    receiver.stop()


ENVIRONMENT = {"LIVEKIT_API_KEY": vectors.KEY, "LIVEKIT_API_SECRET": vectors.SECRET}


def events():
    return parts.voicectl("webhook", "trigger", "--list", "-o", "name").out.split()


def test_both_receivers_take_what_trigger_sends(go_receiver):
    assert len(events()) == 14
    for name in events():
        said = parts.voicectl("webhook", "trigger", name, "--to", go_receiver.url, "--print", "--json", env=ENVIRONMENT)
        assert said.code == 0, said
        came = go_receiver.next()
        assert came["valid"] and came["name"] == name and came["id"] == said.json["id"], came
        assert base64.b64decode(came["body"]).decode() == said.json["body"]
        event = api.WebhookReceiver(TokenVerifier(vectors.KEY, vectors.SECRET)).receive(said.json["body"], said.json["headers"]["Authorization"])
        assert event.event == name and event.id == said.json["id"] and event.created_at > 1_700_000_000


def test_samples_have_no_field_that_python_does_not_know():
    from google.protobuf.json_format import Parse
    from livekit.protocol.webhook import WebhookEvent
    for name in events():
        Parse(parts.voicectl("webhook", "trigger", name, "--get", "/body", env=ENVIRONMENT).out, WebhookEvent(), ignore_unknown_fields=False)


def test_both_receivers_take_what_replay_sends(go_receiver, tmp_path):
    """Exact bytes, however they are spelt, with a token of this minute over an old delivery."""
    bodies = [vectors.BODY, vectors.rewritten(indent=3), vectors.rewritten(sort_keys=True), b'{"event":"x","id":"EV_\\u00e9"}\n']
    capture = tmp_path / "capture.jsonl"
    capture.write_text("".join(json.dumps({"receivedAt": "2026-01-01T00:00:00.000Z", "headers": {"Authorization": "old"}, "body": body.decode()}) + "\n" for body in bodies))
    said = parts.voicectl("webhook", "replay", capture, "--to", go_receiver.url, "--concurrency", "1", "--json", env=ENVIRONMENT)
    assert said.code == 0 and said.json["delivered"] == len(bodies), said
    came = [go_receiver.next() for _ in bodies]
    assert all(one["valid"] for one in came), came
    assert sorted(base64.b64decode(one["body"]) for one in came) == sorted(bodies)


class Keeping(http.server.BaseHTTPRequestHandler):
    """Keeps what comes, bytes and headers."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.put((dict(self.headers), body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def keeping():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keeping)
    server.came = queue.Queue()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class HookedServer(parts.Server):
    def __init__(self, url):
        self.hook = url
        super().__init__()

    def configure(self):
        super().configure()
        with open(self.config, "a") as file:
            file.write(f"webhook: {{api_key: {self.key}, urls: ['{self.hook}']}}\n")


def test_deliveries_of_a_real_server_are_valid_and_their_samples_alike(tmp_path):
    with keeping() as receiver:
        server = HookedServer(f"http://127.0.0.1:{receiver.server_address[1]}/hook")
        try:
            env = server.environment()
            assert parts.voicectl("room", "create", "hooked", env=env).code == 0
            assert parts.voicectl("room", "delete", "hooked", "--yes", env=env).code == 0
            came = [receiver.came.get(timeout=20) for _ in range(2)]
        finally:
            server.stop()
        assert [json.loads(body)["event"] for _, body in came] == ["room_started", "room_finished"]
        for headers, body in came:
            file, header = tmp_path / "body.json", tmp_path / "header.txt"
            file.write_bytes(body)
            header.write_text(headers["Authorization"] + "\n")
            said = parts.voicectl("webhook", "verify", file, "--auth", f"@{header}", "--json", env=env)
            assert said.code == 0 and said.json["valid"] and not said.json["bearer"], said
            file.write_bytes(json.dumps(json.loads(body), sort_keys=True).encode())
            said = parts.voicectl("webhook", "verify", file, "--auth", f"@{header}", "--json", env=env)
            assert said.code == 3 and said.json["reencoded"], said
            # A sample has no field that the real one lacks, but for what depends on the moment.
            real, sample = json.loads(body), json.loads(parts.voicectl("webhook", "trigger", json.loads(body)["event"], "--get", "/body", env=env).out)
            assert list(sample) == list(real)
            assert set(sample["room"]) <= set(real["room"]) | {"numParticipants"}, (sample["room"], real["room"])
            assert headers["Content-Type"] == "application/webhook+json"


def test_a_long_capture_needs_no_memory(go, tmp_path):
    """Sixty thousand deliveries take no more memory than six hundred."""
    def peak(count):
        capture = tmp_path / f"{count}.jsonl"
        with open(capture, "w") as file:
            for number in range(count):
                body = json.dumps({"event": "room_started", "room": {"name": f"r{number % 5000}", "metadata": "x" * 500}, "id": f"EV_{number:012}", "createdAt": "1"})
                file.write(json.dumps({"receivedAt": "2026-01-01T00:00:00.000Z", "body": body}) + "\n")
        sink = subprocess.Popen([go, "sink"], stdout=subprocess.PIPE, text=True)
        try:
            url = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
            child = subprocess.Popen([parts.voicectl_path(), "webhook", "replay", str(capture), "--to", url, "--json"], env=parts.clean_environment(ENVIRONMENT),
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            report = json.loads(child.stdout.read())
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            assert child.returncode == 0 and report["delivered"] == count, report
            return usage.ru_maxrss / 1024
        finally:
            sink.kill()
            sink.wait()
    small, large = peak(600), peak(60_000)
    assert large - small < 20, (small, large)
