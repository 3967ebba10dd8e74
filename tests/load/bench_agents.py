"""The same conversation on livekit-agents and on voicectl, in one run, judged by the same callers: scripts/bench agents."""
import argparse
import json
import os
import pathlib
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import parts
from load import load

QUESTION = "what are your opening hours"
GREETING = "Hello this is the garden restaurant how can I help you."
ANSWER = "We are open from nine in the morning until ten in the evening."
LONG = ("We are open from nine in the morning until ten in the evening and on Sundays we open at noon and close at six "
        "and when the weather is fine you can sit in the garden behind the house where the children like to play.")
STAGES = ("endOfTurnMs", "sttMs", "llmMs", "ttsMs", "outputMs")
AEC_WARMUP = 3.0  # livekit-agents hears no interruption for so long


class Clips:
    def __init__(self, folder):
        self.question = load.speak(folder / "question.wav", QUESTION)
        self.prompts = {text: str(load.speak(folder / f"{name}.wav", text)) for name, text in (("greeting", GREETING), ("answer", ANSWER), ("long", LONG))}


class Ours:
    name = "voicectl"

    def __init__(self, clips, model, folder):
        self.agent, self.folder = "ours", folder
        prompts = "".join(f"    - {{text: {json.dumps(text)}, file: {json.dumps(file)}}}\n" for text, file in clips.prompts.items())
        (folder / "ours.yaml").write_text(
            f"name: ours\ngreeting: {GREETING}\nstt: {{provider: script, lines: [{json.dumps(QUESTION)}]}}\n"
            f"llm: {{provider: openai, model: fake, base_url: {model.url}/v1}}\n"
            f"tts:\n  provider: recorded\n  prompts:\n{prompts}turn: {{end_of_turn: 500ms}}\ncaller_return: 0s\n")

    def command(self):
        return [parts.voicectl_path(), "agent", "run", str(self.folder / "ours.yaml"), "--store", str(self.folder / "ours.db"), "--load-threshold", "1"], {}

    def claimed_ms(self, rooms):
        """Of every answer in rooms whose names begin so: how long it took the agent by its own account, as the sum of its stages."""
        rows = sqlite3.connect(self.folder / "ours.db").execute(
            "SELECT t.detail_json FROM turns t JOIN calls c ON c.id = t.call_id WHERE c.room LIKE ? || '%'", (rooms,)).fetchall()
        details = [json.loads(row[0]) for row in rows if row[0]]
        return [sum(detail.get(stage, 0) for stage in STAGES) for detail in details if "answerLatencyMs" in detail]


class Peer:
    name = "livekit-agents"

    def __init__(self, clips, model, python):
        self.agent, self.python = "peer", python
        self.settings = {"name": "peer", "greeting": GREETING, "question": QUESTION, "model": model.url + "/v1", "prompts": clips.prompts,
                         "port": parts.free_port()}

    def command(self):
        return [self.python, str(load.HERE / "peer_agent.py"), "start"], {"PEER_SETTINGS": json.dumps(self.settings), "PYTHONWARNINGS": "ignore"}

    def claimed_ms(self, rooms):
        return []


class Worker:
    """A registered agent; how long that took, as the server's log has it for both alike."""

    def __init__(self, system, server, folder):
        command, environment = system.command()
        before = load.registrations(server)
        began = time.monotonic()
        with open(folder / f"{system.name}.log", "ab") as log:
            self.process = subprocess.Popen(command, env=parts.clean_environment(server.environment() | environment), stdout=log, stderr=log,
                                            start_new_session=True)
        while load.registrations(server) == before:
            assert self.process.poll() is None and time.monotonic() < began + 60, (folder / f"{system.name}.log").read_text()[-3000:]
            time.sleep(0.002)
        self.start_ms = (time.monotonic() - began) * 1000
        self.tree = load.Tree(self.process.pid)

    def stop(self):
        pids = self.tree.pids()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


class Call:
    """One caller with its agent."""

    def __init__(self, callers, server, agent, name):
        self.callers, self.name, self.room = callers, name, "bench-" + name
        callers.join(name, self.room)
        sent = load.dispatch(server, self.room, agent)
        self.first_audio_ms = (callers.wait(name, "speech", after=sent, timeout=30)["at"] - sent) * 1000
        self.latencies, self.unanswered, self.sent = [], 0, sent

    def greeted(self):
        self.callers.wait(self.name, "silence", after=self.sent, timeout=30)

    def ask(self, clip):
        """Seconds from the last sound sent to the first one heard; None: nothing came."""
        began = time.monotonic()
        self.callers.play(self.name, clip)
        said = self.callers.wait(self.name, "played", after=began)["at"]
        heard = self.callers.wait(self.name, "speech", after=said, timeout=8, needed=False)
        return heard and (said, heard["at"])

    def talk(self, clip, until):
        while time.monotonic() < until:
            times = self.ask(clip)
            if not times:
                self.unanswered += 1
                continue
            self.latencies.append((times[1] - times[0]) * 1000)
            self.callers.wait(self.name, "silence", after=times[1], timeout=20, needed=False)

    def interrupt(self, clip):
        """Milliseconds from our first sound to its last; None: it did not stop for us."""
        times = self.ask(clip)
        if not times:
            return None
        time.sleep(max(0, times[1] + AEC_WARMUP + 0.6 - time.monotonic()))
        began = time.monotonic()
        self.callers.play(self.name, clip)
        onset = self.callers.wait(self.name, "playing", after=began)["at"]
        silent = self.callers.wait(self.name, "silence", after=onset, timeout=20)["at"]
        heard = self.callers.wait(self.name, "speech", after=silent, timeout=8, needed=False)
        if heard:
            self.callers.wait(self.name, "silence", after=heard["at"], timeout=20)
        return (silent - onset) * 1000 if silent - onset < 2.5 else None


def one_way_ms(server, callers, clip, room, rounds=5):
    """From the first sample that one participant plays to the first that another hears, under what load there is now;
    None: the machine was too full for two more participants."""
    names = room + "-from", room + "-to"
    out = []
    try:
        for name in names:
            callers.join(name, room)
        callers.wait(names[0], "heard")
        for _ in range(rounds):
            began = time.monotonic()
            callers.play(names[0], clip)
            sent = callers.wait(names[0], "playing", after=began)["at"]
            heard = callers.wait(names[1], "speech", after=sent, timeout=8)["at"]
            out.append((heard - sent) * 1000)
            callers.wait(names[1], "silence", after=heard)
        for name in names:
            callers.leave(name)
    except AssertionError as error:
        print(f"{room}: no time of the way: {error}", file=sys.stderr)
    load.end_room(server, room)
    return statistics.median(out) if out else None


def at_once(server, system, worker, clips, count, seconds, idle):
    result = {"calls": count}
    with load.Callers(server) as callers:
        calls = []
        try:
            for number in range(count):  # one after the other: bursts have a script of their own
                calls.append(Call(callers, server, system.agent, f"{system.agent}{count}-{number}"))
        except AssertionError as error:
            result["failed"] = f"call {len(calls) + 1}: {str(error)[:200]}"
        for call in calls:
            call.greeted()
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=call.talk, args=(clips.question, until)) for call in calls]
        busy = load.machine_busy()
        began, used = time.monotonic(), worker.tree.cpu_seconds()
        for thread in threads:
            thread.start()
        way = one_way_ms(server, callers, clips.question, f"way-{system.agent}{count}")
        time.sleep(max(0, until - time.monotonic()))
        cpu = (worker.tree.cpu_seconds() - used) / (time.monotonic() - began)
        now_busy = load.machine_busy()
        memory = worker.tree.look()
        for thread in threads:
            thread.join()
        latencies = [one for call in calls for one in call.latencies]
        result |= {"joined": len(calls), "cpu": cpu, "cpu_per_call": cpu / max(1, len(calls)), "pss": memory["pss"], "private": memory["private"],
                   "private_per_call": (memory["private"] - idle["private"]) / max(1, len(calls)),
                   "machine": 1 - (now_busy[1] - busy[1]) / max(1, now_busy[0] - busy[0]),
                   "answers": len(latencies), "unanswered": sum(call.unanswered for call in calls),
                   "latency_ms": statistics.median(latencies) if latencies else None, "latency_p95_ms": load.percentile(latencies, 0.95) if latencies else None,
                   "one_way_ms": way, "claimed_ms": statistics.median(system.claimed_ms(f"bench-{system.agent}{count}-") or [0]) or None,
                   "first_audio_ms": statistics.median(call.first_audio_ms for call in calls) if calls else None}
        for call in calls:
            load.end_room(server, call.room)
    return result


def interruptions(server, system, clips, model, count):
    if count == 0:
        return {}
    model.answers(LONG)
    try:
        with load.Callers(server) as callers:
            call = Call(callers, server, system.agent, system.agent + "-barge")
            call.greeted()
            took = [call.interrupt(clips.question) for _ in range(count)]
            load.end_room(server, call.room)
    finally:
        model.answers(ANSWER)
    stopped = [one for one in took if one is not None]
    return {"tried": count, "stopped": len(stopped), "ms": statistics.median(stopped) if stopped else None, "worst_ms": max(stopped, default=None)}


def measure(system, server, clips, model, folder, options):
    out = {"system": system.name}
    starts = []
    for _ in range(options.starts):
        worker = Worker(system, server, folder)
        starts.append(worker.start_ms)
        worker.stop()
    worker = Worker(system, server, folder)
    try:
        out["start_ms"] = statistics.median([*starts, worker.start_ms])
        time.sleep(8)  # what is prepared ahead is prepared
        idle = worker.tree.look()
        out["idle"] = idle | {"cpu": worker.tree.cpu_share(10)}
        model.times_ms()
        out["loads"] = []
        for count in options.calls:
            out["loads"].append(at_once(server, system, worker, clips, count, options.seconds, idle))
            print(f"{system.name}: {out['loads'][-1]}", file=sys.stderr, flush=True)
        out["model_ms"] = statistics.median(model.times_ms() or [0])
        time.sleep(3)
        out["barge_in"] = interruptions(server, system, clips, model, options.interruptions)
    finally:
        worker.stop()
    return out


def table(results):
    """Rows of (what, ours, peer, ratio, goal)."""
    ours, peer = results.get("voicectl"), results.get("livekit-agents")
    rows = []

    def row(what, pick, goal="", form="{:.0f}"):
        values = []
        for one in (ours, peer):
            try:
                values.append(pick(one))
            except (TypeError, KeyError, IndexError):
                values.append(None)
        ratio = f"{values[0] / values[1]:.2f}" if None not in values and values[1] else ""
        rows.append([what, *("" if value is None else form.format(value) for value in values), ratio, goal])

    row("start to registered, ms", lambda r: r["start_ms"], "≤ 0.1")
    row("idle: processes", lambda r: r["idle"]["processes"])
    row("idle: memory (PSS of the tree), MB", lambda r: r["idle"]["pss"], "≤ 0.06; 25 MB each")
    row("idle: CPU, % of a core", lambda r: r["idle"]["cpu"] * 100, "≤ 0.1", "{:.2f}")
    for i, count in enumerate(entry["calls"] for entry in (ours or peer)["loads"]):
        row(f"{count} calls: CPU per call, % of a core", lambda r, i=i: r["loads"][i]["cpu_per_call"] * 100, "≤ 0.3; 3 %", "{:.1f}")
        row(f"{count} calls: private memory per call, MB", lambda r, i=i: r["loads"][i]["private_per_call"], "≤ 0.15; 5 MB", "{:.1f}")
        row(f"{count} calls: memory (PSS of the tree), MB", lambda r, i=i: r["loads"][i]["pss"])
        row(f"{count} calls: dispatch to first audio, ms", lambda r, i=i: r["loads"][i]["first_audio_ms"])
        row(f"{count} calls: answer at the caller, ms", lambda r, i=i: r["loads"][i]["latency_ms"], "≤ 0.83; 620 ms")
        row(f"{count} calls: answer at the caller, p95, ms", lambda r, i=i: r["loads"][i]["latency_p95_ms"])
        row(f"{count} calls: its stages by the agent's own account, ms", lambda r, i=i: r["loads"][i]["claimed_ms"])
        row(f"{count} calls: the way there and back, ms", lambda r, i=i: 2 * r["loads"][i]["one_way_ms"])
        row(f"{count} calls: these two less what the caller measured, ms", lambda r, i=i: r["loads"][i]["claimed_ms"] + 2 * r["loads"][i]["one_way_ms"]
            - r["loads"][i]["latency_ms"], "within 30", "{:+.0f}")
        row(f"{count} calls: answers (unanswered)", lambda r, i=i: r["loads"][i]["answers"] + r["loads"][i]["unanswered"] / 1000, "", "{:.3f}")
        row(f"{count} calls: the whole machine, % busy", lambda r, i=i: r["loads"][i]["machine"] * 100)
    row("of an answer, the model server's own, ms", lambda r: r["model_ms"], "", "{:.1f}")
    row("barge-in: our first sound to its last, ms", lambda r: r["barge_in"]["ms"], "≤ 0.5; 350 ms")
    row("barge-in: worst, ms", lambda r: r["barge_in"]["worst_ms"])
    row("barge-in: stopped, of tried", lambda r: r["barge_in"]["stopped"])
    return rows


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench agents")
    parser.add_argument("--calls", type=lambda text: [int(one) for one in text.split(",")], default=[1, 10])
    parser.add_argument("--seconds", type=float, default=30, help="of talk at each number of calls")
    parser.add_argument("--interruptions", type=int, default=6)
    parser.add_argument("--starts", type=int, default=2)
    parser.add_argument("--only", choices=["voicectl", "livekit-agents"])
    parser.add_argument("--json", type=pathlib.Path, help="where the figures go as JSON")
    options = parser.parse_args()
    python = os.environ.get("PEER_PYTHON", str(parts.ROOT / ".cache/venv-agents/bin/python"))
    results = {}
    with tempfile.TemporaryDirectory(prefix="voicectl-bench-") as name:
        folder = pathlib.Path(name)
        clips = Clips(folder)
        model = load.Model(ANSWER)
        server = parts.Server()
        try:
            print(f"# {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
            for system in (Peer(clips, model, python), Ours(clips, model, folder)):
                if options.only in (None, system.name):
                    results[system.name] = measure(system, server, clips, model, folder, options)
        finally:
            server.stop()
            model.stop()
            if options.json:
                options.json.write_text(json.dumps(results, indent=1) + "\n")
    print("\n| | voicectl | livekit-agents | ratio | goal |\n|---|---|---|---|---|")
    for row in table(results):
        print("| " + " | ".join(row) + " |")
    for name, result in results.items():
        for entry in result["loads"]:
            if "failed" in entry:
                print(f"\n{name}, {entry['calls']} calls: {entry['failed']}")


if __name__ == "__main__":
    main()
