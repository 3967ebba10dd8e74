"""`voicectl egress check` on files made by others, and `check-storage` against a real S3 storage."""
import array
import http.server
import json
import math
import random
import struct
import threading
import wave

import parts
import pytest


def tone(seconds, hertz, rate=16000, level=0.3):
    return [int(level * 32767 * math.sin(2 * math.pi * hertz * i / rate)) for i in range(int(seconds * rate))]


def silence(seconds, rate=16000):
    return [0] * int(seconds * rate)


def write_wav(path, *channels, rate=16000):
    frames = array.array("h", [sample for frame in zip(*channels) for sample in frame])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames.tobytes())
    return path


def check(*words, **more):
    return parts.voicectl("egress", "check", *words, **more)


@pytest.fixture
def call(tmp_path):
    """Two sides that take turns: 2 s left, 3 s nobody, 2 s right."""
    return write_wav(tmp_path / "call.wav", tone(2, 440) + silence(5), silence(5) + tone(2, 700))


def test_a_good_recording_holds_all_demands(call):
    result = check(call, "--min-duration", "7s", "--max-silence", "3100ms", "--channels", "2", "--channels-differ", "--peak", "-1", "--json")
    assert result.code == 0, result
    assert result.json["schemaVersion"] == 1 and result.json["ok"] is True
    file = result.json["files"][0]
    assert file["durationMs"] == 7000 and file["codec"] == "pcm_s16" and file["channelsDiffer"] is True
    assert abs(file["silence"]["longestMs"] - 3000) <= 40 and abs(file["silence"]["longestAtMs"] - 2000) <= 40
    assert abs(file["peakDbfs"] + 10.5) < 0.2 and [one["demand"] for one in file["demands"]] == ["minDuration", "maxSilence", "channels", "channelsDiffer", "peak"]


def test_each_demand_that_fails_is_named_with_exit_3(call):
    result = check(call, "--min-duration", "8s", "--max-silence", "1s", "--channels", "1", "--peak", "-20", "--min-voice", "0.99")
    assert result.code == 3, result
    for words in ("less than 8.0 s", "more than 1.0 s", "2 channels, not 1", "above -20.0 dBFS", "less than 99 %"):
        assert words in result.err, result
    assert "left" in result.out and "right" in result.out and "█" not in result.err


def test_one_sound_on_both_sides_and_a_dead_side_are_no_two_sides(tmp_path):
    noise = [random.Random(1).randint(-9000, 9000) for _ in range(32000)]
    same = check(write_wav(tmp_path / "same.wav", noise, noise), "--channels-differ")
    assert same.code == 3 and "same sound" in same.err, same
    dead = check(write_wav(tmp_path / "dead.wav", noise, silence(2)), "--channels-differ")
    assert dead.code == 3 and "right channel is silent" in dead.err, dead


def test_what_is_no_recording_is_told_in_a_line(tmp_path, call):
    def outcome(name, content):
        (tmp_path / name).write_bytes(content)
        result = check(tmp_path / name)
        assert result.out == "" and len(result.err.strip().splitlines()) <= 2, result
        return result.code, result.err

    assert outcome("empty.ogg", b"")[0] == 2 and "empty" in outcome("empty.ogg", b"")[1]
    assert outcome("text.ogg", b"this is text and nothing else\n" * 10)[0] == 2
    assert "it is an MP4" in outcome("film.mp4", b"\0\0\0\x20ftypisom\0\0\2\0isomiso2" + b"\0" * 100)[1]
    cut = tmp_path / "cut.wav"
    cut.write_bytes(call.read_bytes()[:100_000])
    assert check(cut).code == 3 and "cut off" in check(cut).err
    assert check(tmp_path / "absent.ogg").code == 5
    many = check(call, tmp_path / "absent.ogg", "--json")
    assert many.code == 5 and [one["ok"] for one in many.json["files"]] == [True, False]


def test_several_files_are_a_row_a_line_or_a_name_each(tmp_path, call):
    (tmp_path / "bad.ogg").write_bytes(b"this is text and nothing else\n" * 10)
    rows = check(call, tmp_path / "bad.ogg", "-o", "tsv")
    assert rows.code == 2 and [line.split("\t")[1] for line in rows.out.splitlines()] == ["true", "false"], rows
    assert rows.out.splitlines()[0].split("\t")[2] == "7000", rows
    lines = check(call, tmp_path / "bad.ogg", "-o", "jsonl").out.splitlines()
    assert [json.loads(line)["ok"] for line in lines] == [True, False] and json.loads(lines[0]).keys() == json.loads(lines[1]).keys()
    assert check(call, call, "-o", "name").out.splitlines() == [str(call), str(call)]


def test_no_decoder_talks_into_our_errors(tmp_path):
    write_wav(tmp_path / "a.wav", tone(1, 440))
    (tmp_path / "tiny.mp3").write_bytes(b"\xff\xfb\x90\0" + b"x" * 26)
    result = check(tmp_path / "tiny.mp3", "--json")
    assert result.code == 2 and "is not readable as audio" in json.loads(result.err)["error"]["message"] and "pipe" not in result.err, result


def test_samples_that_are_no_numbers_fail(tmp_path):
    samples = struct.pack("<4f", math.nan, math.inf, -math.inf, 0.25)
    header = b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, 8000, 32000, 4, 32)
    (tmp_path / "nan.wav").write_bytes(header + b"data" + struct.pack("<I", len(samples)) + samples)
    result = check(tmp_path / "nan.wav")
    assert result.code == 3 and "3 of its samples are no finite numbers" in result.err, result


def test_silence_is_said_once_and_one_channel_is_one(tmp_path):
    result = check(write_wav(tmp_path / "a.wav", silence(1)), "--channels", "2")
    assert result.code == 3 and "1 channel, not 2" in result.err and "without silence" not in result.out, result


# ---- storage ----

def check_storage(storage, *words, **changed):
    env = {**storage.environment(), **{f"RECORDING_S3_{name.upper()}": value for name, value in changed.items()}}
    return parts.voicectl("egress", "check-storage", *words, env=env)


def test_good_storage_is_written_read_and_left_as_it_was(storage):
    before = storage.objects()
    result = check_storage(storage, "--prefix", "calls/2026", "--json")
    assert result.code == 0, result
    assert [(one["step"], one["ok"]) for one in result.json["steps"]] == [("write", True), ("read", True), ("delete", True)]
    assert result.json["place"].startswith("recordings/calls/2026/voicectl-check-") and result.json["leftBehind"] is False
    assert storage.objects() == before


def test_plain_names_in_the_environment_do_too(storage):
    env = {name.removeprefix("RECORDING_"): value for name, value in storage.environment().items()}
    env["S3_SECRET"] = env.pop("S3_SECRET_KEY")
    assert parts.voicectl("egress", "check-storage", env=env).code == 0


@pytest.mark.parametrize("changed,code,words", [
    ({"secret_key": "not-the-secret-not-the-secret"}, 4, "secret key is not the one of this access key"),
    ({"access_key": "AKNOBODYKNOWSME"}, 4, "does not know this access key"),
    ({"bucket": "absent"}, 5, "no such bucket"),
    ({"region": "us-west-2"}, 3, "region"),
])
def test_each_mistake_has_its_cause_and_what_to_do(storage, changed, code, words):
    before = storage.objects()
    result = check_storage(storage, **changed)
    assert result.code == code and words in result.err and "hint:" in result.err, result
    assert storage.secret_key not in result.out + result.err and "not-the-secret" not in result.out + result.err
    assert storage.objects() == before


def test_nobody_there_is_exit_7(storage):
    result = check_storage(storage, endpoint=f"http://127.0.0.1:{parts.free_port()}")
    assert result.code == 7 and "connection refused" in result.err, result


class KeepsEverything(http.server.BaseHTTPRequestHandler):
    """A storage whose policy lets nobody delete; a real one cannot be made so with one key."""
    stored = {}

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        self.stored[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200)

    def do_GET(self):
        self.answer(200, self.stored[self.path])

    def do_DELETE(self):
        self.answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")

    def log_message(self, *_):
        pass


def test_what_could_not_be_deleted_is_said_to_be_left_behind(storage):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), KeepsEverything) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        result = check_storage(storage, "--json", endpoint=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert result.code == 4 and result.json["leftBehind"] is True, result
    assert "s3:DeleteObject" in result.err and "may have been left behind" in result.err and result.json["place"] in result.err


def test_a_folder_is_left_as_it_was_and_an_absent_one_is_said(tmp_path):
    good = parts.voicectl("egress", "check-storage", "--storage", "local", "--path", tmp_path)
    assert good.code == 0 and list(tmp_path.iterdir()) == [], good
    assert parts.voicectl("egress", "check-storage", "--storage", "local", "--path", tmp_path / "absent").code == 5
