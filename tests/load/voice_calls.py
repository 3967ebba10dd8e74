"""Holds voice calls over WebSockets against a running `voicectl serve --agent`, and watches the server's memory, descriptors
and threads: python voice_calls.py URL --pid PID [--calls 50] [--minutes 5]. VOICECTL_JWT_SECRET signs the tokens.

Each caller speaks in real time (noise for 1 s, silence for 4 s) and reads what comes. Exit 1 when a call ends early, or the
server holds more at the end than a minute after the last call began: 5 % of memory, any descriptor, any thread.
"""
import argparse
import asyncio
import json
import os
import pathlib
import random
import sys
import time

import aiohttp
import jwt

PIECE = 3200
CALLS_PER_USER = 3


def token(user):
    now = int(time.time())
    claims = {"sub": user, "aud": "authenticated", "iat": now, "exp": now + 3600}
    return jwt.encode(claims, os.environ["VOICECTL_JWT_SECRET"], "HS256")


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


async def call(session, url, user, until, ready):
    """What came; the call has lasted when it has no early end."""
    seen = {"audio": 0, "early": False}
    noise = random.Random(user).randbytes(PIECE)
    async with session.ws_connect(url, protocols=["voicectl.v1", "bearer." + token(user)]) as socket:
        await socket.send_json({"type": "start"})
        reader = asyncio.create_task(read(socket, seen))
        ready.release()
        beat, due = 0, time.monotonic()
        while time.monotonic() < until and not reader.done():
            await socket.send_bytes(noise if beat % 50 < 10 else bytes(PIECE))
            beat, due = beat + 1, due + 0.1
            await asyncio.sleep(max(0, due - time.monotonic()))
        seen["early"] = reader.done()
        if not reader.done():
            await socket.send_json({"type": "end"})
            await asyncio.wait_for(reader, 30)
    return seen


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=5)
    given = parser.parse_args()
    until = time.monotonic() + given.minutes * 60
    samples, began = [], asyncio.Semaphore(0)
    async with aiohttp.ClientSession() as session:
        tasks = []
        for i in range(given.calls):
            tasks.append(asyncio.create_task(call(session, given.url, f"user-{i // CALLS_PER_USER}", until, began)))
            await began.acquire()
        settle = min(60, given.minutes * 60 / 4)
        await asyncio.sleep(settle)
        while time.monotonic() < until - 1:
            samples.append(holds(given.pid))
            await asyncio.sleep(5)
        seen = await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(5)
    first, last, after = samples[0], samples[-1], holds(given.pid)
    broken = [one for one in seen if isinstance(one, BaseException) or one["early"] or one["audio"] == 0 or one.get("ended") != 1]
    grown = [key for key, most in (("rssKb", first["rssKb"] * 1.05), ("threads", first["threads"]), ("descriptors", first["descriptors"])) if last[key] > most]
    print(json.dumps({"calls": given.calls, "minutes": given.minutes, "first": first, "last": last, "after": after, "broken": len(broken), "grown": grown}, indent=1))
    for one in broken[:5]:
        print("broken:", one, file=sys.stderr)
    return 1 if broken or grown else 0


sys.exit(asyncio.run(main()))
