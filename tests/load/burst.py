"""1 to 20 simultaneous dispatches on an idle host: does every one join, or is it refused with a reason? scripts/burst, and tests."""
import argparse
import datetime
import json
import pathlib
import re
import sys
import tempfile
import threading
import time

import parts
from load import agent as ours
from load import load

PATIENCE = 10  # seconds, then a dispatch is lost
REST = 3       # seconds between bursts: the load that agents tell is an average over 2.5 s, and a host is to be idle


ACTIVE = re.compile(r'^(\S+)\tINFO\t.*\tparticipant active\t\{"room": "([^"]+)".*?"participant": "(agent-AJ_[^"]+)"')


def seconds_of(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc).timestamp()


def joined(server, rooms):
    """When the agents of rooms were there (wall clock, by room), as the server's log has it: asking for it would be load."""
    out = {}
    for line in pathlib.Path(server.folder, "server.log").read_text(errors="replace").splitlines():
        found = ACTIVE.match(line)
        if found and found[2] in rooms:
            out.setdefault(found[2], seconds_of(found[1]))
    return out


def create(server, room, name):
    """The room with its agent in one request: LiveKit then asks for no agent without a name, which it does for every other room."""
    load.ask(server, "RoomService", "CreateRoom", {"name": room, "agents": [{"agent_name": name}]}, room)


def burst(server, agent, name, count, tag, start=load.dispatch):
    """{joined_ms: [...], own_ms: [...], refused: {reason: how many}, silent: [...]}; own_ms is the agent's part, from the offer of the job on."""
    rooms = [f"burst-{tag}-{number}" for number in range(count)]
    sent, gate = {}, threading.Barrier(count)

    def send(room):
        gate.wait()
        sent[room] = time.time()
        start(server, room, name)

    threads = [threading.Thread(target=send, args=(room,)) for room in rooms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end = time.monotonic() + PATIENCE
    told = {}
    while len(there := joined(server, rooms)) + len(told) < count and time.monotonic() < end:
        time.sleep(0.05)
        told = {event["room"]: event.get("detail", "") for event in ours.events(agent, "job_refused") if event["room"] in rooms}
    offered = {event["room"]: seconds_of(event["time"]) for event in ours.events(agent, "job_accepted") if event["room"] in rooms}
    out = {"count": count, "joined_ms": [(there[room] - sent[room]) * 1000 for room in rooms if room in there],
           "own_ms": [(there[room] - offered[room]) * 1000 for room in rooms if room in there], "refused": {}, "silent": [], "hints": []}
    for room in rooms:
        if room in there:
            continue
        shown = parts.voicectl("dispatch", "create", room, "--agent", name, "--if-absent", "--wait=1s", env=server.environment())
        out["hints"].append(shown.err.strip())
        if room in told:
            out["refused"][told[room]] = out["refused"].get(told[room], 0) + 1
        else:
            out["silent"].append(room)
    for room in rooms:
        load.end_room(server, room)
    ours.wait_until_idle(agent)
    return out


def main():
    parser = argparse.ArgumentParser(prog="scripts/burst")
    parser.add_argument("--sizes", type=lambda text: [int(one) for one in text.split(",")], default=[1, 2, 5, 10, 20])
    parser.add_argument("--repeats", type=int, default=5, help="the issue asks for 50")
    parser.add_argument("--processes", type=int, help="call processes at most")
    parser.add_argument("--with-rooms", action="store_true", help="rooms are created with their agent, and not dispatched to")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory(prefix="voicectl-burst-") as folder:
        server = parts.Server()
        more = f"processes: {options.processes}\n" if options.processes else ""
        agent = parts.Agent(server, ours.yaml("burst", ours.Clips(folder), more), folder)
        try:
            print("| at once | repeats | joined | refused | silent | join p50, ms | p95 | worst | of it the agent's own, p50 | p95 |\n|---|---|---|---|---|---|---|---|---|---|")
            for size in options.sizes:
                runs = []
                for run in range(options.repeats):
                    time.sleep(REST)
                    runs.append(burst(server, agent, "burst", size, f"{size}-{run}", create if options.with_rooms else load.dispatch))
                own = [one for run in runs for one in run["own_ms"]]
                joined = [one for run in runs for one in run["joined_ms"]]
                refused = sum(sum(run["refused"].values()) for run in runs)
                silent = sum(len(run["silent"]) for run in runs)
                results.append({"size": size, "repeats": len(runs), "refused": refused, "silent": silent, "joined_ms": joined, "runs": runs})
                print(f"| {size} | {len(runs)} | {len(joined)} | {refused} | {silent} | {load.percentile(joined, 0.5):.0f} | {load.percentile(joined, 0.95):.0f} "
                      f"| {max(joined, default=float('nan')):.0f} | {load.percentile(own, 0.5):.0f} | {load.percentile(own, 0.95):.0f} |", flush=True)
        finally:
            agent.stop()
            server.stop()
            if options.json:
                options.json.write_text(json.dumps(results, indent=1) + "\n")
    for hint in sorted({hint for result in results for run in result["runs"] for hint in run["hints"]})[:5]:
        print(hint)
    return 1 if any(result["silent"] for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
