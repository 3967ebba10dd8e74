"""Small versions of scripts/greetings and scripts/burst: the head of a greeting, and simultaneous dispatches."""
import os

import numpy
import parts
import pytest
from load import agent as ours
from load import burst, greetings, load


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return ours.Clips(tmp_path_factory.mktemp("clips"))


def test_a_chirp_without_its_beginning_is_found_out():
    words = numpy.random.default_rng(1).normal(0, 2000, 16000)
    whole = numpy.concatenate([numpy.zeros(8000), load.chirp(), words])
    late = numpy.concatenate([numpy.zeros(8000), load.chirp()[160:], words])
    assert min(greetings.score(whole, 16000)[0]) > 0.95
    assert greetings.score(late, 16000)[0][0] < greetings.ENOUGH < min(greetings.score(late, 16000)[0][1:])
    assert min(greetings.score(words, 16000)[0]) < 0.6


def test_the_first_50_ms_of_every_greeting_are_heard(server, agents, clips, tmp_path):
    agents(server, ours.yaml("greeter", clips))
    with load.Callers(server) as callers:
        heard = [greetings.listen(server, callers, f"caller{number}", "greeter", tmp_path) for number in range(5)]
    # A machine that runs tests is busy, and a jitter buffer then stretches sound: scripts/greetings asks for more on a quiet one.
    assert all(one["score"] >= 0.6 for one in heard), heard


@pytest.mark.parametrize("count", [5, 20])
def test_of_simultaneous_dispatches_none_is_lost(server, agents, clips, count):
    agent = agents(server, ours.yaml(f"burst{count}", clips))
    seen = burst.burst(server, agent, f"burst{count}", count, f"test{count}")
    assert len(seen["joined_ms"]) == count and not seen["silent"] and not seen["refused"], seen


def test_what_finds_no_room_is_refused_with_a_reason(server, agents, clips):
    agent = agents(server, ours.yaml("narrow", clips, "processes: 1\nmax_calls: 2\n"))
    seen = burst.burst(server, agent, "narrow", 5, "narrow")
    # Refused by us, or not offered to us any more once the server knows that we are full: --wait tells of it either way.
    assert len(seen["joined_ms"]) == 2 and set(seen["refused"]) <= {"full"} and len(seen["hints"]) == 3, seen
    assert all("narrow" in hint and "full" in hint for hint in seen["hints"]), seen["hints"]


def test_calls_that_the_load_does_not_know_of_yet_are_counted(server, agents, clips):
    # Each is taken for three hundredths of a core until the average has it, so that a burst does not fill the machine over its threshold.
    agent = agents(server, ours.yaml("careful", clips, "max_calls: 30\n"), "--load-threshold", "0.1")
    seen = burst.burst(server, agent, "careful", 10, "careful")
    assert len(seen["joined_ms"]) <= 0.1 / (0.03 / os.cpu_count()) + 1, seen
