"""Is the beginning of a greeting heard? The greeting begins with a chirp of 50 ms, which is looked for in what each caller
received: scripts/greetings, and tests."""
import argparse
import json
import pathlib
import shutil
import sys
import tempfile
import threading
import time

import numpy
import parts
from load import agent as ours
from load import load

ENOUGH = 0.8
PIECES = ((0, 20), (15, 35), (30, 50))  # milliseconds of the chirp
SEARCHED_MS = 60                         # a jitter buffer under load stretches: that is heard, if not pretty


def score(heard, rate):
    """How like each piece of the chirp the best place for it in what was heard is (0…1), and where the chirp is, in seconds. Over the
    codec it is 0.97 and more; a first piece whose first 10 ms are missing comes to 0.7."""
    whole = load.chirp(rate=rate)
    padding = numpy.zeros(rate // 5)
    padded = numpy.concatenate([padding, heard, padding])
    _, at = load.find(whole, padded)
    scores = []
    for first, last in PIECES:
        begin, end = at + (first - SEARCHED_MS) * rate // 1000, at + (last + SEARCHED_MS) * rate // 1000
        scores.append(load.find(whole[first * rate // 1000:last * rate // 1000], padded[max(0, begin):end])[0])
    return scores, (at - len(padding)) / rate


def listen(server, callers, name, agent, folder):
    """One call: the score of its greeting's chirp."""
    room, record = "greeting-" + name, pathlib.Path(folder, name + ".wav")
    callers.join(name, room, record=record)
    sent = load.dispatch(server, room, agent)
    began = callers.wait(name, "speech", after=sent, timeout=20)["at"]
    callers.wait(name, "silence", after=began, timeout=20)
    callers.leave(name)
    load.end_room(server, room)
    pieces, at = score(*load.read_clip(record))
    return {"call": name, "pieces": pieces, "score": min(pieces), "at": at, "first_audio_ms": (began - sent) * 1000}


def main():
    parser = argparse.ArgumentParser(prog="scripts/greetings")
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for recordings in which the chirp was not heard whole")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    results, failed, numbers, lock = [], [], iter(range(options.calls)), threading.Lock()
    with tempfile.TemporaryDirectory(prefix="voicectl-greetings-") as folder:
        server = parts.Server()
        agent = parts.Agent(server, ours.yaml("greeter", ours.Clips(folder)), folder)
        try:
            with load.Callers(server) as callers:
                def work():
                    while True:
                        with lock:
                            number = next(numbers, None)
                        if number is None:
                            return
                        try:
                            results.append(listen(server, callers, f"c{number}", "greeter", folder))
                            if options.keep and results[-1]["score"] < ENOUGH:
                                shutil.copy(pathlib.Path(folder, f"c{number}.wav"), options.keep)
                        except AssertionError as error:
                            failed.append(f"c{number}: {error}")

                threads = [threading.Thread(target=work) for _ in range(options.at_once)]
                began = time.monotonic()
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
        finally:
            agent.stop()
            server.stop()
    scores = sorted(one["score"] for one in results)
    whole = sum(one >= ENOUGH for one in scores)
    times = [one["first_audio_ms"] for one in results]
    print(f"{options.calls} calls in {time.monotonic() - began:.0f} s, {options.at_once} at once: the first 50 ms heard in {whole}; chirp found at {scores[0]:.3f} at worst, "
          f"{load.percentile(scores, 0.5):.3f} in the middle; dispatch to first audio p50 {load.percentile(times, 0.5):.0f} ms, p95 {load.percentile(times, 0.95):.0f} ms")
    for one in failed + [f"{one['call']}: {one['pieces']}" for one in results if one["score"] < ENOUGH]:
        print(one)
    if options.json:
        options.json.write_text(json.dumps({"calls": options.calls, "whole": whole, "failed": failed, "results": results}, indent=1) + "\n")
    return 0 if whole == options.calls else 1


if __name__ == "__main__":
    sys.exit(main())
