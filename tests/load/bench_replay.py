"""`webhook replay` beside a plain net/http loop in Go: the same capture to the same receiver, on 16 connections, in turn.

    ./scripts/bench replay [DELIVERIES] [ROUNDS]
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/interop")]
import parts  # noqa: E402
import test_webhooks  # noqa: E402

KEY, SECRET = "APIbench", "a-secret-for-a-bench-of-some-forty-characters"
CONNECTIONS = 16


def write_capture(path, count):
    """Bodies as large as LiveKit's, of a hundred rooms."""
    sample = json.loads(parts.voicectl("webhook", "trigger", "participant_joined", "--get", "/body", env={"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}).out)
    with open(path, "w") as file:
        for number in range(count):
            sample["room"]["name"], sample["id"] = f"room{number % 100}", f"EV_{number:012}"
            file.write(json.dumps({"receivedAt": "2026-01-01T00:00:00.000Z", "id": sample["id"], "event": sample["event"], "room": sample["room"]["name"], "headers": {}, "body": json.dumps(sample, separators=(",", ":"))}) + "\n")


def go_rate(program, url, capture):
    out = subprocess.run([program, "bench", url, capture, str(CONNECTIONS), KEY], env={**os.environ, "SECRET": SECRET}, capture_output=True, text=True, check=True)
    told = json.loads(out.stdout)
    assert told["failed"] == 0, told
    return told["perSecond"]


def our_rate(url, capture):
    said = parts.voicectl("webhook", "replay", capture, "--to", url, "--concurrency", CONNECTIONS, "--json", env={"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}, timeout=600)
    assert said.code == 0, said
    return said.json["perSecond"]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    program = os.environ.get("WEBHOOK_GO") or test_webhooks.build_go(pathlib.Path(tempfile.mkdtemp(prefix="voicectl-bench-")))
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, "capture.jsonl")
        write_capture(capture, count)
        sink = subprocess.Popen([program, "sink"], stdout=subprocess.PIPE, text=True)
        try:
            url = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
            rates = [(our_rate(url, capture), go_rate(program, url, capture)) for _ in range(rounds)]
        finally:
            sink.kill()
            sink.wait()
    for ours, go in rates:
        print(f"voicectl {ours:8.0f}/s   Go net/http {go:8.0f}/s   {ours / go:.2f}")
    print(f"median of ratios: {statistics.median(ours / go for ours, go in rates):.2f}")


main()
