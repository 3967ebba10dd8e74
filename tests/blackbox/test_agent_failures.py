"""What a caller hears when those fail who listen, think and speak: real calls, judged by `e2e-call`; the providers' faults are made by
tests/fake_providers.py. "In time" is 1.5 s from the failure till somebody else is heard, by the caller's ear, after the half second that
ends a turn. Within an answer `e2e-call` itself hears to that: for it 1.2 s of silence are the end of one."""
import json
import subprocess
import sys
import urllib.request

import parts
import pytest

GREETING = "Good morning, this is the city library. What can I do for you?"
OPEN = "We are open from nine in the morning until six in the evening."
STORY = ("The library was founded by a teacher and a baker. At first it had forty books and one chair. Then the mayor gave it a house with a "
         "garden. Children came after school to read there.")
GOODBYE = "I am sorry, I have technical trouble and have to end our call. Goodbye."

AGENT = """
name: steady
greeting: {greeting}
stt: {stt}
llm: {llm}
tts: {tts}
{more}
"""
EARS = "{provider: pocketsphinx, phrases: [when are you open, tell me the story of the library]}"
SCRIPT = "{provider: script, rules: [{match: open, answer: '" + OPEN + "'}, {match: story, answer: '" + STORY + "'}], default: I do not know.}"
FLITE = "{provider: flite, voice: slt}"
ASK = "When are you open?"
IN_TIME_MS = 500 + 1500


class Providers:
    def __init__(self):
        self.port = parts.free_port()
        self.process = subprocess.Popen([sys.executable, parts.ROOT / "tests/fake_providers.py", str(self.port)])
        parts.wait_for(lambda: parts.accepts(self.port), what="the providers")
        at = f"base_url: 'http://127.0.0.1:{self.port}/v1'"
        self.model = "{provider: openai, model: fake, first_token_timeout: 1, " + at + "}"
        self.voice = "{provider: openai, model: fake, pcm_rate: 16000, first_audio_timeout: 1, " + at + "}"
        self.ears = f"{{provider: deepgram, connect_timeout: 1, base_url: 'ws://127.0.0.1:{self.port}/v1'}}"

    def tell(self, kind, what):
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{kind}", json.dumps(what).encode(), timeout=5).close()

    def fail(self, kind, fault, times=99, **more):
        self.tell(kind, {"fault": fault, "times": times, **more})

    def seen(self, kind):
        every = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/seen", timeout=5).read())
        return [one for one in every if kind in one]

    def agent(self, stt=EARS, llm=None, tts=None, more=""):
        return AGENT.format(greeting=GREETING, stt=stt, llm=llm or f"[{self.model}, {SCRIPT}]", tts=tts or f"[{self.voice}, {FLITE}]", more=more)


@pytest.fixture
def providers():
    running = Providers()
    yield running
    running.process.kill()
    running.process.wait()


def no_greeting(agent):
    return agent.replace("greeting: " + GREETING, "greeting: ''")


def turn(say=ASK, expect=OPEN, **more):
    return {"say": say, "expect": expect, **more}


def call(folder, agent, *turns, flags=()):
    (folder / "agent.yaml").write_text(agent)
    (folder / "call.yaml").write_text(json.dumps({"turns": list(turns)}))
    result = parts.voicectl("e2e-call", "--local", "--agent-config", folder / "agent.yaml", "--script", folder / "call.yaml", "--json", "--store", folder / "store.db", *flags, timeout=240)
    kept = ["transcript", "show", result.json["room"], "--store", folder / "store.db", "--json"]
    result.report = parts.voicectl(*kept, "--report").json
    result.asked = [one["text"] for one in parts.voicectl(*kept).json["turns"] if one["speaker"] == "user"]
    return result


def check(result, name):
    return next(one for one in result.json["checks"] if one["id"] == name)


def passed(result):
    assert result.code == 0, result
    return result


def latency(result, number=1):
    """Milliseconds from the question's last sound to the answer's first, by the caller's ear."""
    return check(result, f"latency_{number}")["evidence"]["latencyMs"]


def whole(result, number=1):
    """No word twice and none lost, as far as a recogniser can tell that hears well-spoken words."""
    evidence = check(result, f"answer_{number}")["evidence"]
    expected, heard = evidence["expected"].split(), evidence["heard"].split()
    assert evidence["score"] >= 0.8 and abs(len(heard) - len(expected)) <= 2, evidence


# ---- the voice ----

@pytest.mark.parametrize("faults", [["down", "500"], ["lie", "empty"]], ids="-".join)
def test_a_voice_that_gives_no_sound_is_followed_at_once(providers, tmp_path, faults):
    providers.tell("voice", {"faults": list(faults)})
    result = passed(call(tmp_path, no_greeting(providers.agent(llm=SCRIPT)), turn(), turn(), flags=["--no-greeting"]))
    assert latency(result) < IN_TIME_MS and latency(result, 2) < IN_TIME_MS
    whole(result), whole(result, 2)
    assert [one["fault"] for one in providers.seen("voice")][:2] == faults


def test_a_voice_that_has_failed_three_times_is_not_asked_again(providers, tmp_path):
    providers.fail("voice", "500")
    passed(call(tmp_path, providers.agent(llm=SCRIPT), turn(), turn()))
    assert 3 <= len(providers.seen("voice")) <= 4, providers.seen("voice")  # perhaps one that was asked ahead


def test_a_voice_that_says_nothing_is_followed_when_its_time_is_over(providers, tmp_path):
    providers.fail("voice", "slow")
    result = passed(call(tmp_path, providers.agent(llm=SCRIPT), turn()))
    assert latency(result) < 1000 + IN_TIME_MS  # first_audio_timeout: 1
    whole(result)


@pytest.mark.parametrize("after", [0.4, 1.1, 1.9, 2.6])
def test_a_voice_that_breaks_off_is_followed_from_that_word_on(providers, tmp_path, after):
    agent = no_greeting(providers.agent(llm=SCRIPT))
    providers.fail("voice", "cut", times=1, after=after)
    result = passed(call(tmp_path, agent, turn(), flags=["--no-greeting"]))
    assert latency(result) < IN_TIME_MS
    whole(result)
    assert [one["fault"] for one in providers.seen("voice")][0] == "cut"


# ---- the model ----

@pytest.mark.parametrize("faults", [["down", "500"], ["lie", "429"]], ids="-".join)
def test_a_model_that_gives_no_word_is_followed_at_once(providers, tmp_path, faults):
    providers.tell("model", {"faults": list(faults)})
    result = passed(call(tmp_path, no_greeting(providers.agent(tts=FLITE)), turn(), turn(), flags=["--no-greeting"]))
    assert latency(result) < IN_TIME_MS and latency(result, 2) < IN_TIME_MS
    whole(result), whole(result, 2)
    assert [one["fault"] for one in providers.seen("model")][:2] == faults


def test_a_model_that_says_nothing_is_followed_when_its_time_is_over(providers, tmp_path):
    providers.fail("model", "slow")
    result = passed(call(tmp_path, providers.agent(tts=FLITE), turn()))
    assert latency(result) < 1000 + IN_TIME_MS
    whole(result)


@pytest.mark.parametrize("after", [2, 7])
def test_a_model_that_breaks_off_is_followed_by_one_that_is_asked_for_the_rest(providers, tmp_path, after):
    words = OPEN.split(" ")
    rest = f"{{provider: script, rules: [{{match: 'Go on exactly', answer: '{' ' + ' '.join(words[after:])}'}}], default: I do not know.}}"
    providers.fail("model", "cut", times=1, after=after)
    result = passed(call(tmp_path, providers.agent(llm=f"[{providers.model}, {rest}]", tts=FLITE), turn()))
    whole(result)


def test_too_many_requests_are_not_made_more(providers, tmp_path):
    """A 429 with Retry-After keeps everybody away, and the caller does not notice."""
    providers.fail("model", "429")
    result = passed(call(tmp_path, providers.agent(tts=FLITE, more="failover: {strikes: 50}"), *[turn() for _ in range(4)]))
    assert max(latency(result, number) for number in (1, 2, 3, 4)) < IN_TIME_MS
    assert len(providers.seen("model")) == 1


# ---- the recogniser ----

@pytest.mark.parametrize("fault", ["down", "500", "lie"])
def test_a_recogniser_that_is_not_there_is_followed(providers, tmp_path, fault):
    providers.fail("ears", fault)
    agent = no_greeting(providers.agent(stt=f"[{providers.ears}, {EARS}]", llm=SCRIPT, tts=FLITE))
    result = passed(call(tmp_path, agent, turn(), turn(), flags=["--no-greeting"]))
    assert result.asked == ["when are you open"] * 2


@pytest.mark.parametrize("after", [0.5, 1.5])
def test_a_recogniser_that_breaks_off_costs_no_word(providers, tmp_path, after):
    providers.fail("ears", "cut", after=after)
    result = passed(call(tmp_path, providers.agent(stt=f"[{providers.ears}, {EARS}]", llm=SCRIPT, tts=FLITE), turn("Tell me the story of the library.", STORY)))
    assert result.asked == ["tell me the story of the library"]


# ---- everybody ----

def test_when_all_are_down_the_caller_is_told_and_the_call_ends(providers, tmp_path):
    providers.fail("model", "500")
    providers.fail("voice", "down")
    agent = providers.agent(llm=f"[{providers.model}, {providers.model}]", tts=f"[{providers.voice}, {providers.voice}]")
    agent = no_greeting(agent)
    result = passed(call(tmp_path, agent, turn(expect=GOODBYE, ends=True), flags=["--no-greeting"]))
    assert latency(result) < IN_TIME_MS
    assert "openai answered 500" in result.report["reason"], result.report["reason"]


def test_the_first_choice_comes_back_when_it_works_again(providers, tmp_path):
    """Three strikes, and a while later it is well again: with `recover` it is asked once more, without it never."""
    providers.fail("voice", "500", times=3)
    agent = providers.agent(llm=SCRIPT, more="failover: {recover: true}")
    result = passed(call(tmp_path, agent, turn(), turn(), turn(), turn(pause="32s")))
    assert [one["fault"] for one in providers.seen("voice")][:3] == ["500"] * 3
    assert providers.seen("voice")[-1] == {"voice": OPEN, "fault": None}
    for number in (1, 2, 3, 4):
        assert latency(result, number) < IN_TIME_MS
