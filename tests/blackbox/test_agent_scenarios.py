"""What callers do to an agent, against a real server: judged by what the caller hears (tests/load/callers.cpp) and what is stored."""
import os
import signal
import time

import numpy
import parts
import pytest
from load import agent as ours
from load import load

GREETING = "Good morning, this is the city library. What can I do for you?"
HOURS = "We are open from nine in the morning until six in the evening."
LONG = ("The library was founded by a teacher and a baker. At first it had forty books and one chair. Then the mayor gave it a house with a garden. "
        "Children came after school to read there. In the war it was closed and the books were kept in a cellar.")
YAML = f"""
name: {{name}}
greeting: {GREETING}
stt: {{{{provider: pocketsphinx, phrases: ["when are you open", "tell me the story of the library", "okay"]}}}}
llm:
  provider: script
  rules:
    - {{{{match: open, answer: {HOURS}}}}}
    - {{{{match: story, answer: "{LONG}"}}}}
    - {{{{match: okay, answer: "Is there anything else?"}}}}
  default: I do not know.
tts: {{{{provider: flite, voice: slt}}}}
"""


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    out = {name: load.speak(folder / f"{name}.wav", text) for name, text in
           (("hours", "when are you open"), ("story", "tell me the story of the library"), ("okay", "okay"))}
    noise = numpy.random.default_rng(1).normal(0, 6000, 16000 * 7 // 10)
    out["noise"] = load.write_clip(folder / "noise.wav", numpy.clip(noise, -20000, 20000))
    return out


class Call:
    """An agent in a room with a caller, until the test is over."""

    def __init__(self, server, agent, callers, name):
        self.server, self.agent, self.callers, self.name, self.room = server, agent, callers, name, "room-of-" + name

    def begin(self, identity="ann", wait=True):
        self.callers.join(identity, self.room)
        self.sent = load.dispatch(self.server, self.room, self.name)
        return self.greeted(identity) if wait else None

    def greeted(self, identity="ann"):
        """When the greeting was over."""
        began = self.callers.wait(identity, "speech", after=self.sent, timeout=30)["at"]
        return self.callers.wait(identity, "silence", after=began, timeout=30)["at"]

    def say(self, clip, identity="ann"):
        """When its last sound was sent."""
        began = time.monotonic()
        self.callers.play(identity, clip)
        return self.callers.wait(identity, "played", after=began, timeout=30)["at"]

    def answer(self, after, identity="ann", timeout=30):
        """(first, last sound) of what the agent says next."""
        first = self.callers.wait(identity, "speech", after=after, timeout=timeout)["at"]
        return first, self.callers.wait(identity, "silence", after=first, timeout=60)["at"]

    def turns(self):
        shown = parts.voicectl("transcript", "show", self.room, "--store", self.agent.store, "--json")
        return shown.json["turns"] if shown.code == 0 else []

    def said(self, speaker):
        return [turn["text"] for turn in self.turns() if turn["speaker"] == speaker]

    def wait_for_turns(self, count):
        parts.wait_for(lambda: len(self.turns()) >= count, what=f"{count} turns")
        return [(turn["speaker"], turn["text"]) for turn in self.turns()]

    def ended(self):
        """The last job's end."""
        return parts.wait_for(lambda: ours.events(self.agent, "job_ended"), 30, "the end of the call")[-1]

    def close(self):
        load.end_room(self.server, self.room)


@pytest.fixture
def scenario(server, agents):
    """scenario(name, more yaml) → a Call that has not begun."""
    made = []

    def make(name, more="", where=server, store=None):
        agent = agents(where, YAML.format(name=name) + more)
        callers = load.Callers(where)
        made.append((callers, Call(where, agent, callers, name)))
        return made[-1][1]

    yield make
    for callers, call in made:
        callers.stop()
        call.close()


def test_what_is_said_over_the_greeting_is_answered_after_it(scenario, clips):
    call = scenario("race")
    call.begin(wait=False)
    call.callers.wait("ann", "track")
    call.say(clips["hours"])
    call.greeted()
    assert call.wait_for_turns(3)[-1] == ("agent", HOURS)
    turns = call.turns()
    assert sorted(turn["text"] for turn in turns[:2]) == sorted([GREETING, "when are you open"]) and not any(turn["interrupted"] for turn in turns)


def test_an_interrupted_answer_ends_at_once_and_the_record_has_what_was_heard(scenario, clips):
    call = scenario("barge")
    call.begin()
    first, _ = (call.callers.wait("ann", "speech", after=call.say(clips["story"]), timeout=30)["at"], None)
    time.sleep(max(0, first + 4 - time.monotonic()))  # in the middle of it, and heard so by us
    began = time.monotonic()
    call.callers.play("ann", clips["hours"])
    onset = call.callers.wait("ann", "playing", after=began)["at"]
    silent = call.callers.wait("ann", "silence", after=onset, timeout=60)["at"]
    call.answer(silent)
    turns = call.wait_for_turns(5)
    assert turns[-2:] == [("user", "when are you open"), ("agent", HOURS)]
    cut = [turn for turn in call.turns() if turn["speaker"] == "agent"][1]
    assert cut["interrupted"] and LONG.startswith(cut["text"].rstrip(".")) and 10 < len(cut["text"]) < len(LONG) / 2
    assert silent - onset < 3  # the whole of it takes 14 s


@pytest.mark.parametrize("word", ["okay", "noise"])
def test_agreement_and_noise_do_not_take_the_turn(scenario, clips, word):
    call = scenario("agreeing-" + word)
    call.begin()
    first = call.callers.wait("ann", "speech", after=call.say(clips["story"]), timeout=30)["at"]
    time.sleep(max(0, first + 4 - time.monotonic()))
    call.say(clips[word])
    parts.wait_for(lambda: LONG in call.said("agent"), 60, "the whole story")
    assert not any(turn["interrupted"] for turn in call.turns())


def test_a_silent_caller_is_asked_and_then_hung_up_on(scenario):
    call = scenario("patient", "away: {after: 2s, times: 1, say: \"Are you still there?\", goodbye: Then goodbye.}\n")
    call.begin()
    assert call.ended()["detail"] == "the caller was silent"
    assert call.said("agent") == [GREETING, "Are you still there?", "Then goodbye."]


def test_a_long_answer_is_heard_to_its_end(scenario, clips):
    call = scenario("story")
    call.begin()
    first = call.callers.wait("ann", "speech", after=call.say(clips["story"]), timeout=30)["at"]
    parts.wait_for(lambda: LONG in call.said("agent"), 60, "the whole story")
    last = call.callers.wait("ann", "silence", after=first, timeout=20)["at"]
    whole = next(turn for turn in call.turns() if turn["text"] == LONG)
    assert not whole["interrupted"] and last - first > 10


def test_two_agents_in_a_room_serve_the_caller_and_not_each_other(scenario, clips):
    one, other = scenario("twin-one"), scenario("twin-two")
    one.begin()
    load.dispatch(one.server, one.room, "twin-two")
    other.room = one.room
    parts.wait_for(lambda: other.said("agent") == [GREETING], 30, "the second greeting")
    one.say(clips["hours"])
    for call in (one, other):
        parts.wait_for(lambda call=call: call.said("agent") == [GREETING, HOURS], 30, "both answers")
    time.sleep(3)  # were they to answer each other, they would now
    for call in (one, other):
        assert call.wait_for_turns(3) == [("agent", GREETING), ("user", "when are you open"), ("agent", HOURS)]


def test_a_caller_who_leaves_in_mid_speech_ends_the_call_and_the_next_is_served(scenario, clips):
    call = scenario("left", "caller_return: 0s\n")
    call.begin()
    began = time.monotonic()
    call.callers.play("ann", clips["story"])
    call.callers.wait("ann", "playing", after=began)
    call.callers.leave("ann")
    assert call.ended()["detail"] == "caller left"
    call.close()
    call.room = "room-of-next"
    call.begin("bob")
    call.answer(call.say(clips["hours"], "bob"), "bob")
    assert call.wait_for_turns(3)[-1] == ("agent", HOURS)


def test_a_caller_who_returns_finds_the_same_call(scenario, clips):
    call = scenario("back", "caller_return: 20s\n")
    call.begin()
    call.callers.leave("ann")
    call.callers.join("ann", call.room)
    call.callers.wait("ann", "heard")
    call.answer(call.say(clips["hours"]))
    assert call.wait_for_turns(3) == [("agent", GREETING), ("user", "when are you open"), ("agent", HOURS)]
    assert len(ours.events(call.agent, "job_started")) == 1 and not ours.events(call.agent, "job_ended")


def test_a_second_caller_is_not_taken_for_the_first(scenario, clips):
    call = scenario("first")
    call.begin()
    call.callers.join("bob", call.room)
    call.callers.wait("bob", "heard")
    call.say(clips["story"], "bob")
    call.callers.leave("bob")
    call.answer(call.say(clips["hours"]))
    assert call.wait_for_turns(3) == [("agent", GREETING), ("user", "when are you open"), ("agent", HOURS)]
    assert not ours.events(call.agent, "job_ended")


def test_a_person_with_an_agents_name_is_a_caller(scenario, clips):
    call = scenario("namesake")
    call.begin("agent-namesake")
    call.answer(call.say(clips["hours"], "agent-namesake"), "agent-namesake")
    assert call.wait_for_turns(3)[-1] == ("agent", HOURS)


slow = pytest.mark.skipif(not os.environ.get("VOICECTL_SLOW_TESTS"), reason="two minutes: set VOICECTL_SLOW_TESTS=1")


@pytest.mark.parametrize("seconds", [0.5, 5, pytest.param(60, marks=slow)])
def test_a_call_outlives_its_server(own_server, scenario, clips, seconds):
    call = scenario("outlived", where=own_server)
    call.begin()
    own_server.process.send_signal(signal.SIGKILL)
    own_server.process.wait()
    time.sleep(seconds)  # the length of the loss is what is tested
    back = time.monotonic()
    own_server.start()
    call.callers.wait("ann", "heard", after=back, timeout=90)
    parts.wait_for(lambda: len(agents_there(call)) == 1, 60, "the agent back in its room")

    def answered():
        call.say(clips["hours"])
        return call.callers.wait("ann", "speech", after=back, timeout=8, needed=False)

    parts.wait_for(answered, 60, "an answer")
    parts.wait_for(lambda: HOURS in call.said("agent"), 30, "the answer stored")
    assert not ours.events(call.agent, "job_ended") and call.said("agent").count(GREETING) == 1


def agents_there(call):
    people = load.ask(call.server, "RoomService", "ListParticipants", {"room": call.room}, call.room).get("participants", [])
    return [one["identity"] for one in people if one.get("kind") == "AGENT" and one.get("state") == "ACTIVE"]
