"""Every script in tests/scenarios, called by `e2e-call --local`: the way users try their own agents."""
import parts
import pytest

FOLDER = parts.ROOT / "tests/scenarios"
NAMES = sorted(path.name.removesuffix(".call.yaml") for path in FOLDER.glob("*.call.yaml"))


def call(name, *more):
    own = FOLDER / f"{name}.agent.yaml"
    agent = own if own.exists() else FOLDER / "library.agent.yaml"
    return parts.voicectl("e2e-call", "--local", "--agent-config", agent, "--script", FOLDER / f"{name}.call.yaml", "--json", *more, timeout=180)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_passes(name):
    result = call(name)
    assert result.code == 0, result.err
    assert result.json["passed"] and all(check["state"] == "passed" for check in result.json["checks"])


# ---- each of these checks can fail ----

AGENT = """
name: wrong
greeting: Good morning, this is the city library. What can I do for you?
stt: {{provider: pocketsphinx, phrases: [when are you open, tell me the story of the library, okay]}}
llm:
  provider: script
  rules:
    - {{match: open, answer: We are open from nine in the morning until six in the evening.}}
    - {{match: story, answer: "The library was founded by a teacher and a baker. At first it had forty books and one chair. Then the mayor gave it a house."}}
  default: Is there anything else that I can do for you?
tts: {{provider: flite, voice: slt}}
{more}
"""
STORY = ("  - {say: Tell me the story of the library., expect: The library was founded by a teacher and a baker. "
         "At first it had forty books and one chair. Then the mayor gave it a house.}\n")


@pytest.mark.parametrize("more, turns, check, why", [
    ("turn: {interruptions: false}", STORY + '  - {say: "When are you open?", over: 2s, stops: 1s}\n', "stopped_2", "it spoke on for"),
    ("turn: {backchannels: []}", STORY + "  - {say: Okay., over: 2s, goes_on: true}\n", "answer_1", "expected"),
    ("", '  - {say: "When are you open?"}\n  - {say: Okay., over: 30s}\n', "said_2", "the agent was silent"),
    ("", '  - {say: "When are you open?", ends: true}\n', "ended_1", "still there"),
    ("", "  - {silence: 2s}\n", "answer_1", "no answer within 2.0 s"),
], ids=["not-stopped", "stopped-by-agreement", "nothing-to-speak-over", "not-ended", "silent"])
def test_an_agent_that_behaves_otherwise_fails(tmp_path, more, turns, check, why):
    (tmp_path / "agent.yaml").write_text(AGENT.format(more=more))
    (tmp_path / "call.yaml").write_text("turns:\n" + turns)
    result = parts.voicectl("e2e-call", "--local", "--agent-config", tmp_path / "agent.yaml", "--script", tmp_path / "call.yaml", "--json",
                            "--answer-timeout", "8s", timeout=180)
    assert result.code == 3, result.err
    failed = [one for one in result.json["checks"] if one["state"] == "failed"]
    assert failed[0]["id"] == check and why in failed[0]["detail"], failed


def test_a_greeting_that_is_not_expected_cannot_be_spoken_over(tmp_path):
    (tmp_path / "call.yaml").write_text("turns:\n  - {say: Stop., over: 1s}\n")
    result = parts.voicectl("e2e-call", "--local", "--script", tmp_path / "call.yaml", "--no-greeting")
    assert result.code == 2 and "not expected" in result.err, result
