#!/usr/bin/env python3
"""Figures for docs/benchmarks.md: start-up against curl, and calls in one agent process. Called by scripts/bench."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import parts  # noqa: E402

RUNS = 60
TICKS = os.sysconf("SC_CLK_TCK")


def once(command, environment):
    """Milliseconds of one run."""
    began = time.perf_counter()
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert child.wait() == 0, command
    return (time.perf_counter() - began) * 1000


def resident(command, environment):
    """Peak resident MB, by a parent so small that what it had before exec does not count."""
    with tempfile.NamedTemporaryFile("r") as report:
        subprocess.run(["/usr/bin/time", "-f", "%M", "-o", report.name, *command], env=environment, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
        return int(report.read().split()[-1]) / 1024


# LiveKit's own CLI, v2.18, on a quiet 2-core machine: for where it cannot be had (no registry here has it).
LK_NOTED = {"version": 41.0, "token create": 40.0, "one API call": 41.0, "MB": 68.0}


def startup():
    server = parts.Server()
    environment = parts.clean_environment(server.environment())
    ours, lk = parts.voicectl_path(), shutil.which("lk")
    commands = {
        "curl --version": ["curl", "--version"],
        "voicectl version": [ours, "version"],
        "voicectl --help": [ours, "--help"],
        "voicectl token create": [ours, "token", "create", "--role", "caller", "--room", "r", "--identity", "a"],
        "voicectl room list": [ours, "room", "list"],
        "curl, the same call": ["curl", "-s", "-X", "POST", "-H", "Content-Type: application/json", "-d", "{}", "-H",
                                "Authorization: Bearer " + parts.voicectl("token", "create", "--list", env=server.environment()).out.strip(),
                                server.url.replace("ws", "http", 1) + "/twirp/livekit.RoomService/ListRooms"],
    }
    if lk:
        commands |= {"lk --version": [lk, "--version"], "lk token create": [lk, "token", "create", "--join", "--room", "r", "--identity", "a"],
                     "lk room list": [lk, "room", "list"]}
    runs = {name: [] for name in commands}
    try:
        for run in range(RUNS + 3):  # in turn, so that the machine's mood is shared
            for name, command in commands.items():
                result = once(command, environment)
                if run >= 3:
                    runs[name].append(result)
        memory = {name: statistics.median(resident(command, environment) for _ in range(5)) for name, command in commands.items()}
    finally:
        server.stop()
    middle = {name: (statistics.median(values), memory[name]) for name, values in runs.items()}
    noted = {"voicectl version": "version", "voicectl token create": "token create", "voicectl room list": "one API call"}
    measured = {"voicectl version": "lk --version", "voicectl token create": "lk token create", "voicectl room list": "lk room list"}
    print(f"\n## Start-up\n\nMedian of {RUNS}, run in turn. " + ("`lk` from PATH, in the same run." if lk else "`lk` could not be had here; its figures are those of docs/design.md.") + "\n")
    print("| Command | ms | MB resident | of `curl --version` | of `lk`, time | of `lk`, memory |\n|---|---|---|---|---|---|")
    for name, (ms, mb) in middle.items():
        peer = None
        if name in measured:
            peer = middle[measured[name]] if lk else (LK_NOTED[noted[name]], LK_NOTED["MB"])
        ratios = f"{ms / peer[0]:.2f} | {mb / peer[1]:.2f}" if peer else " | "
        print(f"| `{name}` | {ms:.1f} | {mb:.0f} | {ms / middle['curl --version'][0]:.2f} | {ratios} |")


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid):
    out = {}
    for line in open(f"/proc/{pid}/smaps_rollup"):
        name, _, rest = line.partition(":")
        if name in ("Rss", "Pss", "Private_Dirty"):
            out[name] = int(rest.split()[0]) / 1024
    return out


def one_call(server, name, results):
    done = parts.voicectl("e2e-call", "--agent", name, "--script", ROOT / "examples/receptionist-call.yaml", "--max-latency", "30s",
                          "--json", env=server.environment(), timeout=240)
    results.append(json.loads(done.out))


def stage_times(store):
    """Where the agent says the time of each answer went."""
    import sqlite3
    rows = [json.loads(row[0]) for row in sqlite3.connect(store).execute("SELECT detail_json FROM turns") if row[0]]
    return {key: statistics.median(row[key] for row in rows if key in row) for key in ("endOfTurnMs", "sttMs", "llmMs", "ttsMs", "outputMs")}


def calls():
    server = parts.Server()
    print("\n## Calls in one process\n\nThe agent of examples/receptionist.yaml (grammar recogniser, flite). CPU is the agent process's, over the calls.\n")
    print("| Calls at once | passed | CPU, share of a core | Rss, MB | Pss, MB | private, MB | answer latency at the caller, ms: median (worst) |")
    print("|---|---|---|---|---|---|---|")
    started = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            agent = parts.Agent(server, (ROOT / "examples/receptionist.yaml").read_text(), folder, "--dev")  # calls in one process
            started.append(agent)
            time.sleep(2)
            began, used = time.monotonic(), cpu_seconds(agent.process.pid)
            time.sleep(10)
            share = (cpu_seconds(agent.process.pid) - used) / (time.monotonic() - began)
            memory = memory_mb(agent.process.pid)
            print(f"| idle | | {share:.4f} | {memory['Rss']:.0f} | {memory['Pss']:.0f} | {memory['Private_Dirty']:.0f} | |")
            single = None
            for count in (1, 5, 10):
                results, began, used = [], time.monotonic(), cpu_seconds(agent.process.pid)
                threads = [threading.Thread(target=one_call, args=(server, "receptionist", results)) for _ in range(count)]
                for thread in threads:
                    thread.start()
                peak = {}
                while any(thread.is_alive() for thread in threads):
                    now = memory_mb(agent.process.pid)
                    if now["Rss"] > peak.get("Rss", 0):
                        peak = now
                    time.sleep(0.5)
                share = (cpu_seconds(agent.process.pid) - used) / (time.monotonic() - began)
                latencies = [check["evidence"]["latencyMs"] for result in results for check in result["checks"]
                             if check["id"].startswith("latency_") and "latencyMs" in (check["evidence"] or {})]
                passed = sum(result["passed"] for result in results)
                middle = f"{statistics.median(latencies):.0f} ({max(latencies)})" if latencies else "none"
                print(f"| {count} | {passed} | {share:.2f} | {peak['Rss']:.0f} | {peak['Pss']:.0f} | {peak['Private_Dirty']:.0f} | {middle} |", flush=True)
                if count == 1:
                    single = (statistics.median(latencies), stage_times(agent.store)) if latencies else None
            agent.stop()
            if single:
                total, stages = single
                print("\n## Where the time of an answer goes\n\nOne call, medians in ms; the last row is what the agent does not see: transport and jitter buffers, both ways.\n")
                print("| Stage | ms |\n|---|---|")
                for name, value in stages.items():
                    print(f"| {name} | {value:.0f} |")
                print(f"| transport | {total - sum(stages.values()):.0f} |\n| all, at the caller's ear | {total:.0f} |")
    finally:
        for agent in started:
            agent.stop()
        server.stop()


def timed(command, environment):
    """Seconds and peak MB of one run."""
    began = time.perf_counter()
    memory = resident(command, environment)
    return time.perf_counter() - began, memory


def transcripts():
    turns, rounds = 1_000_000, 5
    ours, peer = parts.voicectl_path(), str(pathlib.Path(parts.voicectl_path()).parent / "tests/load/transcript_peer")
    environment = parts.clean_environment()
    with tempfile.TemporaryDirectory() as folder:
        store, out = folder + "/s.db", folder + "/out"
        subprocess.run([peer, "fill", store, str(turns)], check=True)
        commands = {f"voicectl, {form}": [ours, "transcript", "export", "long", "--store", store, "--format", form, "--out", out]
                    for form in ("json", "jsonl", "csv", "md", "txt", "srt", "vtt")}
        commands["one nlohmann value, dumped"] = [peer, "dump", store, out]
        runs = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                runs[name].append(timed(command, environment))
        alone = subprocess.run([peer, "spin", store, str(turns)], check=True, capture_output=True, text=True).stdout.split()
    middle = {name: (statistics.median(s for s, _ in values), max(mb for _, mb in values)) for name, values in runs.items()}
    slow = middle["one nlohmann value, dumped"][0]
    print(f"\n## Exports\n\nA million turns from SQLite to a synced file, median of {rounds}, run in turn; peak memory by `/usr/bin/time`.\n")
    print("| | s | MB resident | times as fast as one value |\n|---|---|---|---|")
    for name, (seconds, memory) in middle.items():
        print(f"| {name} | {seconds:.2f} | {memory:.0f} | {slow / seconds:.1f} |")
    print(f"\nWriting alone, without the store: {int(alone[1])} ms against {int(alone[3])} ms, {int(alone[3]) / int(alone[1]):.1f} times as fast.")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["startup", "calls"]
    print(f"# {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    for name in wanted:
        {"startup": startup, "calls": calls, "transcripts": transcripts}[name]()
