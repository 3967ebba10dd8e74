"""A model and a voice as OpenAI has them and a recogniser as Deepgram has it, with faults on demand: the voice speaks with flite. What
each of them does next is told by POST /voice, /model or /ears with {"fault": …, "times": N} or {"faults": [one after the other]}; GET /seen tells what they were asked.

Faults of all: down (the connection is closed), 500, 429, 401 (the key is wrong), slow (nothing for ten seconds), lie (200, and a page in HTML); of the voice: empty
(200 without sound), cut (the sound breaks off after `after` seconds); of the model: cut (the words break off after `after` of them), tool
(calls `tool`, after the words `say` if there are any); of the recogniser: cut (it hangs up after `after` seconds of sound). The recogniser hears `heard` in whatever was said."""
import asyncio
import json
import sys
import tempfile
import wave

import aiohttp
import parts
from aiohttp import web

RATE = 16000
REFUSALS = ("down", "slow", "500", "429", "401", "lie")
state = {"voice": {}, "model": {}, "ears": {}, "heard": "when are you open", "answer": "We are open from nine in the morning until six in the evening.", "seen": []}


def fault(kind):
    plan = state[kind]
    if plan.get("faults"):
        return plan["faults"].pop(0), plan
    if not plan.get("times"):
        return None, plan
    plan["times"] -= 1
    return plan["fault"], plan


async def refuse(request, what):
    if what == "down":
        request.transport.close()
        return web.Response()
    if what == "slow":
        await asyncio.sleep(10)
        return web.Response(status=504)
    if what == "lie":
        return web.Response(text="<html>Welcome!</html>", content_type="text/html")
    text = {"error": {"message": "not now", "type": "rate_limit_exceeded" if what == "429" else "server_error", "code": None}}
    if what == "401":  # as the real one does, which repeats the key
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        text = {"error": {"message": f"Incorrect API key provided: {key}.", "type": "invalid_request_error", "code": "invalid_api_key"}}
    return web.json_response(text, status=int(what), headers={"Retry-After": "120"} if what == "429" else {})


async def speak(request):
    body = await request.json()
    what, plan = fault("voice")
    state["seen"].append({"voice": body["input"], "fault": what})
    if what in REFUSALS:
        return await refuse(request, what)
    response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
    await response.prepare(request)
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        parts.speech(body["input"], file.name)
        with wave.open(file.name) as sound:
            samples = b"" if what == "empty" else sound.readframes(sound.getnframes())
    if what == "cut":
        await response.write(samples[:int(plan["after"] * RATE) * 2])
        await asyncio.sleep(0.05)
        request.transport.close()
        return response
    for at in range(0, len(samples), RATE // 5):  # 100 ms a piece, four times as fast as it is spoken
        await response.write(samples[at:at + RATE // 5])
        await asyncio.sleep(0.025)
    await response.write_eof()
    return response


def chunk(delta, finish=None):
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "fake", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


async def complete(request):
    body = await request.json()
    what, plan = fault("model")
    state["seen"].append({"model": [message.get("content") for message in body["messages"]], "fault": what})
    if what in REFUSALS:
        return await refuse(request, what)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)

    async def event(value):
        await response.write(f"data: {json.dumps(value)}\n\n".encode())

    if what == "tool":
        if plan.get("say"):
            await event(chunk({"content": plan["say"]}))
        await event(chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": plan["tool"]}]}))
        await event(chunk({}, "tool_calls"))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response
    words = state["answer"].split(" ")
    for at, word in enumerate(words):
        if what == "cut" and at == plan["after"]:
            await asyncio.sleep(0.05)
            request.transport.close()
            return response
        await event(chunk({"content": (" " if at else "") + word}))
    await event(chunk({}, "stop"))
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


async def listen(request):
    what, plan = fault("ears")
    state["seen"].append({"ears": request.query_string, "fault": what})
    if what in REFUSALS:
        return await refuse(request, what)
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    heard = 0  # bytes
    async for message in socket:
        if message.type == aiohttp.WSMsgType.BINARY:
            heard += len(message.data)
            if what == "cut" and heard >= plan["after"] * RATE * 2:
                request.transport.close()
                break
        elif json.loads(message.data)["type"] == "Finalize":
            await socket.send_json({"type": "Results", "start": 0, "duration": heard / RATE / 2, "is_final": True, "from_finalize": True,
                                    "channel": {"alternatives": [{"transcript": state["heard"]}]}})
    return socket


async def plan(request):
    kind = request.match_info["kind"]
    state[kind] = await request.json()
    return web.Response()


async def seen(_):
    return web.json_response(state["seen"])


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.post("/v1/audio/speech", speak), web.post("/v1/chat/completions", complete), web.get("/v1/listen", listen), web.get("/v1/models", seen),
                    web.post("/{kind:voice|model|ears|heard|answer}", plan), web.get("/seen", seen)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
