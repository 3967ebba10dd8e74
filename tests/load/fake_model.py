"""Chat completions as OpenAI has them, answered at once with one text: POST /answer says which, GET /times how long it took."""
import json
import sys
import time

from aiohttp import web

state = {"answer": "Yes.", "times": []}


def chunk(delta, finish=None):
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "fake", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


async def complete(request):
    body = await request.json()
    began = time.monotonic()
    words = state["answer"].split(" ")
    usage = {"prompt_tokens": 10, "completion_tokens": len(words), "total_tokens": 10 + len(words)}
    if not body.get("stream"):
        message = {"role": "assistant", "content": state["answer"]}
        return web.json_response({"id": "c", "object": "chat.completion", "created": 0, "model": "fake", "usage": usage,
                                  "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({"content": (" " if i else "") + word}) for i, word in enumerate(words)]
    events += [chunk({}, "stop"), chunk({}) | {"choices": [], "usage": usage}]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write("".join(f"data: {json.dumps(one)}\n\n" for one in events).encode() + b"data: [DONE]\n\n")
    state["times"].append((time.monotonic() - began) * 1000)
    await response.write_eof()
    return response


async def answer(request):
    state["answer"] = (await request.read()).decode()
    return web.Response()


async def times(_):
    out, state["times"] = state["times"], []
    return web.json_response(out)


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", complete), web.post("/answer", answer), web.get("/times", times)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
