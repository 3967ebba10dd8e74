"""What benches, bursts, greetings, soaks and their tests share: recorded clips, callers that measure (callers.cpp), a model server
without latency, and what a tree of processes takes of the machine. Times are seconds of time.monotonic(), in every process."""
import ctypes
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.request
import wave

import numpy
import parts
from livekit import api

HERE = pathlib.Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
CALLERS_EACH = 10  # LiveKit's core should not carry more than 12 rooms in a process


# ---- clips ----

def write_clip(path, samples, rate=16000):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(numpy.asarray(samples, dtype="<i2").tobytes())
    return path


def read_clip(path):
    with wave.open(str(path), "rb") as file:
        return numpy.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float), file.getframerate()


def audible(samples, rate, threshold_dbfs=-45):
    """[first, last) of what is heard, in windows of 10 ms, as the callers judge."""
    window = rate // 100
    levels = [numpy.sqrt(numpy.mean(samples[i:i + window] ** 2)) for i in range(0, len(samples) - window + 1, window)]
    loud = [i for i, level in enumerate(levels) if level > 32768 * 10 ** (threshold_dbfs / 20)]
    return (loud[0] * window, (loud[-1] + 1) * window) if loud else (0, 0)


_flite = None


def speak(path, text):
    """`text` by flite's voice slt as a WAV, cut to what is heard."""
    global _flite
    if _flite is None:
        voice = ctypes.CDLL("libflite_cmu_us_slt.so.1")
        engine = ctypes.CDLL("libflite.so.1")
        voice.register_cmu_us_slt.restype = ctypes.c_void_p
        engine.flite_text_to_speech.restype = ctypes.c_float
        engine.flite_init()
        _flite = engine, ctypes.c_void_p(voice.register_cmu_us_slt(None))
    engine, voice = _flite
    engine.flite_text_to_speech(text.encode("ascii"), voice, str(path).encode())
    samples, rate = read_clip(path)
    first, last = audible(samples, rate)
    return write_clip(path, samples[first:last], rate)


def chirp(milliseconds=50, rate=16000, low=500, high=3500):
    """A tone that rises: no two parts of it are alike, so that one that is missing is missed."""
    t = numpy.arange(rate * milliseconds // 1000) / rate
    return 12000 * numpy.sin(2 * numpy.pi * (low * t + (high - low) * t * t / (2 * t[-1])))


def find(needle, haystack):
    """Best normalised correlation, and where."""
    needle = needle - needle.mean()
    products = numpy.correlate(haystack, needle, "valid")
    energy = numpy.sqrt(numpy.maximum(numpy.convolve(haystack ** 2, numpy.ones(len(needle)), "valid"), 1.0))
    scores = products / energy / numpy.sqrt((needle ** 2).sum())
    at = int(numpy.argmax(scores))
    return float(scores[at]), at


# ---- the server ----

def token(server, room, identity):
    grants = api.VideoGrants(room_join=True, room=room, can_publish=True, can_subscribe=True)
    return api.AccessToken(server.key, server.secret).with_identity(identity).with_grants(grants).to_jwt()


def ask(server, service, method, body, room=""):
    grants = api.VideoGrants(room_admin=True, room=room, room_create=True, room_list=True, room_record=True)
    jwt = api.AccessToken(server.key, server.secret).with_identity("load").with_grants(grants).to_jwt()
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/twirp/livekit.{service}/{method}", json.dumps(body).encode(),
                                     {"Authorization": "Bearer " + jwt, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def dispatch(server, room, agent):
    """When it was sent."""
    at = time.monotonic()
    ask(server, "AgentDispatchService", "CreateDispatch", {"room": room, "agent_name": agent}, room)
    return at


def end_room(server, room):
    try:
        ask(server, "RoomService", "DeleteRoom", {"room": room}, room)
    except OSError:
        pass  # gone already


def registrations(server):
    return pathlib.Path(server.folder, "server.log").read_text(errors="replace").count("worker registered")


# ---- callers ----

def callers_path():
    path = os.environ.get("VOICECTL_CALLERS") or pathlib.Path(parts.voicectl_path()).parent / "tests/load/callers"
    if not pathlib.Path(path).exists():
        raise RuntimeError(f"no {path}: build the target `callers`")
    return str(path)


class Callers:
    """Callers by name, ten to a process. What they tell is kept, and waited for."""

    def __init__(self, server):
        self.server = server
        self.processes, self.homes, self.events = [], {}, {}
        self.changed = threading.Condition()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def join(self, name, room, record=None, wait=True, timeout=20, deaf=False):
        with self.changed:
            process = next((one for one in self.processes if list(self.homes.values()).count(one) < CALLERS_EACH), None)
        if process is None:
            process = subprocess.Popen([callers_path()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                       env=parts.clean_environment({"VOICECTL_LIVEKIT_CORE": core_path()}))
            self.processes.append(process)
            threading.Thread(target=self.read, args=(process,), daemon=True).start()
        self.homes[name] = process
        self.events[name] = []
        order = {"do": "join", "as": name, "url": self.server.url, "token": token(self.server, room, name)}
        self.order(process, order | ({"record": str(record)} if record else {}) | ({"deaf": True} if deaf else {}))
        return self.wait(name, "joined", timeout=timeout) if wait else None

    def read(self, process):
        for line in process.stdout:
            event = json.loads(line)
            with self.changed:
                self.events.setdefault(event["as"], []).append(event)
                self.changed.notify_all()

    def order(self, process, order):
        with self.changed:
            process.stdin.write(json.dumps(order) + "\n")

    def play(self, name, file):
        self.order(self.homes[name], {"do": "play", "as": name, "file": str(file)})

    def leave(self, name, timeout=10):
        self.order(self.homes[name], {"do": "leave", "as": name})
        gone = self.wait(name, "gone", timeout=timeout)
        with self.changed:
            self.homes.pop(name, None)
        return gone

    def wait(self, name, event, after=0.0, timeout=20.0, needed=True):
        """The first `event` of this caller at or after a time. A caller that failed fails here."""
        def look():
            for one in self.events[name]:
                if one["event"] in ("failed", "error") and event not in ("failed", "error"):
                    raise AssertionError(f"{name}: {one}")
                if one["event"] == event and one.get("at", after) >= after:
                    return one
            return None
        with self.changed:
            end = time.monotonic() + timeout
            while True:
                found = look()
                if found or time.monotonic() >= end:
                    break
                self.changed.wait(end - time.monotonic())
        if needed and not found:
            raise AssertionError(f"{name}: no {event} within {timeout} s; seen: {self.events[name][-8:]}")
        return found

    def of(self, name, event):
        with self.changed:
            return [one for one in self.events[name] if one["event"] == event]

    def stop(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def core_path():
    return os.environ.get("VOICECTL_LIVEKIT_CORE") or str(parts.ROOT / ".cache/livekit/liblivekit_ffi.so")


class Model:
    """A chat completions server of its own process (fake_model.py)."""

    def __init__(self, answer):
        self.port = parts.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen([sys.executable, str(HERE / "fake_model.py"), str(self.port)])
        parts.wait_for(lambda: parts.accepts(self.port), what="the model server")
        self.answers(answer)

    def answers(self, text):
        urllib.request.urlopen(urllib.request.Request(self.url + "/answer", text.encode(), method="POST"), timeout=5).read()

    def times_ms(self):
        """Of each answer since the last look, from the request's last byte to the answer's first."""
        return json.load(urllib.request.urlopen(self.url + "/times", timeout=5))

    def stop(self):
        self.process.kill()
        self.process.wait()


# ---- what processes take ----

class Tree:
    """A process and all that came of it."""

    def __init__(self, pid):
        self.pid = pid

    def pids(self):
        parents = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
                parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
            except (OSError, IndexError):
                pass
        out, todo = [], [self.pid]
        while todo:
            out.append(todo.pop())
            todo += parents.get(out[-1], [])
        return out

    def cpu_seconds(self):
        total = 0.0
        for pid in self.pids():
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += (int(fields[11]) + int(fields[12])) / TICKS
            except OSError:
                pass
        return total

    def look(self):
        """MB, and counts."""
        out = dict(processes=0, rss=0.0, pss=0.0, private=0.0, descriptors=0, threads=0)
        for pid in self.pids():
            try:
                rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
                descriptors, threads = len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))
            except OSError:
                continue
            sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in rollup.splitlines()[1:]}
            out["processes"] += 1
            out["rss"] += sizes["Rss"]
            out["pss"] += sizes["Pss"]
            out["private"] += sizes["Private_Clean"] + sizes["Private_Dirty"]
            out["descriptors"] += descriptors
            out["threads"] += threads
        return out

    def cpu_share(self, seconds):
        began, used = time.monotonic(), self.cpu_seconds()
        time.sleep(seconds)
        return (self.cpu_seconds() - used) / (time.monotonic() - began)


def machine_busy():
    """Ticks (all, idle) of the machine."""
    fields = [int(one) for one in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields), fields[3] + fields[4]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def slope(points):
    """Least squares of (x, y)."""
    if len(points) < 2:
        return 0.0
    x, y = numpy.array(points, dtype=float).T
    return float(numpy.polyfit(x, y, 1)[0])
