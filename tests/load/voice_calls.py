"""Holds voice calls over WebSockets against a `voicectl serve --agent` of its own, and watches the server's memory, descriptors and
threads (docs/soak.md): ./scripts/soak voice [--calls 50] [--minutes 5].

Each caller sends its microphone in real time: a spoken question each minute, silence otherwise; in between it types one. Exit 1 when
a call ends early or hears nothing, or the server holds more at the end than a minute after the last call began: 5 % of memory, any
descriptor, any thread; and when any descriptor or thread is left once all have hung up.
"""
import argparse
import asyncio
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import wave

import aiohttp

import parts
import serving

PIECE = 3200  # bytes: 100 ms
SPOKEN_EVERY, TYPED_EVERY = 600, 300  # pieces
CALLS_PER_USER = 3


def holds(pid):
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return {"rssKb": int(status["VmRSS"].split()[0]), "threads": int(status["Threads"]), "descriptors": len(os.listdir(f"/proc/{pid}/fd"))}


async def read(socket, seen):
    async for message in socket:
        if message.type == aiohttp.WSMsgType.BINARY:
            seen["audio"] += len(message.data)
            continue
        event = json.loads(message.data)
        seen[event["type"]] = seen.get(event["type"], 0) + 1
        if event["type"] == "error":
            print("error:", event["code"], event["message"], file=sys.stderr)


def spoken_question():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "question.wav"
        parts.speech("When are you open?", path)
        with wave.open(str(path)) as sound:
            data = sound.readframes(sound.getnframes())
    return [data[at:at + PIECE].ljust(PIECE, b"\0") for at in range(0, len(data), PIECE)]


async def call(session, url, user, begin, question, until, ready):
    """What came; the call has lasted when it has no early end. `begin` staggers the callers."""
    seen = {"audio": 0, "early": False}
    async with session.ws_connect(url, protocols=["voicectl.v1", "bearer." + serving.token(user, lifetime=7200)]) as socket:
        await socket.send_json({"type": "start"})
        assert (await socket.receive_json())["type"] == "ready"
        reader = asyncio.create_task(read(socket, seen))
        ready.release()
        beat, due = begin, time.monotonic()
        while time.monotonic() < until and not reader.done():
            at = beat % SPOKEN_EVERY
            await socket.send_bytes(question[at] if at < len(question) else bytes(PIECE))
            if beat % TYPED_EVERY == TYPED_EVERY // 2:
                await socket.send_json({"type": "text", "text": "Where are you?"})
            beat, due = beat + 1, due + 0.1
            await asyncio.sleep(max(0, due - time.monotonic()))
        seen["early"] = reader.done()
        if not reader.done():
            await socket.send_json({"type": "end"})
            await asyncio.wait_for(reader, 30)
    return seen


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=5)
    given = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="voicectl-voice-"))
    server = serving.Serve(folder, "--agent", parts.ROOT / "examples/receptionist.yaml", document=False)
    try:
        return await hold(given, server)
    finally:
        server.stop()
        shutil.rmtree(folder)


async def hold(given, server):
    url = server.url + "/v1/voice"
    until = time.monotonic() + given.minutes * 60
    question, samples, began, before = spoken_question(), [], asyncio.Semaphore(0), holds(server.pid)
    async with aiohttp.ClientSession() as session:
        tasks = []
        for i in range(given.calls):
            tasks.append(asyncio.create_task(call(session, url, f"user-{i // CALLS_PER_USER}", i * SPOKEN_EVERY // given.calls + 100, question, until, began)))
            await began.acquire()
        settle = min(60, given.minutes * 60 / 4)
        await asyncio.sleep(settle)
        while time.monotonic() < until - 1:
            samples.append(holds(server.pid))
            await asyncio.sleep(5)
        seen = await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(5)
    first, last, after = samples[0], samples[-1], holds(server.pid)
    broken = [one for one in seen if isinstance(one, BaseException) or one["early"] or one["audio"] == 0 or one.get("ended") != 1]
    grown = [key for key, most in (("rssKb", first["rssKb"] * 1.05), ("threads", first["threads"]), ("descriptors", first["descriptors"])) if last[key] > most]
    grown += [f"{key} left" for key in ("threads", "descriptors") if after[key] > before[key]]
    turns = sum(one["caption"] for one in seen if not isinstance(one, BaseException) and "caption" in one)
    print(json.dumps({"calls": given.calls, "minutes": given.minutes, "captions": turns, "before": before, "first": first, "last": last, "after": after, "broken": len(broken), "grown": grown}, indent=1))
    for one in broken[:5]:
        print("broken:", one, file=sys.stderr)
    return 1 if broken or grown else 0


sys.exit(asyncio.run(main()))
