"""webhook verify, trigger and replay on the built binary, against receivers on real sockets."""
import collections
import contextlib
import datetime
import http.server
import json
import signal
import socketserver
import subprocess
import threading
import time

import parts
import pytest
from livekit import api
from livekit.api.access_token import TokenVerifier

KEY, SECRET = "APIhooks", "a-secret-for-hooks-of-some-forty-characters"
ENVIRONMENT = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}


def run(*words, **options):
    return parts.voicectl("webhook", *words, env={**ENVIRONMENT, **options.pop("env", {})}, **options)


def genuine(header, body):
    return api.WebhookReceiver(TokenVerifier(KEY, SECRET)).receive(body, header)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.receiver.take(self, body)

    def do_GET(self):
        self.server.receiver.others.append(self.path)
        self.answer(200)

    def answer(self, status, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):  # a client that was killed
        pass


class Receiver:
    """Answers as `answers(body, nth time that this body came)` says: a status, or (status, headers)."""

    def __init__(self, answers=lambda body, count: 200):
        self.answers, self.lock = answers, threading.Lock()
        self.came, self.others, self.counts = [], [], collections.Counter()
        self.active, self.most_active, self.active_keys, self.overlaps = 0, 0, collections.Counter(), []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.receiver = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, request, body):
        event = json.loads(body)
        key = event.get("egressInfo", {}).get("egressId") or event.get("room", {}).get("name")
        with self.lock:
            self.counts[body] += 1
            count = self.counts[body]
            self.came.append((time.monotonic(), request.path, request.headers.get("Authorization"), body))
            self.active += 1
            self.most_active = max(self.most_active, self.active)
            self.active_keys[key, request.path] += 1
            if self.active_keys[key, request.path] > 1:
                self.overlaps.append(key)
        answer = self.answers(body, count)
        with self.lock:
            self.active -= 1
            self.active_keys[key, request.path] -= 1
        request.answer(*(answer if isinstance(answer, tuple) else (answer,)))

    def ids(self):
        return [json.loads(body)["id"] for _, _, _, body in self.came]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receivers():
    running = []

    def start(*arguments):
        running.append(Receiver(*arguments))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def body_of(number, room="demo", **more):
    return json.dumps({"event": "participant_joined", "room": {"name": room}, "id": f"EV_{number:08}", "createdAt": "1795243093", **more})


def stamp(seconds):
    return datetime.datetime.fromtimestamp(1795243000 + seconds, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def capture(tmp_path):
    def write(bodies, times=None, headers=None):
        path = tmp_path / "capture.jsonl"
        with open(path, "w") as file:
            for number, body in enumerate(bodies):
                file.write(json.dumps({"receivedAt": stamp(times[number] if times else number), "headers": headers or {}, "body": body}) + "\n")
        return path
    return write


# --- verify


def signed(*words):
    return run("trigger", "room_started", "-o", "jsonl", *words).json


def judge(tmp_path, header, body, *words, **options):
    file = tmp_path / "body"
    file.write_bytes(body if isinstance(body, bytes) else body.encode())
    return run("verify", file, "--auth", header, *words, **options)


def test_a_delivery_is_judged_in_one_line(tmp_path):
    one = signed()
    good = judge(tmp_path, one["headers"]["Authorization"], one["body"])
    assert good.code == 0 and good.out.startswith("room_started EV_") and good.out.count("\n") == 1 and f"valid: signed with API key {KEY}" in good.out, good
    for change, word, hint in [(one["body"] + "\n", "the body was re-encoded", "raw bytes"), (one["body"].replace("RM_", "RX_"), "the body was changed", "on the way")]:
        bad = judge(tmp_path, one["headers"]["Authorization"], change)
        assert bad.code == 3 and word in bad.err and "hint:" in bad.err and hint in bad.err, bad
        assert bad.out.count("\n") == 1


@pytest.mark.parametrize("header,fault", [("", "no_header"), ("x", "malformed"), (None, "unknown_key"), ("old", "expired"), ("secret", "bad_signature")])
def test_what_is_wrong_is_told_by_name(tmp_path, header, fault):
    one = signed()
    environment, words = {}, []
    if header is None:
        header, environment = one["headers"]["Authorization"], {"LIVEKIT_API_KEY": "APIother"}
    elif header == "old":
        header, words = one["headers"]["Authorization"], ["--at", "2040-01-01T00:00:00Z"]
    elif header == "secret":
        header, environment = one["headers"]["Authorization"], {"LIVEKIT_API_SECRET": "another-secret-of-thirty-two-characters"}
    said = judge(tmp_path, header, one["body"], "--json", *words, env=environment)
    assert said.code == 3 and said.json["fault"] == fault and said.json["valid"] is False, said
    assert json.loads(said.err)["error"]["exit"] == 3
    assert SECRET not in said.out + said.err and "another-secret" not in said.out + said.err
    if fault == "unknown_key":
        assert KEY in said.json["reason"]
    if fault == "expired":
        assert "ago" in said.json["reason"]


def test_header_and_body_may_come_from_files_and_standard_input(tmp_path):
    one = signed()
    header = tmp_path / "header"
    header.write_text(one["headers"]["Authorization"] + "\n")
    assert run("verify", "--auth", f"@{header}", stdin=one["body"]).code == 0
    assert run("verify", header, "--auth", "-", stdin=one["body"]).code == 3
    assert run("verify", "--auth", "-", stdin="x").code == 2
    assert run("verify", tmp_path / "nowhere", "--auth", "x").code == 2


def test_a_capture_is_judged_as_of_when_each_came(tmp_path):
    first, second = signed(), signed("--room", "other")
    second["body"] += " "
    old = {**signed(), "receivedAt": "2020-01-01T00:00:00Z"}
    path = tmp_path / "capture.jsonl"
    path.write_text("\n".join(map(json.dumps, [first, second, old])) + "\n")
    said = run("verify", path, "--at", "capture", "--json")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 3 and [one["fault"] for one in lines] == [None, "body_hash", "not_yet_valid"], said
    assert [one["line"] for one in lines] == [1, 2, 3] and lines[2]["judgedAt"] == "2020-01-01T00:00:00.000Z"
    path.write_text(json.dumps(first) + "\n\n" + json.dumps(first))
    assert run("verify", path, "--at", "capture").code == 0
    late = run("verify", path, "--at", "2030-01-01T00:00:00Z")
    assert late.code == 3 and "--at capture" in late.err, late
    assert run("verify", path, "--at", "yesterday").code == 2
    path.write_text("[1]\n")
    assert run("verify", path).code == 2
    path.write_text("")
    assert run("verify", path).code == 2


def test_more_keys_come_from_a_file_that_only_its_owner_reads(tmp_path):
    one = signed()
    keys = tmp_path / "keys.yaml"
    keys.write_text(f"# ours\nAPIx: 'x'\n{KEY}: \"{SECRET}\"\n")
    body, header = tmp_path / "body", one["headers"]["Authorization"]
    body.write_text(one["body"])
    keys.chmod(0o644)
    refused = parts.voicectl("webhook", "verify", body, "--auth", header, "--keys", keys)
    assert refused.code == 2 and "chmod 600" in refused.err, refused
    keys.chmod(0o600)
    assert parts.voicectl("webhook", "verify", body, "--auth", header, "--keys", keys).code == 0
    assert parts.voicectl("webhook", "verify", body, "--auth", header).code == 2
    keys.write_text(f"{SECRET}\n")
    broken = parts.voicectl("webhook", "verify", body, "--auth", header, "--keys", keys)
    assert broken.code == 2 and "keys.yaml:1" in broken.err and SECRET not in broken.err, broken


# --- trigger


def test_every_event_is_signed_as_livekit_does(receivers):
    receiver = receivers()
    names = run("trigger", "--list", "-o", "name").out.split()
    assert len(names) == 14
    for name in names:
        said = run("trigger", name, "--to", receiver.url, "--room", "r1", "--participant", "bob")
        assert said.code == 0 and said.out.startswith(name), said
        _, _, header, body = receiver.came[-1]
        event = genuine(header, body)
        assert event.event == name and "r1" in body
        assert abs(event.created_at - time.time()) < 60


def test_the_events_of_one_call_fit_together():
    sids = {json.loads(run("trigger", name, "--room", "r1", "--get", "/body").out)["room"]["sid"] for name in ("room_started", "participant_left", "track_published")}
    assert len(sids) == 1
    assert json.loads(run("trigger", "room_started", "--room", "r2", "--get", "/body").out)["room"]["sid"] not in sids


def test_without_a_target_a_command_is_printed_that_works(receivers):
    receiver = receivers()
    said = run("trigger", "room_started", "--set", "room.metadata=it's \"quoted\" $HOME")
    assert said.code == 0 and said.out.startswith("curl "), said
    subprocess.run(["sh", "-c", said.out.replace(" URL", f" {receiver.url}")], check=True, timeout=20)
    _, _, header, body = receiver.came[-1]
    assert genuine(header, body).room.metadata == "it's \"quoted\" $HOME"


def test_a_receiver_that_does_not_take_it_is_exit_3_and_none_is_exit_7(receivers):
    receiver = receivers(lambda body, count: 401)
    said = run("trigger", "room_started", "--to", receiver.url)
    assert said.code == 3 and "401" in said.err, said
    assert run("trigger", "room_started", "--to", f"http://127.0.0.1:{parts.free_port()}/").code == 7
    for wrong in ("ftp://127.0.0.1/", "nonsense", "http://user:pass@127.0.0.1/"):
        refused = run("trigger", "room_started", "--to", wrong)
        assert refused.code == 2 and "pass@" not in refused.err, refused
    assert run("trigger", "room_startd").code == 2
    assert run("trigger").code == 2
    assert run("trigger", "room_started", "--set", "room.nam=x").code == 2
    dry = run("trigger", "room_started", "--to", receiver.url, "--dry-run")
    assert dry.code == 0 and len(receiver.came) == 1, dry


# --- replay


def test_exact_bytes_go_out_with_a_fresh_token(receivers, capture):
    receiver = receivers()
    bodies = [body_of(1), body_of(2).replace(", ", ",  "), body_of(3) + "\n", body_of(4, room="räume ☎")]
    said = run("replay", capture(bodies, headers={"authorization": "stale"}), "--to", receiver.url, "--json")
    assert said.code == 0 and said.json["delivered"] == 4 and said.json["failures"] == [] and said.json["latencyMs"]["p95"] > 0, said
    assert sorted(body for *_, body in receiver.came) == sorted(bodies)
    for _, _, header, body in receiver.came:
        genuine(header, body)


def test_one_line_for_each_and_a_report(receivers, capture):
    receiver = receivers(lambda body, count: 400 if "00000002" in body else 200)
    said = run("replay", capture([body_of(1), body_of(2), body_of(3)]), "--to", receiver.url)
    lines = said.out.splitlines()
    assert said.code == 9 and len(lines) == 4, said
    assert lines[0].startswith("EV_00000001 participant_joined demo 200 ") and "not delivered: it answered 400" in lines[1]
    assert lines[3].startswith("2 delivered in") and "p95" in lines[3] and "1 refused" in lines[3]
    said = run("replay", capture([body_of(1), body_of(2)]), "--to", receiver.url, "-o", "jsonl", "--anew")
    told = [json.loads(line) for line in said.out.splitlines()]
    assert [one.get("id") for one in told] == ["EV_00000001", "EV_00000002", None] and told[2]["failed"] == 1, said


def test_order_is_kept_within_a_room_and_rooms_go_side_by_side(receivers, capture):
    def slow(body, count):
        time.sleep(0.005)
        return 200
    receiver = receivers(slow)
    bodies = [body_of(number, room=f"room{number % 7}") for number in range(140)]
    bodies += [json.dumps({"event": "egress_updated", "egressInfo": {"egressId": f"EG_{number % 3}", "roomName": "room1"}, "id": f"EV_e{number:07}"}) for number in range(60)]
    said = run("replay", capture(bodies), "--to", receiver.url, "--concurrency", "16", "--json")
    assert said.code == 0 and said.json["delivered"] == 200, said
    assert receiver.overlaps == [] and receiver.most_active > 4
    order = collections.defaultdict(list)
    for *_, body in receiver.came:
        event = json.loads(body)
        order[event.get("egressInfo", {}).get("egressId") or event["room"]["name"]].append(event["id"])
    assert len(order) == 10 and all(ids == sorted(ids) for ids in order.values())


def test_what_may_pass_is_tried_again_in_order(receivers, capture):
    receiver = receivers(lambda body, count: 503 if "00000001" in body and count < 3 else 200)
    said = run("replay", capture([body_of(1), body_of(2), body_of(3, room="other")]), "--to", receiver.url, "--json")
    assert said.code == 0 and said.json["delivered"] == 3 and said.json["retries"] == 2, said
    demo = [one for one in receiver.ids() if one != "EV_00000003"]
    assert demo == ["EV_00000001"] * 3 + ["EV_00000002"]
    assert receiver.ids().index("EV_00000003") < 3  # the other room did not wait


def test_retry_after_is_honoured(receivers, capture):
    receiver = receivers(lambda body, count: (429, {"Retry-After": "1"}) if count == 1 else 200)
    assert run("replay", capture([body_of(1)]), "--to", receiver.url).code == 0
    first, second = (when for when, *_ in receiver.came)
    assert 0.95 < second - first < 5


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 501])
def test_what_does_not_pass_is_told_and_not_tried_again(receivers, capture, status):
    receiver = receivers(lambda body, count: (status, {"Location": "/elsewhere"}))
    said = run("replay", capture([body_of(1)]), "--to", receiver.url, "--json")
    assert said.code == 3 and len(receiver.came) == 1 and receiver.others == [], said
    assert said.json["failures"][0]["status"] == status and said.json["failures"][0]["id"] == "EV_00000001"


def test_gone_stops_that_target_and_no_other(receivers, capture):
    receiver = receivers(lambda body, count: 410 if "00000002" in body else 200)
    other = receivers()
    said = run("replay", capture([body_of(number) for number in range(6)]), "--to", receiver.url, "--to", other.url, "--json")
    assert said.code == 9 and len(receiver.came) == 3 and len(other.came) == 6, said
    assert said.json["delivered"] == 8 and said.json["failed"] == 1 and said.json["notSent"] == 3
    assert {one["to"] for one in said.json["failures"]} == {receiver.url}


def test_nobody_there_is_exit_7_after_the_attempts(capture):
    said = run("replay", capture([body_of(1)]), "--to", f"http://127.0.0.1:{parts.free_port()}/", "--attempts", "2", "--json")
    assert said.code == 7 and said.json["attempts"] == 2 and said.json["failures"][0]["status"] is None, said


def test_a_receiver_that_comes_back_gets_all(receivers, capture):
    """Connections are refused, then taken."""
    port = parts.free_port()
    path = capture([body_of(number) for number in range(5)])
    child = subprocess.Popen([parts.voicectl_path(), "webhook", "replay", str(path), "--to", f"http://127.0.0.1:{port}/", "--attempts", "50", "--json"],
                             env=parts.clean_environment(ENVIRONMENT), stdout=subprocess.PIPE, text=True)
    state = path.with_name(path.name + ".replay")
    parts.wait_for(lambda: state.exists() and "b 1 0" in state.read_text(), what="first attempt")
    Server.allow_reuse_address = True
    server = Server(("127.0.0.1", port), Handler)
    server.receiver = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        report = json.loads(child.communicate(timeout=60)[0])
        assert child.returncode == 0 and report["delivered"] == 5 and report["retries"] >= 1, report
        assert server.receiver.ids() == [f"EV_{number:08}" for number in range(5)]
    finally:
        child.kill()
        server.shutdown()
        server.server_close()
        server.receiver.stop()


def test_fail_fast_stops_at_the_first(receivers, capture):
    receiver = receivers(lambda body, count: 400 if "00000001" in body else 200)
    said = run("replay", capture([body_of(number) for number in range(20)]), "--to", receiver.url, "--fail-fast", "--json")
    assert said.code == 9 and len(receiver.came) == 2 and said.json["failed"] == 1 and said.json["left"] > 0, said


def test_filters_choose(receivers, capture):
    receiver = receivers()
    path = capture([body_of(1), body_of(2, room="other"), body_of(3), body_of(4, event="room_finished")], times=[0, 10, 20, 30])

    def chosen(*words):
        receiver.came.clear()
        said = run("replay", path, "--to", receiver.url, *words)
        assert said.code == 0, said
        return sorted(int(one[3:]) for one in receiver.ids())

    assert chosen("--room", "other") == [2]
    assert chosen("--id", "EV_00000001,EV_00000003") == [1, 3]
    assert chosen("--event", "room_finished") == [4]
    assert chosen("--since", stamp(10), "--until", stamp(30)) == [2, 3]
    assert chosen("--room", "nowhere") == []
    assert run("replay", path, "--to", receiver.url, "--id", "EV_nobody").code == 5
    assert run("replay", path, "--to", receiver.url, "--since", "tomorrow").code == 2


def test_dry_run_sends_nothing_and_needs_no_key(receivers, capture):
    receiver = receivers()
    path = capture([body_of(1), body_of(2, room="other")])
    said = parts.voicectl("webhook", "replay", path, "--to", receiver.url, "--dry-run", "--room", "other")
    assert said.code == 0 and "EV_00000002" in said.out and "EV_00000001" not in said.out and receiver.came == [], said
    assert not path.with_name(path.name + ".replay").exists()


def test_verbatim_sends_the_stored_token(receivers, capture):
    receiver = receivers()
    path = capture([body_of(1)], headers={"Authorization": "stored.token.here"})
    assert parts.voicectl("webhook", "replay", path, "--to", receiver.url, "--verbatim").code == 0
    assert receiver.came[0][2] == "stored.token.here"
    assert run("replay", path, "--to", receiver.url, "--verbatim", "--new-id").code == 2
    bare = run("replay", capture([body_of(1)]), "--to", receiver.url, "--verbatim")
    assert bare.code == 2 and "line 1" in bare.err, bare


def test_new_id_and_time_change_the_body_which_is_signed_anew(receivers, capture):
    receiver = receivers()
    path = capture([body_of(1), body_of(1)])
    assert run("replay", path, "--to", receiver.url, "--new-id", "--set-time").code == 0
    events = [genuine(header, body) for _, _, header, body in receiver.came]
    assert len({one.id for one in events} | {"EV_00000001"}) == 3 and all(one.id.startswith("EV_") and len(one.id) == 15 for one in events)
    assert all(abs(one.created_at - time.time()) < 60 for one in events)
    assert json.loads(receiver.came[0][3])["room"] == {"name": "demo"}


def test_rate_and_speed_set_the_pace(receivers, capture):
    receiver = receivers()
    bodies = [body_of(number, room=f"r{number}") for number in range(6)]
    assert run("replay", capture(bodies), "--to", receiver.url, "--rate", "10").code == 0
    times = [when for when, *_ in receiver.came]
    assert 0.4 < times[-1] - times[0] < 3
    receiver.came.clear()
    assert run("replay", capture(bodies, times=[0, 1, 2, 3, 4, 10]), "--to", receiver.url, "--speed", "10x").code == 0
    times = [when for when, *_ in receiver.came]
    assert 0.9 < times[-1] - times[0] < 4 and 0.3 < times[4] - times[0] < 2
    assert run("replay", capture(bodies), "--to", receiver.url, "--speed", "fast").code == 2


def test_standard_input_and_bare_events_are_taken(receivers):
    receiver = receivers()
    said = run("replay", "-", "--to", receiver.url, "--json", stdin=body_of(1) + "\n\n" + json.dumps({"body": body_of(2)}))
    assert said.code == 0 and said.json["delivered"] == 2, said
    assert sorted(receiver.ids()) == ["EV_00000001", "EV_00000002"] and receiver.came[0][3] == body_of(1)
    made = run("trigger", "room_started", "-o", "jsonl").out
    assert run("replay", "-", "--to", receiver.url, stdin=made).code == 0


def test_a_bad_line_ends_it_and_is_named(receivers, capture):
    receiver = receivers()
    path = capture([body_of(1), body_of(2)])
    with open(path, "a") as file:
        file.write("not json\n")
    said = run("replay", path, "--to", receiver.url)
    assert said.code == 2 and "line 3" in said.err, said
    assert sorted(receiver.ids()) == ["EV_00000001", "EV_00000002"]


def kill_midway(path, receiver, count):
    child = subprocess.Popen([parts.voicectl_path(), "webhook", "replay", str(path), "--to", receiver.url, "--concurrency", "4", "--json"],
                             env=parts.clean_environment(ENVIRONMENT), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    parts.wait_for(lambda: len(receiver.came) >= count, what="deliveries")
    child.kill()
    child.wait()


def test_after_sigkill_nothing_that_was_delivered_is_sent_again(receivers, capture):
    def slow(body, count):
        time.sleep(0.002)
        return 200
    receiver = receivers(slow)
    total = 2000  # more than goes out while the one who kills is held up
    path = capture([body_of(number, room=f"r{number % 20}") for number in range(total)])
    for stop in (20, 90, 170):
        state = path.with_name(path.name + ".replay")
        before = len(receiver.came)
        if not state.exists():
            kill_midway(path, receiver, stop)
            continue
        child = subprocess.Popen([parts.voicectl_path(), "webhook", "replay", str(path), "--to", receiver.url, "--concurrency", "4", "--resume", "--json"],
                                 env=parts.clean_environment(ENVIRONMENT), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        parts.wait_for(lambda: len(receiver.came) >= before + 60, what="deliveries")
        child.kill()
        child.wait()
    refused = run("replay", path, "--to", receiver.url)
    assert refused.code == 6 and "--resume" in refused.err, refused
    said = run("replay", path, "--to", receiver.url, "--resume", "--json")
    assert said.code == 0 and said.json["delivered"] + said.json["alreadyDelivered"] == total, said
    assert len(said.json["inDoubt"]) <= 4
    if said.json["inDoubt"]:
        assert "may arrive twice" in said.err
    counts = collections.Counter(receiver.ids())
    assert len(counts) == total
    assert sum(count - 1 for count in counts.values()) <= 3 * 4, [one for one in counts.items() if one[1] > 1]
    assert receiver.overlaps == []
    assert not path.with_name(path.name + ".replay").exists()


def test_what_was_on_its_way_is_told_and_sent_again(receivers, capture):
    """The receiver has taken it, the answer never came: killed in between."""
    stuck = threading.Event()
    receiver = receivers(lambda body, count: 200 if "00000000" in body or count > 1 else (stuck.wait(20), 200)[1])
    path = capture([body_of(number) for number in range(4)])
    kill_midway(path, receiver, 2)
    stuck.set()
    said = run("replay", path, "--to", receiver.url, "--resume", "--json")
    assert said.code == 0 and said.json["inDoubt"] == [2] and said.json["alreadyDelivered"] == 1, said
    assert collections.Counter(receiver.ids()) == {"EV_00000000": 1, "EV_00000001": 2, "EV_00000002": 1, "EV_00000003": 1}


def test_progress_is_of_one_file_one_target_and_one_replay_at_a_time(receivers, capture, tmp_path):
    receiver = receivers(lambda body, count: 400 if "00000001" in body else 200)
    path = capture([body_of(number) for number in range(3)])
    assert run("replay", path, "--to", receiver.url).code == 9
    other = receivers()
    assert run("replay", path, "--to", other.url, "--resume").code == 2
    again = run("replay", path, "--to", receiver.url, "--resume", "--json")
    assert again.code == 9 and again.json["alreadyDelivered"] == 2 and again.json["failed"] == 1, again
    assert (path.with_name(path.name + ".replay").stat().st_mode & 0o777) == 0o600
    capture([body_of(7)])
    assert run("replay", path, "--to", receiver.url, "--resume").code == 2
    assert run("replay", path, "--to", receiver.url, "--anew").code == 0
    elsewhere = tmp_path / "state"
    assert run("replay", "-", "--to", other.url, f"--resume={elsewhere}", stdin=body_of(1)).code == 0
    assert not elsewhere.exists()
    assert run("replay", "-", "--to", other.url, "--resume", stdin=body_of(1)).code == 2
    readonly = run("replay", path, "--to", other.url, "--resume=/proc/nowhere/state")
    assert readonly.code == 1 and "progress" in readonly.err, readonly


def test_an_interrupt_lets_what_is_on_its_way_arrive(receivers, capture):
    held = threading.Event()
    receiver = receivers(lambda body, count: (held.wait(20), 200)[1])
    path = capture([body_of(number) for number in range(9)])
    child = subprocess.Popen([parts.voicectl_path(), "webhook", "replay", str(path), "--to", receiver.url, "--json"],
                             env=parts.clean_environment(ENVIRONMENT), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    parts.wait_for(lambda: receiver.came, what="first delivery")
    child.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=0.5)
    assert child.poll() is None
    held.set()
    out, err = child.communicate(timeout=20)
    report = json.loads(out)
    assert child.returncode == 130 and report["delivered"] == 1 and "--resume" in err, (child.returncode, out, err)
    said = run("replay", path, "--to", receiver.url, "--resume", "--json")
    assert said.code == 0 and said.json["inDoubt"] == [] and len(receiver.came) == 9, said


def test_connections_that_a_receiver_closes_without_a_word_cost_nothing(receivers, capture):
    receiver = receivers()
    handler = receiver.server.RequestHandlerClass

    class Closing(handler):
        def answer(self, status, headers=None):
            super().answer(status, headers)
            self.close_connection = True

    receiver.server.RequestHandlerClass = Closing
    bodies = [body_of(number, f"room{number % 5}") for number in range(60)]
    said = run("replay", capture(bodies), "--to", receiver.url, "--attempts", "1", "--concurrency", "4", "--json")
    assert said.code == 0 and (said.json["delivered"], said.json["retries"]) == (60, 0), said
    assert sorted(receiver.ids()) == sorted(json.loads(body)["id"] for body in bodies)
    assert not receiver.overlaps


def test_a_proxy_of_the_environment_is_used(receivers, capture):
    proxy = receivers()
    bodies = [body_of(number) for number in range(3)]
    said = run("replay", capture(bodies), "--to", "http://behind.invalid/hook", "--json", env={"http_proxy": proxy.url.removesuffix("/hook")})
    assert said.code == 0, said
    assert [(path, body) for _, path, _, body in proxy.came] == [("http://behind.invalid/hook", body) for body in bodies]
    genuine(proxy.came[0][2], bodies[0])


def test_secrets_do_not_show(receivers, capture):
    receiver = receivers(lambda body, count: 400)
    said = run("replay", capture([body_of(1)]), "--to", receiver.url + "?token=hush", "-v", "--trace", "--json")
    assert "hush" not in said.out + said.err and SECRET not in said.out + said.err, said
    assert receiver.came[0][2] not in said.out + said.err and receiver.came[0][1] == "/hook?token=hush"


def test_where_to_is_asked_for(capture, tmp_path):
    path = capture([body_of(1)])
    assert run("replay", path).code == 2
    assert run("replay", path, "--to", "ftp://x/").code == 2
    assert run("replay", tmp_path / "nowhere", "--to", "http://127.0.0.1:1/").code == 2
    assert run("replay", tmp_path, "--to", "http://127.0.0.1:1/").code == 2
    keyless = parts.voicectl("webhook", "replay", path, "--to", "http://127.0.0.1:1/")
    assert keyless.code == 2 and "LIVEKIT_API_KEY" in keyless.err, keyless
