"""voicectl's agent for bursts, greetings and soaks, and for their small versions among the tests."""
import json
import pathlib

import numpy
import parts
from load import load

QUESTION = "what are your opening hours"
GREETING = "Hello."
ANSWER = "We are open."
RATE = 16000


def greeting_clip(path):
    """A chirp of 50 ms, 100 ms of nothing, and words."""
    words, rate = load.read_clip(load.speak(path, "hello this is the garden restaurant"))
    return load.write_clip(path, numpy.concatenate([load.chirp(rate=rate), numpy.zeros(rate // 10), words]), rate)


def hum(path, seconds):
    """Sound without the pauses of speech, so that every pause in what is heard is a gap. It begins and ends softly."""
    t = numpy.arange(int(RATE * seconds)) / RATE
    sound = sum(numpy.sin(2 * numpy.pi * 160 * k * t + 3 * numpy.sin(2 * numpy.pi * 1.5 * t)) / k for k in range(1, 8))
    edge = numpy.minimum(1, numpy.minimum(t, t[-1] - t) / 0.01)
    return load.write_clip(path, 5000 * sound * edge, RATE)


class Clips:
    def __init__(self, folder, answer_seconds=3.5):
        folder = pathlib.Path(folder)
        self.question = load.speak(folder / "question.wav", QUESTION)
        self.greeting = greeting_clip(folder / "greeting.wav")
        self.answer = hum(folder / "answer.wav", answer_seconds)


def yaml(name, clips, more=""):
    prompts = ", ".join(f"{{text: {json.dumps(text)}, file: {json.dumps(str(file))}}}" for text, file in ((GREETING, clips.greeting), (ANSWER, clips.answer)))
    return (f"name: {name}\ngreeting: {GREETING}\nstt: {{provider: pocketsphinx, phrases: [{json.dumps(QUESTION)}]}}\n"
            f"llm: {{provider: script, rules: [], default: {json.dumps(ANSWER)}}}\ntts: {{provider: recorded, prompts: [{prompts}]}}\n"
            f"caller_return: 0s\n{more}")


def events(agent, kind=None):
    every = [json.loads(line) for line in agent.log.read_text().splitlines() if line.startswith("{")]
    return [event for event in every if kind in (None, event.get("event"))]


def wait_until_idle(agent, seconds=30):
    """Every job that was accepted is over."""
    parts.wait_for(lambda: len(events(agent, "job_ended")) >= len(events(agent, "job_accepted")), seconds, "all calls ended")
