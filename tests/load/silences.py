"""What a pause of the sender does to what comes after it: a caller hears another through LiveKit's core. scripts/bench silences.

Nothing is sent while a track is silent, and RTP's time stands still with it. A receiver's jitter buffer (NetEq) compares the times of
packets over the last two seconds: after a shorter pause all that follows looks late, and is held back for as long."""
import pathlib
import tempfile
import time

import parts
from load import agent, load


def delays(server, clip, gap, rounds):
    """Milliseconds from the first sample sent to the first one heard, phrase by phrase, with `gap` seconds between them."""
    room, out = f"silence-{gap}", []
    with load.Callers(server) as callers:
        for name in ("speaker", "listener"):
            callers.join(name, room)
        callers.wait("speaker", "heard")
        for _ in range(rounds):
            began = time.monotonic()
            callers.play("speaker", clip)
            sent = callers.wait("speaker", "playing", after=began)["at"]
            heard = callers.wait("listener", "speech", after=sent, timeout=8)["at"]
            out.append((heard - sent) * 1000)
            callers.wait("listener", "silence", after=heard)
            time.sleep(max(0, callers.wait("speaker", "played", after=sent)["at"] + gap - time.monotonic()))
    load.end_room(server, room)
    return out


def main():
    server = parts.Server()
    try:
        with tempfile.TemporaryDirectory(prefix="voicectl-silences-") as folder:
            clip = agent.hum(pathlib.Path(folder, "hum.wav"), 3.0)
            print("| pause, s | sent to heard, ms, phrase by phrase |\n|---|---|")
            for gap in (1.0, 1.7, 2.5, 5.0):
                print(f"| {gap} | {', '.join(f'{one:.0f}' for one in delays(server, clip, gap, 5))} |", flush=True)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
