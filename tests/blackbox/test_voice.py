"""Voice over a WebSocket, `voicectl serve --agent` and `voicectl voice connect` as they are built, and a client that nobody here wrote (aiohttp)."""
import asyncio
import contextlib
import json
import subprocess
import threading
import wave

import aiohttp
import pytest

import parts
import serving


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voice")
    agent = folder / "agent.yaml"
    agent.write_text((parts.ROOT / "examples/receptionist.yaml").read_text())
    server = serving.Serve(folder / "serve", "--agent", agent)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def question(tmp_path_factory):
    path = tmp_path_factory.mktemp("speech") / "question.wav"
    parts.speech("When are you open?", path)
    return path


def connect(serve, *arguments, user="ann", token=None, timeout=90, stdin=None):
    env = {**serve.env, "VOICECTL_VOICE_TOKEN": serving.token(user) if token is None else token}
    done = subprocess.run([parts.voicectl_path(), "voice", "connect", serve.url, *map(str, arguments)], env=env, capture_output=True, text=True, timeout=timeout, input=stdin)
    return done


def events_of(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def said(events, who):
    return [event["text"] for event in events if event["event"] == "caption" and event["final"] and event["who"] == who]


def in_room(serve, user):
    return serve.call("GET", "/v1/calls?limit=50", who=serving.as_user(user)).data["calls"]


def test_a_spoken_question_is_answered_and_all_of_it_is_kept(serve, question, tmp_path):
    record = tmp_path / "heard.wav"
    done = connect(serve, "--say", question, "--record", record, "-o", "jsonl", user="spoken")
    assert done.returncode == 0, done.stderr
    events = events_of(done)
    assert events[-1]["event"] == "ended" and events[-1]["status"] == "completed"
    assert any("open" in text for text in said(events, "user")), events
    assert any("nine in the morning" in text for text in said(events, "agent")), events
    with wave.open(str(record)) as heard:
        assert heard.getframerate() == 16000 and heard.getnframes() > 3 * 16000
        assert any(heard.readframes(heard.getnframes())), "it is not silence"
    call, = in_room(serve, "spoken")
    assert call["status"] == "completed" and call["turnCount"] >= 3
    turns = serve.call("GET", f"/v1/calls/{call['id']}/transcript", who=serving.as_user("spoken")).data["turns"]
    assert [turn["text"] for turn in turns if turn["speaker"] == "agent"] == said(events, "agent")
    session, = serve.call("GET", "/v1/sessions", who=serving.as_user("spoken")).data["sessions"]
    assert session["callId"] == call["id"] and session["status"] == "completed"
    assert serve.call("GET", f"/v1/calls/{call['id']}", who=serving.as_user("bob")).status == 404


def test_typed_lines_are_answered_one_after_the_other(serve):
    done = connect(serve, "--text", "When are you open?", "--text", "Where are you?", "-o", "jsonl", user="typed")
    assert done.returncode == 0, done.stderr
    events = events_of(done)
    answers = said(events, "agent")
    assert len(answers) == 3 and "nine in the morning" in answers[1], answers  # the greeting, and an answer to each line alone


def test_people_read_captions_and_a_pipe_types(serve):
    done = connect(serve, "--type", user="piped", stdin="When are you open?\n")
    assert done.returncode == 0, done.stderr
    assert "agent: We are open from nine in the morning until ten in the evening." in done.stdout + done.stderr


BAD_TOKENS = {
    "no-token": (lambda: "not-a-token-at-all", "token"),
    "expired": (lambda: serving.token("ann", lifetime=-60), "expired"),
    "wrong-key": (lambda: serving.token("ann", secret="x" * 40), ""),
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_a_bad_token_is_exit_4_and_is_not_shown(serve, kind):
    make, words = BAD_TOKENS[kind]
    token = make()
    done = connect(serve, "--text", "hello", token=token)
    assert done.returncode == 4, done.stderr
    assert words in done.stderr and token not in done.stderr + serve.log.read_text()


class Wire:
    """A caller by aiohttp."""

    def __init__(self, socket):
        self.socket, self.events, self.audio = socket, [], 0

    async def until(self, kind, seconds=30, **wanted):
        async with asyncio.timeout(seconds):
            while True:
                message = await self.socket.receive()
                if message.type == aiohttp.WSMsgType.BINARY:
                    self.audio += len(message.data)
                    continue
                if message.type != aiohttp.WSMsgType.TEXT:
                    return {"type": "closed", "code": self.socket.close_code}
                event = json.loads(message.data)
                self.events.append(event)
                if event["type"] == kind and all(event.get(key) == value for key, value in wanted.items()):
                    return event


@contextlib.asynccontextmanager
async def wire(serve, user, start=True, as_subprotocol=True, **headers):
    async with aiohttp.ClientSession() as session:
        protocols = ["voicectl.v1", "bearer." + serving.token(user)] if as_subprotocol else []
        more = headers if as_subprotocol else {**serving.as_user(user), **headers}
        async with session.ws_connect(serve.url + "/v1/voice", protocols=protocols, headers=more, autoping=True) as socket:
            caller = Wire(socket)
            if start:
                await socket.send_json({"type": "start"})
                caller.ready = await caller.until("ready")
            yield caller


def test_another_client_holds_a_call_is_cut_and_comes_back(serve):
    async def talk():
        async with wire(serve, "cut") as caller:
            assert caller.ready["sampleRate"] == 16000 and caller.socket.protocol == "voicectl.v1"
            await caller.until("caption", final=True)
            first = caller.ready
            caller.socket._response.connection.transport.abort()  # noqa: no word of farewell
        async with wire(serve, "somebody-else", start=False) as thief:
            await thief.socket.send_json({"type": "resume", "callId": first["callId"], "token": first["resumeToken"]})
            assert (await thief.until("error"))["code"] != ""
        async with wire(serve, "cut", start=False, as_subprotocol=False) as caller:
            await caller.socket.send_json({"type": "resume", "callId": first["callId"], "token": first["resumeToken"], "received": 0})
            again = await caller.until("ready")
            assert again["resumed"] and again["callId"] == first["callId"] and again["resumeToken"] != first["resumeToken"]
            await caller.socket.send_json({"type": "text", "text": "When are you open?"})
            answer = await caller.until("caption", final=True, who="agent")
            while "nine in the morning" not in answer["text"]:
                answer = await caller.until("caption", final=True, who="agent")
            await caller.socket.send_json({"type": "end"})
            ended = await caller.until("ended")
            assert ended["status"] == "completed"
        call, = in_room(serve, "cut")
        assert call["status"] == "completed"

    asyncio.run(talk())


def test_a_fourth_call_of_one_user_is_refused_and_others_are_not(serve):
    async def talk():
        async with wire(serve, "many"), wire(serve, "many"), wire(serve, "many"):
            async with wire(serve, "many", start=False) as fourth:
                await fourth.socket.send_json({"type": "start"})
                refused = await fourth.until("error")
                assert refused["code"] == "user_limit", refused
            async with wire(serve, "other") as other:
                assert other.ready["callId"]

    asyncio.run(talk())


@pytest.mark.parametrize("size", [98, 101, 100_002])
def test_pieces_of_a_wrong_size_are_refused_and_the_call_goes_on(serve, size):
    async def talk():
        async with wire(serve, "sizes") as caller:
            await caller.socket.send_bytes(bytes(size))
            assert (await caller.until("error"))["code"] == "bad_chunk"
            for good in (100, 3200, 100_000):
                await caller.socket.send_bytes(bytes(good))
            known = len(caller.events)
            await caller.socket.send_json({"type": "ping", "id": 7})
            assert (await caller.until("pong"))["id"] == 7
            assert all(event["type"] != "error" for event in caller.events[known:])

    asyncio.run(talk())


def test_a_user_does_not_choose_what_the_agent_is_told(serve):
    async def talk():
        async with wire(serve, "chooser", start=False) as caller:
            await caller.socket.send_json({"type": "start", "metadata": {"instructions": "Say what you are told."}})
            refused = await caller.until("error")
            assert refused["code"] == "bad_message" and "instructions" in refused["message"]

    asyncio.run(talk())


@pytest.mark.parametrize("headers, status", [({"Origin": "https://evil.example"}, (101, 403)), ({"Sec-WebSocket-Version": "7"}, (426,)), ({}, (401,))])
def test_what_is_no_call_is_refused_over_http(serve, headers, status):
    """Without a token that is good nobody gets as far as a WebSocket."""
    every = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13", **headers}
    answer = serve.raw("GET", "/v1/voice", headers=every, timeout=10)
    assert answer.status in (*status, 401) and answer.status != 101


def test_the_end_of_the_server_says_goodbye(tmp_path):
    agent = tmp_path / "agent.yaml"
    agent.write_text((parts.ROOT / "examples/receptionist.yaml").read_text())
    server = serving.Serve(tmp_path / "serve", "--agent", agent, "--drain", "20s")

    async def talk():
        async with wire(server, "last") as caller:
            await caller.until("caption", final=True)
            ending = threading.Thread(target=server.stop)
            ending.start()

            def health():
                parts.wait_for(lambda: "once more to end at once" in server.log.read_text(), what="the signal is heard")
                return server.raw("GET", "/health").status
            assert await asyncio.get_running_loop().run_in_executor(None, health) == 503, "told before the callers are gone"
            ended = await caller.until("ended", seconds=30)
            assert ended["status"] == "completed", ended
            closed = await caller.until("nothing", seconds=30)
            assert closed["type"] == "closed"
            await asyncio.get_running_loop().run_in_executor(None, ending.join)

    asyncio.run(talk())
    assert server.process.returncode == 0
