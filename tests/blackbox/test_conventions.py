"""The conventions that every command keeps (docs/cli.md), each on the built binary: stdout, stderr, exit code."""
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time

import parts
import pytest


@pytest.fixture
def room(server):
    parts.voicectl("room", "create", "conventions", env=server.environment())
    yield "conventions"
    parts.voicectl("room", "delete", "conventions", env=server.environment())


def run(server, *words, **more):
    return parts.voicectl(*words, env=dict(server.environment(), **more.pop("env", {})), **more)


def test_formats_of_a_list(server, room):
    listed = lambda *words: run(server, "room", "list", room, *words).out
    assert listed().splitlines()[0].split() == ["NAME", "PARTICIPANTS", "PUBLISHERS", "AGE"]
    assert "SID" in listed("-o", "wide")
    assert json.loads(listed("-o", "json"))["rooms"][0]["name"] == room
    assert json.loads(listed("-o", "jsonl"))["name"] == room
    assert listed("-o", "tsv").split("\t")[0] == room
    assert listed("-o", "name") == room + "\n"
    assert run(server, "room", "list", "-o", "xml").code == 2


def test_a_piped_table_has_no_colour(server, room):
    assert "\x1b" not in run(server, "room", "list").out
    assert "\x1b" in run(server, "room", "list", "--color", "always").out
    assert "\x1b" in run(server, "room", "list", env={"CLICOLOR_FORCE": "1"}).out
    assert "\x1b" not in run(server, "room", "list", env={"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}).out


def test_fields_and_paths(server, room):
    assert run(server, "room", "list", room, "--json", "--fields", "name,sid").json["rooms"][0].keys() == {"name", "sid"}
    unknown = run(server, "room", "list", room, "--fields", "nmae")
    assert unknown.code == 2 and unknown.out == "" and "numParticipants" in unknown.err
    assert run(server, "room", "list", room, "--get", "/rooms/*/name").out == room + "\n"
    assert run(server, "room", "list", room, "--get", "/rooms/0/nonsense").code == 2


def test_notes_are_on_stderr_and_quiet_silences_them(server):
    loud = run(server, "room", "list", "--match", "^nothing fits$")
    assert loud.out == "" and "no rooms" in loud.err
    assert run(server, "room", "list", "--match", "^nothing fits$", "-q").err == ""


def test_errors_in_json_are_one_object_on_stderr(server):
    for words, code, exit_code in ((("room", "get", "absent"), "not_found", 5), (("room", "list", "--nonsense"), "usage", 2)):
        result = run(server, *words, "--json")
        error = json.loads(result.err)["error"]
        assert result.out == "" and result.code == exit_code
        assert error["code"] == code and error["exit"] == exit_code and error["message"] and error["hint"]
    assert json.loads(run(server, "room", "get", "absent", "--json").err)["error"]["request"]["method"] == "ListRooms"


def test_a_dry_run_changes_nothing(server, room):
    assert run(server, "room", "create", "dry", "--dry-run").code == 0
    assert run(server, "room", "list", "dry").code == 5
    assert room in run(server, "room", "delete", room, "--dry-run").out
    assert run(server, "room", "list", room).code == 0


def test_ids_come_from_stdin(server):
    for name in ("in-1", "in-2"):
        run(server, "room", "create", name)
    names = run(server, "room", "list", "--match", "^in-", "-o", "name").out
    assert run(server, "room", "delete", "--stdin", stdin=names).code == 0
    assert run(server, "room", "list", "in-1").code == 5


def test_lists_say_when_they_are_cut(server):
    for i in range(3):
        run(server, "room", "create", f"cut-{i}")
    short = run(server, "room", "list", "--match", "^cut-", "--limit", "2", "--json")
    assert len(short.json["rooms"]) == 2 and "2 of 3" in short.err
    assert len(run(server, "room", "list", "--match", "^cut-", "--all", "--json").json["rooms"]) == 3
    run(server, "room", "delete", "cut-0", "cut-1", "cut-2")


def test_a_reader_that_leaves_is_no_error(server, room):
    command = f"{parts.voicectl_path()} room list --json | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, env=parts.clean_environment(server.environment()))
    assert done.stderr == "" and done.returncode in (0, 141)


def test_a_full_disk_is_an_error(server, room):
    with open("/dev/full", "w") as full:
        done = subprocess.run([parts.voicectl_path(), "room", "list"], stdout=full, stderr=subprocess.PIPE, text=True,
                              env=parts.clean_environment(server.environment()))
    assert done.returncode == 1 and "No space left" in done.stderr


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_waits_end_at_a_signal(server, room, number, code):
    waiting = subprocess.Popen([parts.voicectl_path(), "dispatch", "create", room, "--agent", "nobody", "--wait=60s"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=parts.clean_environment(server.environment()))
    time.sleep(1)
    waiting.send_signal(number)
    out, err = waiting.communicate(timeout=10)
    assert waiting.returncode in (code, -number) and out == "", (waiting.returncode, err)


def answering(handler):
    """An HTTP server on a free port; gives (url, close)."""
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    return f"ws://127.0.0.1:{listener.server_port}", listener.shutdown


def proxy(status, kind, body, cut=0):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body) + cut))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                pass

        def log_message(self, *_):
            pass
    return Handler


KEYS = {"LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "this-secret-must-never-be-seen-anywhere"}


@pytest.mark.parametrize("handler,code,words", [
    (proxy(404, "text/html", b"<html><body>nginx</body></html>"), 1, "no LiveKit API"),
    (proxy(200, "text/html", b"<html>log in first</html>"), 1, "not LiveKit's"),
    (proxy(200, "application/protobuf", b"\xff\xff\xff"), 1, "cannot be read"),
    (proxy(200, "application/protobuf", b"\x0a\x02", cut=1000), 1, "too early"),
    (proxy(502, "text/html", b"<html>bad gateway</html>"), 7, "502"),
    (proxy(401, "text/plain", b"invalid token: eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.abc, error: token signature is invalid: x"), 4, "signature is invalid"),
    (proxy(500, "application/json", b'{"code":"internal","msg":"twirp error unknown: it broke"}'), 1, "it broke"),
    (proxy(200, "application/protobuf", b"\0" * (70 << 20)), 1, ""),
])
def test_broken_answers_are_one_clear_line(handler, code, words):
    url, close = answering(handler)
    try:
        result = parts.voicectl("room", "list", env=dict(KEYS, LIVEKIT_URL=url))
    finally:
        close()
    assert result.code == code and result.out == "" and words in result.err, result
    assert len(result.err.splitlines()) <= 2 and "twirp error unknown" not in result.err and "eyJ" not in result.err
    assert KEYS["LIVEKIT_API_SECRET"] not in result.err


def test_twenty_megabytes_are_no_trouble():
    # 20 MB of an unknown field of a protobuf message.
    body = b"\xfa\x7f" + b"\x80\x80\x80\x0a" + b"x" * (20 << 20)
    url, close = answering(proxy(200, "application/protobuf", body))
    try:
        result = parts.voicectl("room", "list", "--json", env=dict(KEYS, LIVEKIT_URL=url))
    finally:
        close()
    assert result.code == 0 and result.json == {"rooms": []}, result


def test_a_black_hole_times_out_when_told():
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        result = parts.voicectl("room", "list", "--timeout", "1s", env=dict(KEYS, LIVEKIT_URL=f"ws://127.0.0.1:{hole.getsockname()[1]}"))
    assert result.code == 8 and 0.9 < result.seconds < 5 and "hint:" in result.err, result


def test_plain_http_where_tls_is_asked_for_is_named(server):
    result = run(server, "room", "list", env={"LIVEKIT_URL": server.url.replace("ws://", "wss://")})
    assert result.code == 7 and ("TLS" in result.err or "SSL" in result.err), result


def test_secrets_come_by_file_and_by_environment(server, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(server.secret + "\n")
    bare = {"LIVEKIT_URL": server.url, "LIVEKIT_API_KEY": server.key}
    assert parts.voicectl("room", "list", "--api-secret-file", secret, env=bare).code == 0
    missing = parts.voicectl("room", "list", "--api-secret-file", tmp_path / "nowhere", env=bare)
    assert missing.code != 0 and "nowhere" in missing.err
    secret.write_text("")
    assert parts.voicectl("room", "list", "--api-secret-file", secret, env=bare).code == 2


def test_help_costs_no_network_and_no_configuration():
    env = {"LIVEKIT_URL": "ws://10.255.255.1", "VOICECTL_CONFIG": "/etc/shadow-of-nothing/x.yaml", "HOME": "/nonexistent"}
    for words in (("--help",), ("room", "create", "--help"), ("help", "output"), ("completion", "bash"), ("--version",)):
        result = parts.voicectl(*words, env=env)
        assert result.code == 0 and result.err == "" and result.out, result
