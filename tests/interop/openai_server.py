"""A server whose requests and answers are the types of OpenAI's own SDK (generated from its API's description), with canned answers: what
it is asked has to be of these types with nothing left over, what it says is made of them. Which answer: by the name of the model.
"limited" is refused by 429 once, "quota" for good, "absent" is not there, "broken" fails in mid-stream; all others answer.
GET /seen tells what was asked and what was wrong with it, DELETE forgets it."""
import asyncio
import io
import json
import math
import struct
import sys
import time
import typing
import wave

import openai.types.chat as chat
import typing_extensions
import uvicorn
from openai.types import CompletionUsage
from openai.types.audio import (SpeechCreateParams, Transcription, TranscriptionCreateParams, TranscriptionTextDeltaEvent,
                                TranscriptionTextDoneEvent)
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.shared import ErrorObject
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = "sk-interop"
RATE = 24000
seen, faults, limited = [], [], set()


def checked(kind, body):
    """What the types do not know, or know otherwise, is a fault of whoever asked."""
    try:
        adapter = TypeAdapter(kind)
        known = json.loads(adapter.dump_json(adapter.validate_python(body), warnings="error"))
        if known != body:
            faults.append({"asked": body, "known": known})
    except Exception as wrong:  # validation is lazy: it may fail while the value is written
        faults.append({"asked": body, "wrong": str(wrong)[:2000]})


def refusal(status, message, kind, code=None, headers=None):
    error = ErrorObject(message=message, type=kind, code=code, param=None)
    return JSONResponse({"error": error.model_dump()}, status_code=status, headers=headers)


def refused(request, model):
    if request.headers.get("authorization") != f"Bearer {KEY}":
        return refusal(401, "Incorrect API key provided: sk-***.", "invalid_request_error", "invalid_api_key")
    if model == "quota":
        return refusal(429, "You exceeded your current quota.", "insufficient_quota", "insufficient_quota")
    if model == "limited" and request.url.path not in limited:
        limited.add(request.url.path)
        return refusal(429, "Rate limit reached.", "requests", "rate_limit_exceeded", {"retry-after-ms": "200"})
    if model == "absent":
        return refusal(404, "The model `absent` does not exist.", "invalid_request_error", "model_not_found")
    return None


def event(value):
    return f"data: {value.model_dump_json(exclude_unset=True)}\n\n"


def piece(body, delta=None, finish=None, usage=None):
    """One chunk; with `usage` the last, which has no choices."""
    choices = [] if usage else [{"index": 0, "delta": delta or {}, "finish_reason": finish, "logprobs": None}]
    value = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": int(time.time()), "model": body["model"], "choices": choices, "usage": usage}
    return event(chat.ChatCompletionChunk.model_validate(value))


def deltas_of(body):
    last = body["messages"][-1]
    wants_tool = last["role"] == "user" and "booking" in last["content"] and body.get("tools")
    if wants_tool:
        yield {"role": "assistant", "content": None}, None
        for index, guest in enumerate(("Smith", "Jones")):
            yield {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": {"name": "find_booking", "arguments": ""}}]}, None
            for part in ('{"gu', 'est":', f'"{guest}"}}'):
                yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}, None
        yield {}, "tool_calls"
        return
    said = last["content"]
    if last["role"] == "tool":
        said = " and ".join(message["content"] for message in body["messages"] if message["role"] == "tool")
    yield {"role": "assistant", "content": "", "refusal": None}, None
    for word in f"You said: {said}.".split(" "):
        yield {"content": word + " "}, None
    yield {}, "stop"


async def chat_events(body):
    for number, (delta, finish) in enumerate(deltas_of(body)):
        if body["model"] == "broken" and number == 1:
            error = ErrorObject(message="The server had an error.", type="server_error", code=None, param=None)
            yield f"data: {json.dumps({'error': error.model_dump()})}\n\n"
            return
        yield piece(body, delta, finish)
        await asyncio.sleep(0.005)
    if body.get("stream_options", {}).get("include_usage"):
        yield piece(body, usage=CompletionUsage(prompt_tokens=1200, completion_tokens=34, total_tokens=1234,
                                                prompt_tokens_details={"cached_tokens": 1024}).model_dump())
    yield "data: [DONE]\n\n"


async def complete(request):
    body = await request.json()
    seen.append({"chat": body})
    checked(CompletionCreateParamsStreaming, body)
    return refused(request, body["model"]) or StreamingResponse(chat_events(body), media_type="text/event-stream; charset=utf-8")


async def speak(request):
    body = await request.json()
    seen.append({"speech": body})
    checked(SpeechCreateParams, body)
    if answer := refused(request, body["model"]):
        return answer
    samples = [int(8000 * math.sin(at * 0.1)) for at in range(RATE // 20 * len(body["input"]))]
    pcm = struct.pack(f"<{len(samples)}h", *samples)
    if body["response_format"] == "pcm":
        return Response(pcm, media_type="audio/pcm")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(pcm)
    return Response(file.getvalue(), media_type="audio/wav")


async def heard_events():
    words = "When are you open?".split(" ")
    for word in words:
        yield event(TranscriptionTextDeltaEvent(delta=word + " ", type="transcript.text.delta"))
        await asyncio.sleep(0.005)
    usage = {"type": "tokens", "input_tokens": 30, "output_tokens": 6, "total_tokens": 36, "input_token_details": {"audio_tokens": 30, "text_tokens": 0}}
    yield event(TranscriptionTextDoneEvent(text=" ".join(words), type="transcript.text.done", usage=usage))


def without_file(kind):
    """The file's own type is that of Python's files."""
    hints = {name: hint for name, hint in typing_extensions.get_type_hints(kind, include_extras=True).items() if name != "file"}
    return typing_extensions.TypedDict(kind.__name__, {name: hint if name in kind.__required_keys__ else typing_extensions.NotRequired[hint] for name, hint in hints.items()})


HEARD = [without_file(kind) for kind in typing.get_args(TranscriptionCreateParams)]


async def hear(request):
    form = await request.form()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    file = await form["file"].read()
    with wave.open(io.BytesIO(file)) as sound:
        form_of_sound = [sound.getnchannels(), sound.getsampwidth(), sound.getnframes() / sound.getframerate()]
    seen.append({"transcription": fields, "sound": form_of_sound, "name": form["file"].filename})
    typed = {**fields, **({"stream": fields["stream"] == "true"} if "stream" in fields else {}),
             **({"temperature": float(fields["temperature"])} if "temperature" in fields else {})}
    checked(HEARD[typed.get("stream", False)], typed)
    if answer := refused(request, fields["model"]):
        return answer
    if typed.get("stream"):
        return StreamingResponse(heard_events(), media_type="text/event-stream; charset=utf-8")
    return JSONResponse(Transcription(text="When are you open?", usage={"type": "duration", "seconds": 2}).model_dump(exclude_unset=True))


async def models(request):
    return refused(request, "") or JSONResponse({"object": "list", "data": []})


async def tell(request):
    told = JSONResponse({"seen": seen, "faults": faults})
    if request.method == "DELETE":
        for one in (seen, faults, limited):
            one.clear()
    return told


def app():
    ways = [("/v1/chat/completions", complete), ("/v1/audio/speech", speak), ("/v1/audio/transcriptions", hear)]
    return Starlette(routes=[Route(path, way, methods=["POST"]) for path, way in ways] + [Route("/v1/models", models), Route("/seen", tell, methods=["GET", "DELETE"])])


if __name__ == "__main__":
    uvicorn.run(app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
