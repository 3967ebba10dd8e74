"""Tools as callers meet them: the built agent, a real server, a model on loopback that calls what it is told to (fake_providers.py)."""
import base64
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import parts
import pytest
from load import load
from test_agent_scenarios import Call

ANSWER = "We are open from nine in the morning until six in the evening."
THROUGH = "I am putting you through to sales now."
YAML = """
name: {name}
greeting: Good morning.
stt: {{provider: pocketsphinx, phrases: ["when are you open", "please stop it now"]}}
llm: {{provider: openai, model: any, base_url: "{model}/v1"}}
tts: {{provider: flite, voice: slt}}
caller_return: 0s
turn: {{preemptive: off}}
filler: {{after: {filler}, say: [One moment please.]}}
tools:
  - end_call
  - transfer: {{to: {{sales: "tel:+49301234", desk: "sip:desk@example.com"}}}}
  - name: opening_hours
    description: When we are open on a day.
    url: {shop}/hours/{{day}}
    allow_private: true
    timeout: {timeout}
    parameters:
      type: object
      properties: {{day: {{enum: [saturday, sunday]}}}}
      required: [day]
"""


class Model:
    """Calls a tool, or answers."""

    def __init__(self):
        self.port = parts.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen([sys.executable, str(parts.ROOT / "tests/fake_providers.py"), str(self.port)])
        parts.wait_for(lambda: parts.accepts(self.port), what="the model")

    def calls(self, tool, arguments, say="", times=1):
        plan = {"fault": "tool", "times": times, "say": say, "tool": {"name": tool, "arguments": json.dumps(arguments)}}
        request = urllib.request.Request(self.url + "/model", json.dumps(plan).encode(), {"Content-Type": "application/json"}, method="POST")
        urllib.request.urlopen(request, timeout=5).read()

    def answers(self):
        self.calls("", {}, times=0)

    def seen(self):
        """The texts of each request's messages."""
        with urllib.request.urlopen(self.url + "/seen", timeout=5) as answer:
            return [one["model"] for one in json.load(answer) if "model" in one]

    def was_told(self, words):
        return any(words in (text or "") for messages in self.seen() for text in messages)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Shop(parts.Web):
    """What an HTTP tool asks."""

    def __init__(self):
        self.asked, self.hangs, self.over = [], False, threading.Event()
        shop = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                shop.asked.append(self.path)
                if shop.hangs:
                    shop.over.wait(60)
                    return
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"opens": "ten"}')

            def log_message(self, *_):
                pass

        self.listen(Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


class SipFront:
    """Stands in front of a real server: answers the one method of its SIP service, and passes everything else on."""

    METHOD = b"POST /twirp/livekit.SIP/TransferSIPParticipant "

    def __init__(self, server):
        self.behind, self.asked, self.status, self.body, self.over = server, [], "200 OK", {}, threading.Event()
        self.over.set()  # answers at once
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def environment(self):
        return {**self.behind.environment(), "LIVEKIT_URL": f"ws://127.0.0.1:{self.port}"}

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(65536)
            if not piece:
                return client.close()
            head += piece
        if head.startswith(self.METHOD):
            return self.transfer(client, head)
        server = socket.create_connection(("127.0.0.1", self.behind.port))
        server.sendall(head)
        threading.Thread(target=self.pump, args=(server, client), daemon=True).start()
        self.pump(client, server)

    @staticmethod
    def pump(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for one in (source, sink):
                one.close()

    def transfer(self, client, request):
        head, body = request.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"content-length: *(\d+)", head, re.I)[1])
        while len(body) < length:
            body += client.recv(65536)
        claims = re.search(rb"Bearer [^.]+\.([^.]+)\.", head)[1]
        self.asked.append({"at": time.monotonic(), "body": json.loads(body), "claims": json.loads(base64.urlsafe_b64decode(claims + b"=="))})
        self.over.wait(60)
        answer = json.dumps(self.body).encode()
        client.sendall(f"HTTP/1.1 {self.status}\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n".encode() + answer)
        client.close()

    def stop(self):
        self.over.set()
        self.listener.close()


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return {name: load.speak(folder / f"{name}.wav", text) for name, text in (("open", "when are you open"), ("stop", "please stop it now"))}


@pytest.fixture
def model():
    one = Model()
    yield one
    one.stop()


@pytest.fixture
def shop():
    one = Shop()
    yield one
    one.stop()


@pytest.fixture
def called(agents, model, shop):
    """called(server, name) → a call with an agent that has greeted; `at` is where the agent finds the server."""
    made = []

    def begin(server, name, *flags, at=None, timeout="5s", filler="30s"):
        yaml = YAML.format(name=name, model=model.url, shop=shop.url, timeout=timeout, filler=filler)
        agent = agents(at or server, yaml, "--log-format", "json", *flags)
        made.append(Call(server, agent, load.Callers(server), name))
        made[-1].begin()
        return made[-1]

    yield begin
    for call in made:
        call.callers.stop()
        call.close()


def outcomes(call):
    """[(tool, outcome)] by the agent's log."""
    lines = [line for line in call.agent.log.read_text().splitlines() if '"tool called"' in line]
    return [(re.search(r'"tool": ?"(\w+)"', line)[1], re.search(r'"outcome": ?"(\w+)"', line)[1]) for line in lines]


def last_detail(call):
    return [turn["detail"] for turn in call.turns() if turn["speaker"] == "agent"][-1]


def test_a_tool_is_asked_and_the_model_answers_with_what_it_gave(called, server, clips, model, shop):
    call = called(server, "asking")
    model.calls("opening_hours", {"day": "sunday"}, say="I will look it up.")
    call.answer(call.say(clips["open"]))
    assert call.wait_for_turns(3)[-1] == ("agent", "I will look it up. " + ANSWER)
    assert shop.asked == ["/hours/sunday"] and model.seen()[-1][-1] == '{"opens": "ten"}'
    assert [(one["tool"], one["outcome"]) for one in last_detail(call)["tools"]] == [("opening_hours", "ok")]


def test_over_a_tool_that_hangs_the_caller_hears_a_filler_and_then_an_answer(called, server, clips, model, shop):
    call = called(server, "hanging", timeout="4s", filler="500ms")
    shop.hangs = True
    model.calls("opening_hours", {"day": "sunday"})
    asked = call.say(clips["open"])
    filler, silent = call.answer(asked)
    assert filler - asked < 3.5  # the tool has 4 s, and the end of the turn takes its time, too
    call.answer(silent)
    assert call.wait_for_turns(3)[-1] == ("agent", ANSWER)
    assert model.was_told("no result within 4")
    detail = last_detail(call)
    assert detail["filler"] == "One moment please." and detail["tools"][0]["outcome"] == "timeout"


def test_the_agent_hangs_up_after_its_goodbye(called, server, clips, model):
    call = called(server, "leaving")
    model.calls("end_call", {}, say="Goodbye and thank you for calling.")
    call.say(clips["open"])
    ended = call.ended()
    assert ended["detail"] == "agent said goodbye" and ended["ok"]
    assert call.said("agent")[-1] == "Goodbye and thank you for calling."


def test_who_interrupts_cancels_the_tool_and_is_answered(called, server, clips, model, shop):
    call = called(server, "interrupted", timeout="30s")
    shop.hangs = True
    model.calls("opening_hours", {"day": "sunday"}, say="I will look it up for you in our great book of opening hours, which may take a little while.")
    first = call.callers.wait("ann", "speech", after=call.say(clips["open"]), timeout=30)["at"]
    time.sleep(max(0, first + 1 - time.monotonic()))  # in the middle of it
    call.say(clips["stop"])
    parts.wait_for(lambda: ANSWER in call.said("agent"), 30, "an answer")
    assert outcomes(call) == [("opening_hours", "cancelled")] and model.was_told("cancelled: the caller spoke")


def test_wrong_arguments_are_told_to_the_model_and_nothing_is_asked(called, server, clips, model, shop):
    call = called(server, "wrong")
    model.calls("opening_hours", {"day": "someday"})
    call.answer(call.say(clips["open"]))
    assert call.wait_for_turns(3)[-1] == ("agent", ANSWER)
    assert shop.asked == [] and outcomes(call) == [("opening_hours", "invalid")]
    assert model.was_told("the arguments are wrong")


def test_a_model_that_only_calls_tools_is_stopped_after_three_steps_and_the_call_goes_on(called, server, clips, model, shop):
    call = called(server, "endless")
    model.calls("opening_hours", {"day": "sunday"}, times=100)
    call.say(clips["open"])
    parts.wait_for(lambda: len(model.seen()) == 4, 30, "four requests")
    time.sleep(1)  # there might be a fifth
    assert len(model.seen()) == 4 and shop.asked == ["/hours/sunday"] * 3
    model.answers()
    call.answer(call.say(clips["open"]))
    parts.wait_for(lambda: call.said("agent")[-1:] == [ANSWER], 30, "an answer")


@pytest.mark.parametrize("flags", [(), ("--dev",)], ids=["processes", "dev"])
def test_a_caller_is_transferred_once_the_agents_words_are_heard(called, server, clips, model, flags):
    front = SipFront(server)
    front.over.clear()
    try:
        call = called(server, "transferring" + "".join(flags), *flags, at=front)
        model.calls("transfer", {"to": "sales"}, say=THROUGH)
        _, silent = call.answer(call.say(clips["open"]))
        parts.wait_for(lambda: front.asked, 10, "the transfer")
        front.over.set()
        ended = call.ended()
    finally:
        front.stop()
    assert ended["detail"] == "transferred to sales" and ended["ok"], ended
    assert len(front.asked) == 1 and front.asked[0]["at"] > silent - 0.1
    wanted = front.asked[0]["body"]
    assert (wanted["room_name"], wanted["participant_identity"], wanted["transfer_to"]) == (call.room, "ann", "tel:+49301234")
    claims = front.asked[0]["claims"]
    assert claims["sip"] == {"call": True} and claims["video"] == {"roomAdmin": True, "room": call.room}
    assert outcomes(call) == [("transfer", "ok")] and call.said("agent")[-1] == THROUGH and len(model.seen()) == 1


def test_a_transfer_that_is_refused_is_told_to_the_model_and_the_call_goes_on(called, server, clips, model):
    front = SipFront(server)
    front.status, front.body = "503 Service Unavailable", {"code": "unavailable", "msg": "no response from servers"}
    try:
        call = called(server, "refused", at=front)
        model.calls("transfer", {"to": "desk"}, say=THROUGH)
        call.say(clips["open"])
        parts.wait_for(lambda: call.said("agent")[-1:] == [f"{THROUGH} {ANSWER}"], 30, "an answer")
    finally:
        front.stop()
    assert front.asked[0]["body"]["transfer_to"] == "sip:desk@example.com"
    assert model.was_told("could not be transferred: TransferSIPParticipant: no SIP service holds this call")
    assert outcomes(call) == [("transfer", "failed")] and not call.agent.events("job_ended")


@pytest.mark.parametrize("attributes,why", [({}, "the caller does not come over LiveKit's SIP service"),
                                            ({"sip.callID": "SCL_1"}, "no SIP service holds this call")], ids=["stranger", "without-sip"])
def test_a_real_server_transfers_nobody_without_its_sip_service(called, server, clips, model, attributes, why):
    call = called(server, "real" + str(len(attributes)))
    if attributes:
        load.ask(server, "RoomService", "UpdateParticipant", {"room": call.room, "identity": "ann", "attributes": attributes}, call.room)
    model.calls("transfer", {"to": "sales"}, say=THROUGH)
    call.say(clips["open"])
    parts.wait_for(lambda: call.said("agent")[-1:] == [f"{THROUGH} {ANSWER}"], 60, "an answer")
    assert model.was_told("the caller could not be transferred: TransferSIPParticipant: " + why), model.seen()[-1]
    assert not call.agent.events("job_ended")


def test_a_supervisor_that_dies_over_a_transfer_leaves_the_call_with_an_answer(called, server, clips, model):
    front = SipFront(server)
    front.over.clear()
    try:
        call = called(server, "orphaned", at=front)
        model.calls("transfer", {"to": "sales"}, say=THROUGH)
        call.say(clips["open"])
        parts.wait_for(lambda: front.asked, 30, "the transfer")
        os.kill(call.agent.process.pid, signal.SIGKILL)
        parts.wait_for(lambda: model.was_told("nobody is there who could transfer the call"), 20, "word of it")
    finally:
        front.stop()


def test_a_call_process_that_dies_over_a_transfer_leaves_the_supervisor_unharmed(called, server, clips, model):
    front = SipFront(server)
    front.over.clear()
    try:
        call = called(server, "bereft", at=front)
        model.calls("transfer", {"to": "sales"}, say=THROUGH)
        call.say(clips["open"])
        parts.wait_for(lambda: front.asked, 30, "the transfer")
        for pid in call.agent.call_processes():
            os.kill(pid, signal.SIGKILL)
        parts.wait_for(lambda: call.agent.events("process_died"), 20, "the death noticed")
        front.over.set()  # an answer for nobody
        model.answers()
        back = time.monotonic()

        def answered():
            call.say(clips["open"])
            return call.callers.wait("ann", "speech", after=back, timeout=8, needed=False)

        parts.wait_for(answered, 60, "an answer of who has taken the call up")
    finally:
        front.stop()
    assert call.agent.process.poll() is None and not call.agent.events("job_ended")
