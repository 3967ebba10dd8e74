"""What fuzzers of framed steps begin with (fake_wire.h): python seeds.py NAME FOLDER."""
import base64
import json
import pathlib
import struct
import sys

PCM = struct.pack("<8h", *range(0, 8000, 1000)) * 20
SOUND = base64.b64encode(PCM).decode()


def step(what, data=b""):
    data = data if isinstance(data, bytes) else (data if isinstance(data, str) else json.dumps(data)).encode()
    return what.encode() + struct.pack("<H", len(data)) + data


def events(*values, names=False):
    return "".join((f"event: {value['type']}\n" if names else "") + f"data: {json.dumps(value)}\n\n" for value in values)


def http(kind, *pieces, status=200, more=""):
    return step("h", f"{status}\nContent-Type: {kind}\n{more}") + b"".join(step("b", piece) for piece in pieces) + step("e")


def wav():
    return b"RIFF" + struct.pack("<I", 36 + len(PCM)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 24000, 48000, 2, 16) + b"data" + struct.pack("<I", len(PCM)) + PCM


def chunk(delta, finish=None):
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


REFUSED = http("application/json", '{"error":{"message":"not now","type":"requests","code":"rate_limit_exceeded"}}', status=429, more="Retry-After: 1\n")


def http_model():
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}}}
    call = {"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
    yield b"\0" + http("text/event-stream", events(chunk({"content": "<think>x</think>Hi "}), chunk({}, "stop"), usage) + "data: [DONE]\n\n")
    yield b"\0" + http("text/event-stream", events(chunk(call), chunk({}, "tool_calls")) + "data: [DONE]\n\n")
    yield b"\0" + http("application/json", {"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]})
    yield b"\0" + REFUSED + step("t", b"\x40") + http("text/event-stream", events({"error": {"message": "x", "type": "server_error"}}))
    begin = {"type": "message_start", "message": {"usage": {"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 1}}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    tool = {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}}
    words = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi."}}
    part = {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}}
    end = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}}
    yield b"\1" + http("text/event-stream", events(begin, block, words, tool, part, end, {"type": "message_stop"}, names=True))
    yield b"\1" + http("text/event-stream", events(begin, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, names=True))


def http_voice():
    done = {"type": "speech.audio.done", "usage": {"input_tokens": 4, "output_tokens": 9}}
    for which in (0, 1, 2):
        yield bytes([which]) + http("audio/pcm;rate=16000", PCM[:33], PCM[33:])
        yield bytes([which]) + http("audio/wav", wav()[:20], wav()[20:])
        yield bytes([which]) + REFUSED + step("t", b"\x40") + http("text/event-stream", events({"type": "speech.audio.delta", "delta": SOUND}, done))


def http_recogniser():
    heard = events({"type": "transcript.text.delta", "delta": "Hi "}, {"type": "transcript.text.done", "text": "Hi you", "usage": {"type": "tokens", "input_tokens": 3, "output_tokens": 2}})
    yield b"\0" + json.dumps({"text": "Hi", "usage": {"type": "duration", "seconds": 2}}).encode()
    yield b"\2" + heard.encode()
    said = step("p") * 5 + step("s") + step("p") + step("u") + step("t")
    yield b"\4" + said + http("application/json", {"text": "Hi"}) + said + http("text/event-stream", heard)
    yield b"\4" + said + REFUSED + step("t", b"\x40") + http("text/plain", "Hi")


def socket_recogniser():
    def results(text, final, asked):
        return {"type": "Results", "start": 0.0, "duration": 0.5, "is_final": final, "speech_final": False, "from_finalize": asked, "channel": {"alternatives": [{"transcript": text}]}}
    said = step("p") * 5
    yield b"\0" + said + step("m", results("hi", False, False)) + step("u") + step("m", results("hi you", True, True)) + step("x") + step("t") + said + step("m", {"type": "Error", "variant": "BAD_REQUEST", "description": "x"})
    turn = {"type": "TurnInfo", "event": "Update", "turn_index": 0, "transcript": "hi", "audio_window_end": 0.5, "end_of_turn_confidence": 0.5, "words": []}
    yield b"\1" + step("m", {"type": "Connected"}) + said + step("m", turn) + step("u") + step("m", {**turn, "event": "EndOfTurn"}) + step("m", {"type": "FatalError", "code": "INVALID_AUTH", "description": "x"})
    name = "conversation.item.input_audio_transcription."
    yield (b"\2" + step("m", {"type": "session.created"}) + said + step("m", {"type": "input_audio_buffer.speech_started", "item_id": "i", "audio_start_ms": 0})
           + step("m", {"type": "input_audio_buffer.speech_stopped", "item_id": "i", "audio_end_ms": 400}) + step("u") + step("m", {"type": "input_audio_buffer.committed", "item_id": "i"})
           + step("m", {"type": name + "delta", "item_id": "i", "delta": "hi"})
           + step("m", {"type": name + "completed", "item_id": "i", "transcript": "hi you", "usage": {"type": "tokens", "input_tokens": 3, "output_tokens": 2}})
           + step("m", {"type": "error", "error": {"type": "invalid_request_error", "code": "insufficient_quota", "message": "x"}}))


def socket_voice():
    yield b"\0" + step("a", PCM) + step("m", {"type": "Flushed"}) + step("s") + step("d") + step("m", {"type": "Cleared"}) + step("m", {"type": "Error", "code": "x", "description": "x"})
    yield b"\1" + step("m", {"contextId": "@", "audio": SOUND}) + step("m", {"contextId": "@", "isFinal": True}) + step("s") + step("x") + step("t") + step("m", {"error": "quota_exceeded", "message": "x", "code": 1008})
    yield b"\2" + step("m", {"type": "chunk", "context_id": "@", "data": SOUND}) + step("m", {"type": "done", "context_id": "@", "done": True}) + step("s") + step("m", {"type": "error", "context_id": "@", "status_code": 402, "error": "x"})


def mcp():
    def of(number, result):
        return {"jsonrpc": "2.0", "id": number, "result": result}
    greeting = http("application/json", of(1, {"protocolVersion": "2025-06-18", "capabilities": {}}), more="Mcp-Session-Id: s\n") + http("", status=202)
    tools = of(2, {"tools": [{"name": "f", "description": "d", "inputSchema": {"type": "object"}}], "nextCursor": ""})
    gave = of(3, {"content": [{"type": "text", "text": "eight"}], "isError": False})
    yield greeting + http("application/json", tools) + step("c") + http("text/event-stream", events(gave))
    yield greeting + http("text/event-stream", events(tools)) + step("c") + http("application/json", "{}", status=404) + step("t") + greeting.replace(b'"id": 1', b'"id": 4')
    yield http("application/json", {"jsonrpc": "2.0", "id": 1, "error": {"code": -32600, "message": "x"}})


def refusal():
    yield b"\x1dSun, 06 Nov 1994 08:49:37 GMT\n"
    yield b"\x1d120.5\n" + b'{"error":{"message":"m","type":"t","code":"c"}}'
    yield b"\x01true\n" + b'{"detail":[{"msg":"m"}]}'


folder = pathlib.Path(sys.argv[2])
for number, seed in enumerate(globals()[sys.argv[1]]()):
    (folder / f"seed{number}").write_bytes(seed)
