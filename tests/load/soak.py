"""Many calls for a long time, server and callers on the same machine: gaps in what agents say, memory, descriptors, threads, and what
happens to calls for which there is no room. scripts/soak."""
import argparse
import json
import pathlib
import sys
import tempfile
import threading
import time

import parts
from load import agent as ours
from load import load

ANSWER_SECONDS = 3.5
ENOUGH_REFUSED = 3  # one after the other
CYCLE = 10.0  # seconds: one answer each, which is 35 % of talk


class Soak:
    def __init__(self, server, agent, callers, clips, options):
        self.server, self.agent, self.callers, self.clips, self.options = server, agent, callers, clips, options
        self.lock = threading.Lock()
        self.latencies, self.gaps, self.stalls, self.trouble = [], [], [], []
        self.unanswered = self.lost = 0
        self.spoken = 0.0
        self.short_done = self.short_refused = 0
        self.first_audio = []
        self.until = float("inf")

    def join(self, name):
        """When the greeting was over; None: refused."""
        room = "soak-" + name
        self.callers.join(name, room)
        sent = load.dispatch(self.server, room, "soak")
        speech = self.callers.wait(name, "speech", after=sent, timeout=8, needed=False)
        if speech is None:
            return None
        with self.lock:
            self.first_audio.append((speech["at"] - sent) * 1000)
        return self.callers.wait(name, "silence", after=speech["at"])["at"]

    def leave(self, name):
        gone = self.callers.leave(name)
        load.end_room(self.server, "soak-" + name)
        with self.lock:
            self.lost += gone["lost"]

    def talk(self, name):
        try:
            while time.monotonic() < self.until:
                began = time.monotonic()
                self.callers.play(name, self.clips.question)
                said = self.callers.wait(name, "played", after=began)["at"]
                heard = self.callers.wait(name, "speech", after=said, timeout=8, needed=False)
                if heard is None:
                    with self.lock:
                        self.unanswered += 1
                    continue
                over = self.callers.wait(name, "silence", after=heard["at"])
                with self.lock:
                    self.latencies.append((heard["at"] - said) * 1000)
                    self.gaps.append(max(over["gapsMs"], default=0))
                    self.stalls.append(over["stallMs"])
                    self.spoken += over["at"] - heard["at"]
                time.sleep(max(0, began + CYCLE - time.monotonic()))
        except AssertionError as error:
            with self.lock:
                self.trouble.append(str(error)[:300])

    def short(self, numbers):
        while True:
            with self.lock:
                number = next(numbers, None)
            if number is None:
                return
            name = f"short{number}"
            try:
                over = self.join(name)
                self.leave(name)
                if over is None:
                    time.sleep(2)  # who was refused does not call again at once
                with self.lock:
                    self.short_done += over is not None
                    self.short_refused += over is None
            except AssertionError as error:
                with self.lock:
                    self.trouble.append(str(error)[:300])


def refusals(agent):
    out = {}
    for event in ours.events(agent, "job_refused"):
        out[event["detail"]] = out.get(event["detail"], 0) + 1
    return out


def sampled(tree, samples, stopped, began):
    while not stopped.wait(5):
        samples.append((time.monotonic() - began, tree.look(), tree.cpu_seconds(), load.machine_busy()))


def run(server, agent, folder_clips, options):
    tree, samples, stopped = load.Tree(agent.process.pid), [], threading.Event()
    with load.Callers(server) as callers:
        soak = Soak(server, agent, callers, folder_clips, options)
        names, threads, refused = [], [], 0
        for number in range(options.calls):  # each talks from its beginning: who only listened would leave room for more than can talk
            if soak.join(f"c{number}") is not None:
                names.append(f"c{number}")
                threads.append(threading.Thread(target=soak.talk, args=(names[-1],)))
                threads[-1].start()
                refused = 0
            else:
                soak.leave(f"c{number}")
                refused += 1
            if refused == ENOUGH_REFUSED:  # the machine is full: those who come now are the short ones
                break
        began = time.monotonic()
        soak.until = began + options.minutes * 60
        numbers = iter(range(options.short))
        short = [threading.Thread(target=soak.short, args=(numbers,)) for _ in range(options.at_once if options.short else 0)]
        watcher = threading.Thread(target=sampled, args=(tree, samples, stopped, began))
        watcher.start()
        for thread in short:
            thread.start()
        for thread in threads + short:
            thread.join()
        stopped.set()
        watcher.join()
        for name in names:
            soak.leave(name)
    return summary(soak, names, samples, options) | {"refused": refusals(agent)}


def summary(soak, names, samples, options):
    settled = samples[len(samples) // 5:] or samples  # what warms up is no leak
    first, last = settled[0], settled[-1]
    seconds = max(1e-9, last[0] - first[0])
    busy = 1 - (last[3][1] - first[3][1]) / max(1, last[3][0] - first[3][0])
    return {
        "calls": options.calls, "joined": len(names), "minutes": options.minutes, "short": options.short, "short_done": soak.short_done, "short_refused": soak.short_refused,
        "answers": len(soak.latencies), "unanswered": soak.unanswered, "trouble": soak.trouble,
        "answer_p50_ms": load.percentile(soak.latencies, 0.5), "answer_p95_ms": load.percentile(soak.latencies, 0.95),
        "first_audio_p95_ms": load.percentile(soak.first_audio, 0.95),
        "gap_p999_ms": load.percentile(soak.gaps, 0.999), "gaps_over_60_ms": sum(gap > 60 for gap in soak.gaps), "stall_worst_ms": max(soak.stalls, default=0),
        "packets_lost": soak.lost, "spoken_s": soak.spoken,
        "cpu_per_call": (last[2] - first[2]) / seconds / max(1, len(names)), "machine": busy,
        "pss_mb": [first[1]["pss"], last[1]["pss"]], "pss_slope_mb_per_min": load.slope([(at / 60, look["pss"]) for at, look, _, _ in settled]),
        "private_slope_mb_per_min": load.slope([(at / 60, look["private"]) for at, look, _, _ in settled]),
        "descriptors": [first[1]["descriptors"], last[1]["descriptors"]], "threads": [first[1]["threads"], last[1]["threads"]],
        "processes": [first[1]["processes"], last[1]["processes"]],
        "samples": [{"s": round(at), **{key: round(value, 1) for key, value in look.items()}} for at, look, _, _ in samples],
    }


def show(result):
    rows = [("long calls: joined, of asked for", f"{result['joined']} of {result['calls']}, {result['minutes']:g} min", ""),
            ("short calls: greeted, of asked for", f"{result['short_done']} of {result['short']}", ""),
            ("refused, by reason", json.dumps(result["refused"]), "never silent"),
            ("answers (unanswered)", f"{result['answers']} ({result['unanswered']})", "none unanswered"),
            ("answer at the caller, p50 / p95, ms", f"{result['answer_p50_ms']:.0f} / {result['answer_p95_ms']:.0f}", ""),
            ("dispatch to first audio, p95, ms", f"{result['first_audio_p95_ms']:.0f}", ""),
            ("longest gap in an answer, p99.9, ms", f"{result['gap_p999_ms']:.0f}", "≤ 60"),
            ("answers with a gap over 60 ms", f"{result['gaps_over_60_ms']}", "0"),
            ("packets lost on the way to the callers; seconds spoken", f"{result['packets_lost']}; {result['spoken_s']:.0f}", ""),
            ("longest that callers waited for a frame, ms", f"{result['stall_worst_ms']:.0f}", "theirs"),
            ("agent: CPU per long call, % of a core", f"{result['cpu_per_call'] * 100:.1f}", ""),
            ("machine, % busy", f"{result['machine'] * 100:.0f}", ""),
            ("memory (PSS), first and last, MB", "{:.0f}, {:.0f}".format(*result["pss_mb"]), ""),
            ("memory slope, MB per minute (PSS; private)", f"{result['pss_slope_mb_per_min']:.2f}; {result['private_slope_mb_per_min']:.2f}", "≤ 0.1"),
            ("descriptors; threads; processes, first and last", "; ".join("{}, {}".format(*result[key]) for key in ("descriptors", "threads", "processes")), "flat")]
    print("| | seen | wanted |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    for one in result["trouble"][:10]:
        print(one)


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak")
    parser.add_argument("--calls", type=int, default=10, help="that talk all the time")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--short", type=int, default=100, help="calls that hear the greeting and hang up, beside them")
    parser.add_argument("--at-once", type=int, default=2, help="of the short ones")
    parser.add_argument("--load-threshold", default="0.9")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="voicectl-soak-") as folder:
        server = parts.Server()
        clips = ours.Clips(folder, ANSWER_SECONDS)
        agent = parts.Agent(server, ours.yaml("soak", clips, "limits: {max_duration: 24h}\n"), folder, "--load-threshold", options.load_threshold)
        try:
            result = run(server, agent, clips, options)
        finally:
            agent.stop()
            server.stop()
    show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if result["trouble"] or result["unanswered"] else 0


if __name__ == "__main__":
    sys.exit(main())
