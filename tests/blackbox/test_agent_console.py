"""agent console: the agent in a terminal, without LiveKit."""
import json
import os
import pty
import signal
import subprocess
import time
import wave

import parts

RECEPTIONIST = parts.ROOT / "examples/receptionist.yaml"
GREETING = "Hello, this is the garden restaurant. How can I help you?"


def console(*arguments, **more):
    return parts.voicectl("agent", "console", *arguments, **more)


def lines(result):
    return [json.loads(line) for line in result.out.splitlines()]


def test_lines_are_answered_one_after_the_other():
    result = console(RECEPTIONIST, stdin="When are you open?\n\nBook a table for four people\n")
    assert result.code == 0, result
    assert result.out.splitlines() == [GREETING, "We are open from nine in the morning until ten in the evening.",
                                       "Your table for four people is booked. We are looking forward to your visit."]
    assert result.err == ""


def test_the_agents_goodbye_ends_it_whatever_is_left_to_say():
    result = console(RECEPTIONIST, stdin="Goodbye\nWhere are you?\n")
    assert result.code == 0 and result.out.splitlines()[-1] == "Thank you for calling. Goodbye!", result
    assert "agent said goodbye" in result.err


def test_events_in_json_and_stage_times():
    result = console(RECEPTIONIST, "-o", "jsonl", stdin="Where are you?\n")
    events = lines(result)
    assert [event["event"] for event in events] == ["agent", "user", "agent", "ended"], result
    assert events[1]["text"] == "Where are you?" and events[2]["detail"]["llmMs"] >= 0
    assert events[3] == {"event": "ended", "ok": True, "reason": "the caller hung up", "turns": 3}
    result = console(RECEPTIONIST, "-v", stdin="Where are you?\n")
    assert "llm " in result.err and " ms" in result.err, result


def test_metadata_prompts_and_languages_work_as_in_a_call(tmp_path):
    config = tmp_path / "agent.yaml"
    config.write_text(RECEPTIONIST.read_text().replace("greeting: Hello,", "greeting: Hello {{guest|there}},") +
                      "\nlanguage: en\nlanguages: {de: {greeting: 'Guten Tag {{caller.name}}.'}}\n")
    assert console(config, "--metadata", '{"variables": {"guest": "Ann"}}', stdin="").out.startswith("Hello Ann,")
    assert console(config, "--metadata", '{"language": "de"}', stdin="").out == "Guten Tag caller.\n"
    broken = console(config, "--metadata", "{", stdin="")
    assert broken.code == 0 and broken.out.startswith("Hello there,") and "metadata are wrong" in broken.err, broken


def test_nothing_is_stored_unless_asked_for(tmp_path):
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path)}
    assert console(RECEPTIONIST, stdin="Where are you?\n", env=state).code == 0
    assert list(tmp_path.iterdir()) == []
    store = tmp_path / "s.db"
    assert console(RECEPTIONIST, "--store", store, stdin="Where are you?\n", env=state).code == 0
    shown = parts.voicectl("transcript", "show", "console", "--store", store)
    assert shown.code == 0 and "Where are you?" in shown.out, shown


def test_a_recording_is_heard_recognised_and_answered_aloud(tmp_path):
    question, answer = tmp_path / "question.wav", tmp_path / "answer.wav"
    asker = tmp_path / "asker.yaml"  # our own voice asks: an agent that says what we want to hear
    asker.write_text("name: asker\ngreeting: Where are you?\nstt: {provider: pocketsphinx, phrases: [hello]}\n"
                     "llm: {provider: script, rules: [], default: hm}\ntts: {provider: flite, voice: rms}\n")
    assert console(asker, "--out", question, stdin="").code == 0
    result = console(RECEPTIONIST, "--wav", question, "--out", answer, "-o", "jsonl", timeout=120)
    assert result.code == 0, result
    events = lines(result)
    assert [event["event"] for event in events] == ["agent", "user", "agent", "ended"], result
    assert events[1]["text"] == "where are you"
    assert events[2]["text"].startswith("Our address is twelve market street")
    assert events[2]["detail"]["answerLatencyMs"] > 0 and events[2]["detail"]["ttsMs"] >= 0
    with wave.open(str(answer)) as audio:
        assert audio.getnchannels() == 1 and audio.getnframes() / audio.getframerate() > 8  # greeting, question, answer


def test_what_cannot_be_used_is_told_before_anything_is_said(tmp_path):
    assert console("/nowhere.yaml").code == 2
    for flags in (("--wav", tmp_path), ("--wav", "/nowhere.wav"), ("--out", tmp_path / "absent" / "x.wav"), ("--out", tmp_path / "x.txt"), ("--metadata", "-")):
        result = console(RECEPTIONIST, *flags, stdin="")
        assert result.code == 2 and result.out == "" and flags[0] in result.err, (flags, result)


def test_broken_text_and_long_lines_do_no_harm():
    process = subprocess.run([parts.voicectl_path(), "agent", "console", str(RECEPTIONIST)], input=b"\xff\xfe\x00 where\n" + b"x" * 200_000 + b"\nwhere are you",
                             capture_output=True, env=parts.clean_environment(), timeout=60)
    assert process.returncode == 0, process
    assert process.stdout.decode().splitlines()[-1].startswith("Our address is")


def test_ctrl_c_ends_it_though_nobody_types(tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([parts.voicectl_path(), "agent", "console", str(RECEPTIONIST)], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=parts.clean_environment())
    os.close(theirs)
    assert process.stdout.readline().decode().strip() == GREETING
    os.write(ours, b"where are you?\n")
    assert process.stdout.readline().startswith(b"Our address")
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    os.close(ours)
