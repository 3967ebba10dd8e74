"""Rooms that are recorded at once: `egress serve` beside a livekit-server, Redis and everybody who speaks, on one machine (docs/soak.md):
./scripts/soak rooms [--rooms 20] [--minutes 2] [--speakers 2] [--json FILE].

Each speaker's microphone is one tone without end, so that whatever is missing of it shows. Prints what the worker takes for each room. Exit 1 when a
recording is not complete, not as long as was asked for, lacks a tone for 10 ms anywhere, or the worker lost a sample.
"""
import argparse
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import numpy
import parts
import sound
from load import load

RATE = 48000
WINDOW = RATE // 100  # in which all tones have whole periods
TONES = (400, 1000, 1700, 2300)
LEVEL, CLIP_SECONDS, AHEAD_SECONDS = 4000, 10, 4
EDGE = 100  # windows at both ends: a speaker is heard from the subscription on, and the others as they come
SLACK_SECONDS = 0.05
BEGIN_SECONDS = 30


class Worker:
    def __init__(self, folder, server, redis):
        self.files, ready = folder / "files", folder / "ready"
        self.files.mkdir()
        self.log = open(folder / "worker.log", "wb")
        self.process = subprocess.Popen([parts.voicectl_path(), "egress", "serve", "--redis", f"127.0.0.1:{redis.port}", "--folder", folder / "state", "--files", self.files,
                                         "--max-jobs", "1000", "--max-cpu", "100", "--health", "0", "--ready-file", ready],
                                        env=parts.clean_environment({**server.environment(), "VOICECTL_LIVEKIT_CORE": load.core_path()}), stdout=self.log, stderr=self.log)
        parts.wait_for(ready.exists, 30, "the worker")
        self.port = json.loads(ready.read_text())["healthPort"]
        self.tree = load.Tree(self.process.pid)

    def metric(self, name):
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10).read().decode()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def clip(folder, hertz):
    count = 16000 * CLIP_SECONDS
    return load.write_clip(folder / f"{hertz}.wav", LEVEL * numpy.sin(2 * numpy.pi * hertz * numpy.arange(count) / 16000))


def dropouts(samples, hertz):
    """Where this tone is below half of its usual level, in seconds."""
    turning = numpy.exp(-2j * numpy.pi * hertz * numpy.arange(WINDOW) / RATE)
    levels = abs((samples[:len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW) * turning).mean(axis=1)) * 2
    usual = numpy.median(levels)
    if usual < LEVEL / 4:
        return [0.0]
    return [round(float(at) / 100, 2) for at in numpy.flatnonzero(levels < usual / 2) if EDGE <= at < len(levels) - EDGE]


class Rooms:
    def __init__(self, options, folder, server, worker, callers):
        self.options, self.server, self.worker, self.callers = options, server, worker, callers
        self.tones = TONES[:options.speakers]
        self.clips = {hertz: clip(folder, hertz) for hertz in self.tones}
        self.rooms = [f"room-{i}" for i in range(options.rooms)]
        self.speakers = [(f"{room}-{hertz}", room, hertz) for room in self.rooms for hertz in self.tones]

    def feed(self, seconds=0.0):
        """Everybody's microphone goes on for so long: what is queued never runs out."""
        until = time.monotonic() + seconds
        while True:
            if time.monotonic() >= self.queued - AHEAD_SECONDS:
                for name, _, hertz in self.speakers:
                    self.callers.play(name, self.clips[hertz])
                self.queued += CLIP_SECONDS
            if time.monotonic() >= until:
                return
            time.sleep(min(0.5, max(0.01, until - time.monotonic())))

    def begin(self):
        for name, room, _ in self.speakers:
            self.callers.join(name, room, deaf=True)
        self.queued = time.monotonic()
        self.feed()

    def record(self):
        """Who they are, once all are active."""
        egresses = {}
        for room in self.rooms:
            asked = {"room_name": room, "audio_only": True, "file_outputs": [{"filepath": "{room_name}.ogg"}]}
            egresses[room] = load.ask(self.server, "Egress", "StartRoomCompositeEgress", asked, room)["egress_id"]
            self.feed()
        until = time.monotonic() + BEGIN_SECONDS
        while any(one.get("status") == "EGRESS_STARTING" for one in self.listed().values()):
            assert time.monotonic() < until, "not all recordings have begun"
            self.feed(0.2)
        return egresses

    def listed(self):
        return {one["egress_id"]: one for one in load.ask(self.server, "Egress", "ListEgress", {}, self.rooms[0])["items"]}

    def finish(self, egresses):
        for room, egress in egresses.items():
            load.ask(self.server, "Egress", "StopEgress", {"egress_id": egress}, room)
            self.feed()
        until = time.monotonic() + BEGIN_SECONDS
        while any(one.get("status") in (None, "EGRESS_STARTING", "EGRESS_ACTIVE", "EGRESS_ENDING") for one in self.listed().values()) and time.monotonic() < until:
            self.feed(0.2)
        return self.listed()

    def judge(self, info, least):
        """What is wrong with one of them."""
        wrong = []
        if info.get("status") != "EGRESS_COMPLETE":
            return [f"it is {info.get('status')}: {info.get('error')}"]
        file = info["file_results"][0]
        samples = sound.Sound(file["location"]).samples[:, 0] * 32768
        told, is_long = int(file["duration"]) / 1e9, len(samples) / RATE
        if abs(told - is_long) > SLACK_SECONDS or is_long < least:
            wrong.append(f"{is_long:.3f} s long, {told:.3f} s by its record, {least:.1f} s at the least were asked for")
        for hertz in self.tones:
            if missing := dropouts(samples, hertz):
                wrong.append(f"{hertz} Hz missing for {len(missing)} windows of 10 ms: {missing[:8]}")
        return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rooms", type=int, default=20)
    parser.add_argument("--speakers", type=int, default=2, choices=range(1, len(TONES) + 1))
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--json")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="voicectl-rooms-"))
    redis = parts.Redis()
    server = parts.Server(redis=redis)
    worker = Worker(folder, server, redis)
    try:
        with load.Callers(server) as callers:
            rooms = Rooms(options, folder, server, worker, callers)
            rooms.begin()
            rooms.feed(2)
            idle, idle_cpu = worker.tree.look(), worker.tree.cpu_share(2)
            egresses = rooms.record()
            began, used, busy = time.monotonic(), worker.tree.cpu_seconds(), load.machine_busy()
            most = dict(idle)
            while time.monotonic() < began + options.minutes * 60:
                rooms.feed(min(5, max(0.01, began + options.minutes * 60 - time.monotonic())))
                most = {key: max(most[key], value) for key, value in worker.tree.look().items()}
            seconds = time.monotonic() - began
            cpu = (worker.tree.cpu_seconds() - used) / seconds
            after = load.machine_busy()
            infos = rooms.finish(egresses)
            late = worker.metric("voicectl_egress_late_samples_total")
            unsent = [one for name, _, _ in rooms.speakers for one in callers.of(name, "late") if one["at"] > began]
        trouble = {room: wrong for room, egress in egresses.items() if (wrong := rooms.judge(infos[egress], options.minutes * 60))}
    finally:
        worker.stop()
        server.stop()
        redis.stop()
    each = options.rooms
    report = {"rooms": options.rooms, "speakers": options.speakers, "seconds": round(seconds, 1), "cpu_percent_of_a_core_per_room": round(100 * (cpu - idle_cpu) / each, 2),
              "pss_mb_per_room": round((most["pss"] - idle["pss"]) / each, 2), "rss_mb_per_room": round((most["rss"] - idle["rss"]) / each, 2),
              "threads": most["threads"], "idle_rss_mb": round(idle["rss"], 1), "machine_busy_percent": round(100 - 100 * (after[1] - busy[1]) / max(1, after[0] - busy[0])),
              "late_samples": late, "rooms_with_trouble": len(trouble),
              "gaps_in_what_was_sent": len(unsent)}
    for key, value in report.items():
        print(f"{key.replace('_', ' '):34} {value}")
    for room, wrong in trouble.items():
        print(f"{room}: {'; '.join(wrong)}", file=sys.stderr)
    if unsent:
        print(f"the machine was too full for those who speak: {len(unsent)} gaps of up to {max(one['ms'] for one in unsent)} ms in what they sent, which the files have, too", file=sys.stderr)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report | {"trouble": trouble}, indent=1))
    if trouble or late:
        print(f"kept: {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
