"""Every form of `transcript export` is read by another program's reader, with texts made to break it: Python's csv and json,
webvtt-py and pysubs2 for subtitles, markdown-it (CommonMark). What may be lost is what docs/transcripts.md says. And what goes
out comes in again by `transcript import`, as does a session report made by livekit-agents' own classes' form."""
import csv
import html
import io
import json
import random
import re

import parts
import pytest

webvtt = pytest.importorskip("webvtt", reason="the Python package `webvtt-py` is not installed")
pysubs2 = pytest.importorskip("pysubs2", reason="the Python package `pysubs2` is not installed")
markdown_it = pytest.importorskip("markdown_it", reason="the Python package `markdown-it-py` is not installed")

START = 1_767_323_045_000
TURNS = 400
PIECES = [
    "when are you open", "Guten Tag, schöne Grüße", "مرحبا", "日本語", "😀", "e\u0301", " ", "  ", "\n", "\r\n", "\n\n", "\t", "a", "7", "42", ".", ",", ";",
    "=1+1", "+49 151", "-5", "@x", "'", "''", '"', '""', "\\", "`", "``", "*", "**", "_", "__", "~~", "#", "# x", "- x", "1. x", "1) x", "> x", "+ x", "===", "---",
    "|", "[a](b)", "![a](b)", "[a]: b", "<b>", "</b>", "<i>x</i>", "< i>", "<!--", "-->", "--", ">", "<", "&", "&amp;", "&lt;", "&#60;", "{\\an8}", "{y:i}", "{", "}",
    "<v Bot>", "<00:00:01.000>", "00:00:01.000 --> 00:00:02.000", "1\n00:00:01,000 --> 00:00:02,000\nx", "WEBVTT", "NOTE x", "STYLE", "http://x.y/z", "\u202e", "\u2066", "\u2069",
    "\u200e", "\u200f", "\u061c", "\u2028", "\u2029", "\x85", "\x00", "\x01", "\x07", "\x1b[2J", "\x7f", "\x9b", "\x0b", "\x0c", "\x1c", "\ufeff", "\u00a0", "$x$", ":a:", "a^b",
]
TURNS_TEXT = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
SPACES = "".join(c for c in map(chr, range(0x10000)) if c.isspace())
LINE_ENDS = re.compile("[\n\r\x85\u2028\u2029]")


def visible(text, keep=""):
    """\\u202e for whatever steers or turns text around."""
    return "".join(c if c in keep or not (CONTROLS.match(c) or TURNS_TEXT.match(c) or c in "\u2028\u2029") else f"\\u{ord(c):04x}" for c in text)


def lines(text):
    return [line.strip(" \t\v\f") for line in LINE_ENDS.split(text) if line.strip(" \t\v\f")]


def hostile(seed):
    dice = random.Random(seed)
    return ["".join(dice.choice(PIECES) for _ in range(dice.randint(0, 9))) for _ in range(TURNS)]


def as_stored(texts):
    """U+0000 is U+FFFD in the store, on either engine: docs/store.md."""
    return [text.replace("\0", "\ufffd") for text in texts]


def transcript(texts, room="demo", names=("ann", "bot-1")):
    turns = [{"sequence": i, "speaker": ("user", "agent")[i % 2], "identity": names[i % 2], "text": text, "startedAtMs": START + 3000 * i,
              "endedAtMs": START + 3000 * i + 1700, "interrupted": i % 7 == 0, "detail": {"sttMs": i} if i % 3 == 0 else {}} for i, text in enumerate(texts)]
    return {"room": room, "attempt": 1, "jobId": "AJ_1", "agentName": "desk", "callerIdentity": "ann", "status": "completed", "startedAtMs": START,
            "endedAtMs": START + 3000 * len(texts), "turns": turns}


@pytest.fixture(params=range(5))
def stored(request, tmp_path):
    texts = hostile(request.param)
    store = tmp_path / "s.db"
    done = parts.voicectl("transcript", "import", "-", "--store", store, "--json", stdin=json.dumps(transcript(texts)))
    assert done.code == 0, done
    return store, as_stored(texts)


def exported(store, form, folder, *flags):
    """Read as bytes: Python's own reading of text would turn CR into LF."""
    path = folder / f"out.{form}"
    done = parts.voicectl("transcript", "export", "demo", "--format", form, "--out", path, "--store", store, *flags)
    assert done.code == 0, done
    return path.read_bytes().decode()


def test_json_loses_nothing(stored, tmp_path):
    store, texts = stored
    text = exported(store, "json", tmp_path)
    assert [turn["text"] for turn in json.loads(text)["turns"]] == texts
    assert not TURNS_TEXT.search(text) and not CONTROLS.search(text.replace("\n", ""))


def test_json_lines_lose_nothing_and_are_lines(stored, tmp_path):
    store, texts = stored
    text = exported(store, "jsonl", tmp_path)
    assert text.splitlines() == text.split("\n")[:-1], "a line end that is none of JSON's"
    assert [json.loads(line)["text"] for line in text.splitlines()] == texts


def test_csv_has_every_cell_and_no_formula(stored, tmp_path):
    store, texts = stored
    text = exported(store, "csv", tmp_path)
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert len(rows) == len(texts)
    for row, said in zip(rows, texts):
        cell = row["text"]
        assert not re.match(r"[=+\-@\t\r\n]", cell), cell
        if re.match(r"'+ *[=+\-@\t\r\n]| +'[' ]*[=+\-@\t\r\n]|'[' ]*[=+\-@\t\r\n]", cell):
            cell = cell[1:]
        assert cell == visible(said, keep="\n\r\t"), (row["text"], said)
    assert rows[1]["offsetMs"] == "3000" and rows[1]["durationMs"] == "1700" and rows[1]["startedAt"] == "2026-01-02T03:04:08.000Z"


def inline_text(token):
    """What a reader sees of a paragraph: text and breaks, and of markup ours alone."""
    out, strong, em = "", 0, ""
    for child in token.children:
        assert child.type in ("text", "text_special", "hardbreak", "strong_open", "strong_close", "em_open", "em_close"), (child.type, token.content)
        strong += child.type == "strong_open"
        em += child.type
        out += "\n" if child.type == "hardbreak" else child.content
    assert strong <= 1
    return out


def test_markdown_has_the_words_and_no_markup_of_theirs(stored, tmp_path):
    store, texts = stored
    text = exported(store, "md", tmp_path)
    reader = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = reader.parse(text)
    kinds = [token.type for token in tokens if token.nesting >= 0]
    assert kinds.count("heading_open") == 1 and "html_block" not in kinds and "table_open" not in kinds and "hr" not in kinds and "code_block" not in kinds
    spoken = [inline_text(token) for before, token in zip(tokens, tokens[1:]) if before.type == "paragraph_open" and before.level == 0]
    assert len(spoken) == len(texts)
    for i, (said, shown) in enumerate(zip(texts, spoken)):
        head = f"{('user', 'agent')[i % 2]} ({3 * i // 60}:{3 * i % 60:02}.0):"
        wanted = "\n".join(visible(line, keep="\t").strip(" \t") for line in lines(said)) + (" (interrupted)" if i % 7 == 0 else "")
        assert re.sub(r" +\n", "\n", shown) == (head + " " + wanted).rstrip(), text


def test_text_has_a_line_for_each_turn(stored, tmp_path):
    store, texts = stored
    text = exported(store, "txt", tmp_path)
    body = text.split("\n\n", 1)[1]
    spoken = body.split("\n")[:-1]
    assert len(spoken) == len(texts)
    for i, (said, line) in enumerate(zip(texts, spoken)):
        wanted = visible(said.replace("\n", "\0N").replace("\t", "\0T"), keep="\0").replace("\0N", "\\n").replace("\0T", "\\t") if "\0" not in said else None
        shown = line.split(": ", 1)[1].removesuffix(" [interrupted]")
        assert wanted is None or shown == wanted
        assert not CONTROLS.search(line) and not TURNS_TEXT.search(line)


def cue_lines(text, tags):
    """What docs/transcripts.md says that a subtitle keeps."""
    out = []
    for line in lines(text):
        line = line.replace("\t", " ")
        line = "".join(c for c in line if not CONTROLS.match(c) and (not TURNS_TEXT.match(c) or (tags and c in "\u200e\u200f")))
        if line.strip("\u200b\ufeff" + SPACES):
            out.append(line.strip(" "))
    return out


def full_width(text):
    """SRT's look-alikes back to what they stand for."""
    return text.replace("＜", "<").replace("＞", ">").replace("｛", "{")


def seconds(text):
    hours, minutes, rest = text.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def shown_turns(texts, tags):
    return [(i, said) for i, said in enumerate(texts) if cue_lines(said, tags)]


def test_vtt_is_read_by_webvtt_py(stored, tmp_path):
    store, texts = stored
    exported(store, "vtt", tmp_path, "--speaker-names", "user=Ann & <co>")
    cues = list(webvtt.read(tmp_path / "out.vtt"))
    wanted = shown_turns(texts, True)
    assert len(cues) == len(wanted)
    for cue, (i, said) in zip(cues, wanted):
        assert html.unescape(cue.voice) == ("Ann & <co>", "agent")[i % 2]
        assert html.unescape(cue.text).replace("\xa0", " ").split("\n") == "\n".join(cue_lines(said, True)).replace("\xa0", " ").split("\n"), said
        assert cue.start == "%02d:%02d:%02d.000" % (3 * i // 3600, 3 * i // 60 % 60, 3 * i % 60) and seconds(cue.end) == pytest.approx(3 * i + 1.7)


def test_srt_is_read_by_webvtt_py(stored, tmp_path):
    store, texts = stored
    exported(store, "srt", tmp_path)
    cues = list(webvtt.from_srt(tmp_path / "out.srt"))
    wanted = shown_turns(texts, False)
    assert len(cues) == len(wanted)
    for cue, (i, said) in zip(cues, wanted):
        speaker, text = cue.text.split(": ", 1)
        assert speaker == ("user", "agent")[i % 2]
        assert full_width(text).split("\n") == cue_lines(said, False), said
        assert seconds(cue.start) == 3 * i and seconds(cue.end) == pytest.approx(3 * i + 1.7)


@pytest.mark.parametrize("form", ["srt", "vtt"])
@pytest.mark.parametrize("seed", range(5))
def test_subtitles_are_read_by_pysubs2(seed, tmp_path, form):
    # It takes any line with two times for the beginning of a cue, arrow or not.
    texts, store = [re.sub(r"\d\d:\d\d", "noon", text) for text in hostile(seed)], tmp_path / "s.db"
    assert parts.voicectl("transcript", "import", "-", "--store", store, stdin=json.dumps(transcript(texts))).code == 0
    exported(store, form, tmp_path)
    events = pysubs2.load(str(tmp_path / f"out.{form}")).events
    wanted = shown_turns(as_stored(texts), form == "vtt")
    assert len(events) == len(wanted)
    for event, (i, said) in zip(events, wanted):
        assert event.start == 3000 * i and event.end == 3000 * i + 1700 and event.start < event.end
        shown = event.plaintext if form == "srt" else html.unescape(event.plaintext)
        if "\\" in said or "{" in said or re.search(r"\d\s*$", said):
            continue  # ASS's own signs, which it gives a meaning before we see them; a last line of digits, it takes for a number
        text = "\n".join(cue_lines(said, form == "vtt"))
        assert full_width(shown).replace("\xa0", " ").strip() == ((f"{('user', 'agent')[i % 2]}: " if form == "srt" else "") + text).replace("\xa0", " ").strip(), said


@pytest.mark.parametrize("form", ["json", "jsonl", "vtt"])
def test_what_goes_out_comes_in_again_once(stored, tmp_path, form):
    store, texts = stored
    first = exported(store, form, tmp_path)
    copy = tmp_path / "copy.db"
    for outcome in ("created", "unchanged", "unchanged"):
        done = parts.voicectl("transcript", "import", tmp_path / f"out.{form}", "--store", copy, "--json")
        assert done.code == 0 and [one["outcome"] for one in done.json["transcripts"]] == [outcome], done
        assert done.err == "", done
    (tmp_path / "again").mkdir()
    again = exported(copy, form, tmp_path / "again")
    if form == "jsonl":
        again = again.replace('"callId":2', '"callId":1')
    if form == "vtt":  # cues are counted anew: turns that said nothing have none
        first, again = (re.sub(r"(?m)^\d+$\n(?=\d\d:)", "", text) for text in (first, again))
    assert again == first
    listed = parts.voicectl("transcript", "list", "--store", copy, "--json").json["transcripts"]
    assert len(listed) == 1 and listed[0]["room"] == "demo"


REPORT = {
    "job_id": "AJ_7", "room_id": "RM_x", "room": "support", "events": [{"type": "agent_state_changed"}], "audio_recording_path": None,
    "options": {"allow_interruptions": True}, "timestamp": 1767323060.5, "usage": None, "sdk_version": "1.8.9", "agent_name": "clerk", "tags": [],
    "duration_ms": 15500, "user_turns": 1, "errors": {"llm": 0}, "close_reason": "CR_PARTICIPANT_DISCONNECTED",
    "chat_history": {"items": [
        {"id": "item_1", "type": "message", "role": "system", "content": ["be nice"], "interrupted": False, "extra": {}, "metrics": {}, "created_at": 1767323045.0},
        {"id": "item_2", "type": "message", "role": "user", "content": ["a table for two"], "interrupted": False, "extra": {},
         "metrics": {"started_speaking_at": 1767323046.0, "stopped_speaking_at": 1767323047.5}, "created_at": 1767323047.8},
        {"id": "item_3", "type": "function_call", "call_id": "1", "arguments": "{\"people\": 2}", "name": "book", "created_at": 1767323047.9, "extra": {}},
        {"id": "item_4", "type": "function_call_output", "name": "book", "call_id": "1", "output": "ok", "is_error": False, "created_at": 1767323048.0, "reply_required": True},
        {"id": "item_5", "type": "message", "role": "assistant", "content": ["Done."], "interrupted": True, "extra": {}, "metrics": {"e2e_latency": 0.74}, "created_at": 1767323048.2}]},
}


def test_a_session_report_is_one_entry_and_overwrites_nothing_unasked(tmp_path):
    store, path = tmp_path / "s.db", tmp_path / "report.json"
    path.write_text(json.dumps(REPORT))
    run = lambda *flags: parts.voicectl("transcript", "import", path, "--store", store, "--json", *flags)  # noqa: E731
    dry = run("--dry-run")
    assert dry.code == 0 and dry.json["dryRun"] and dry.json["transcripts"][0]["outcome"] == "created" and not store.exists(), dry
    first = run()
    assert first.code == 0 and first.json["transcripts"][0] == {"id": 1, "room": "support", "attempt": 1, "jobId": "AJ_7", "startedAt": "2026-01-02T03:04:05.000Z", "turnCount": 2,
                                                                "kind": "session report", "outcome": "created"}, first
    assert "left out: instructions to the model" in first.err and "events of the report" in first.err
    assert run().json["transcripts"][0]["outcome"] == "unchanged"
    path.write_text(json.dumps(REPORT).replace("Done.", "Done!"))
    refused = run()
    assert refused.code == 6 and "--replace puts" in refused.err and refused.out == "", refused
    assert [run("--replace").json["transcripts"][0]["outcome"] for _ in range(2)] == ["replaced", "unchanged"]
    shown = parts.voicectl("transcript", "show", "support", "--store", store, "--json").json
    assert [turn["text"] for turn in shown["turns"]] == ["a table for two", "Done!"] and shown["agentName"] == "clerk" and shown["durationMs"] == 15500
    tools = parts.voicectl("transcript", "export", "support", "--store", store, "--format", "txt", "--tools")
    assert "    tool book: ok, arguments {\"people\":2}, result ok\n" in tools.out, tools


def test_what_is_no_transcript_is_told_with_file_and_line(tmp_path):
    path = tmp_path / "bad.json"
    path.write_text('{"room": "r", "turns": [\n {"speaker": "user", "text": "x"},\n {"speaker": "king", "text": "y"}]}')
    refused = parts.voicectl("transcript", "import", path, "--store", tmp_path / "s.db")
    assert refused.code == 2 and f"{path}: line 3: turn 1 has a speaker that is neither agent nor user" in refused.err, refused
    path.write_text(json.dumps({"items": []}))
    refused = parts.voicectl("transcript", "import", path, "--store", tmp_path / "s.db")
    assert refused.code == 2 and "names no room" in refused.err and "--room" in refused.err, refused
    assert parts.voicectl("transcript", "import", tmp_path / "absent", "--store", tmp_path / "s.db").code == 2


def test_attempts_are_kept_or_found(tmp_path):
    store = tmp_path / "s.db"

    def put(call, *flags):
        return parts.voicectl("transcript", "import", "-", "--store", store, "--json", *flags, stdin=json.dumps(call))

    one = transcript(["a"])
    assert put(one | {"attempt": 3}).json["transcripts"][0]["attempt"] == 3
    assert put(one | {"jobId": "AJ_2", "attempt": 3}).json["transcripts"][0]["attempt"] == 4, "taken by another call: the next"
    assert put(one | {"jobId": "AJ_3"}, "--attempt", "2").json["transcripts"][0]["attempt"] == 2
    assert put(one | {"jobId": "AJ_4"}, "--attempt", "2").code == 6
    assert put(one | {"jobId": "AJ_3"}, "--attempt", "9").code == 6
    assert put({"transcripts": [one | {"jobId": "x1"}, one | {"jobId": "x2"}]}, "--room", "r").code == 2
    both = put({"transcripts": [one | {"jobId": "x1"}, one | {"jobId": "x2", "attempt": 1}]}).json["transcripts"]
    assert [call["attempt"] for call in both] == [1, 5], both
