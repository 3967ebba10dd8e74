"""Lines that are wrong, told in words of our own: which flag, which value, what is allowed. On the built binary."""
import json
import subprocess

import parts
import pytest

KEYS = {"LIVEKIT_URL": "ws://127.0.0.1:1", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "this-secret-must-never-be-seen-anywhere"}


def run(*words, **more):
    return parts.voicectl(*words, env=dict(KEYS, **more.pop("env", {})), **more)


@pytest.mark.parametrize("words,message", [
    (("room", "list", "-o", "yaml"), "--output must be table, wide, json, jsonl, tsv or name, not 'yaml'"),
    (("room", "list", "-o", "2"), "not '2'"),
    (("room", "list", "--limit", "0"), "--limit must be more than 0, not 0"),
    (("room", "list", "--limit", "x"), "--limit must be a whole number from 0 up, not 'x'"),
    (("room", "list", "--color", "pink"), "--color must be auto, always or never, not 'pink'"),
    (("egress", "check", "x.wav", "--channels", "abc"), "--channels must be a whole number, not 'abc'"),
    (("room", "list", "--match"), "--match wants a value"),
    (("room", "list", "--yes=perhaps"), "--yes takes no value"),
    (("room", "create", "-dash"), "unknown flag -dash"),
    (("room", "create"), "NAME is required"),
    (("room", "create", "a", "--empty-time", "5s"), "did you mean '--empty-timeout'?"),
    (("dispatch", "create", "a", "--agent", "b", "--wait", "2s"), "write --wait=2s"),
    (("room", "list", "--watch", "5s"), "write --watch=5s"),
    (("dispatch", "delete", "r", "AD_x", "--wait-gone", "5s"), "write --wait-gone=5s"),
    (("room", "create", "a", "--wait-agent", "2s"), "write --wait-agent=2s"),
    (("call", "start", "--record", "file:x.ogg"), "write --record=file:x.ogg"),
    (("room", "list", "--watch="), "--watch is empty"),
    (("-o", "json", "romm", "list"), "unknown command 'romm'; did you mean 'room'?"),
    (("--timeout", "3s", "romm"), "unknown command 'romm'; did you mean 'room'?"),
    (("room", "list", "surplus", "--sort", "size"), "--sort must be name, age or participants, not 'size'"),
    (("room", "get", "a", "b"), "nothing takes 'b'"),
    (("room", "list", "--timeout", "soon"), "--timeout: "),
    (("room", "send", "a", "--data", "@"), "after '@' a file name is missing"),
    (("room", "send", "a", "--data", "@/nowhere/at-all"), "cannot read /nowhere/at-all"),
    (("room", "update", "a", "--metadata", "@/etc"), "cannot read /etc"),
])
def test_the_flag_the_value_and_what_is_allowed(words, message):
    result = run(*words)
    assert result.code == 2 and result.out == "", result
    told = json.loads(result.err)["error"] if "json" in words else {"message": result.err, "hint": ""}
    assert message in told["message"] + told["hint"], result
    for leaked in ("FAILED", "Could not convert", "not expected", "0.0000", "At Most", "excludes"):
        assert leaked not in result.err, result


def test_what_livekit_has_and_voicectl_has_not_is_no_slip():
    result = run("ingress", "list")
    assert result.code == 2 and "egress" not in result.err and "voicectl api" in result.err


@pytest.mark.parametrize("words", [
    ("room", "list", "--profile", ""), ("room", "list", "--profile="), ("room", "get", ""), ("room", "list", "--url", ""), ("room", "list", "--match="),
    ("room", "delete", "--match", "", "--yes"), ("room", "delete", "--match=", "--yes"), ("room", "list", "--api-secret-file="), ("token", "create", "--room", ""),
])
def test_an_empty_text_is_not_an_absent_flag(words):
    result = run(*words)
    assert result.code == 2 and " is empty" in result.err and "unset variable" in result.err, result


def test_empty_texts_that_mean_something(server):
    env = server.environment()
    parts.voicectl("room", "create", "emptied", "--metadata", "x", env=env)
    assert parts.voicectl("room", "update", "emptied", "--metadata", "", env=env).code == 0
    assert parts.voicectl("room", "get", "emptied", "--get", "/room/metadata", env=env).out.strip() == ""
    assert parts.voicectl("room", "update", "emptied", "--metadata=", "--dry-run", env=env).code == 0
    assert parts.voicectl("room", "list", "emptied", "--fields", "", "--json", env=env).code == 0
    parts.voicectl("room", "delete", "emptied", env=env)


def test_flags_given_twice_and_lists_with_blanks(server):
    env = server.environment()
    parts.voicectl("room", "create", "twice", env=env)
    listed = parts.voicectl("room", "list", "twice", "--timeout", "1ms", "--timeout", "9s", "--fields", "name, sid", "-o", "tsv", "-o", "json", env=env)
    assert listed.code == 0 and listed.json["rooms"][0].keys() == {"name", "sid"}, listed
    parts.voicectl("room", "delete", "twice", env=env)


@pytest.mark.parametrize("words", [
    ("doctor", "--dry-run"), ("e2e-call", "--local", "--dry-run"), ("agent", "run", "x.yaml", "--dry-run"),
    ("transcript", "export", "1", "--out", "x", "--dry-run"), ("--dry-run", "doctor"),
])
def test_a_dry_run_that_is_not_offered_is_refused(words):
    result = run(*words)
    assert result.code == 2 and "has no --dry-run" in result.err, result


def test_reading_commands_may_be_told_to_be_dry(server):
    assert parts.voicectl("room", "list", "--dry-run", env=server.environment()).code == 0


@pytest.mark.parametrize("words,named", [
    ((b"room", b"create", b"a\xffb"), "an argument"), ((b"room", b"list", b"--match=a\xff"), "--match"),
    ((b"room", b"create", b"a", b"--metadata", b"\xc3("), "behind --metadata"),
])
def test_what_is_no_utf8_is_refused_by_name(words, named):
    done = subprocess.run([parts.voicectl_path().encode(), *words], capture_output=True, env=parts.clean_environment(KEYS))
    err = done.stderr.decode()
    assert done.returncode == 2 and named in err and "not UTF-8" in err and "libprotobuf" not in err, err


def test_texts_from_files_are_utf8_and_data_is_any_bytes(server, tmp_path):
    broken = tmp_path / "broken"
    broken.write_bytes(b"\xff\xfe\x00")
    env = server.environment()
    parts.voicectl("room", "create", "bytes", env=env)
    refused = parts.voicectl("room", "update", "bytes", "--metadata", f"@{broken}", env=env)
    assert refused.code == 2 and "is not UTF-8" in refused.err and "libprotobuf" not in refused.err, refused
    assert parts.voicectl("room", "send", "bytes", "--data", f"@{broken}", env=env).code == 0
    parts.voicectl("room", "delete", "bytes", env=env)


def test_a_wrong_selection_after_a_change_loses_nothing(server):
    env = server.environment()
    for words in (("--fields", "nonsense"), ("--get", "/nonsense")):
        made = parts.voicectl("room", "create", "selected", "--json", *words, env=env)
        assert made.code == 1 and made.json["name" if "name" in made.json else "room"], made
        assert "the change was made" in json.loads(made.err)["error"]["message"]
    gone = parts.voicectl("room", "delete", "selected", "--json", "--fields", "nonsense", env=env)
    assert gone.code == 1 and "selected" in gone.out, gone
    assert parts.voicectl("api", "RoomService/ListRooms", "--get", "/nonsense", env=env).code == 2
    assert parts.voicectl("api", "RoomService/CreateRoom", "--data", '{"name":"selected"}', "--get", "/nonsense", env=env).code == 1
    parts.voicectl("room", "delete", "selected", env=env)
    for words in (("--fields", "nonsense"), ("--get", "/nonsense")):
        dry = parts.voicectl("room", "create", "selected", "--dry-run", *words, env=env)
        assert dry.code == 2 and dry.out == "", dry


def test_fields_of_an_empty_list_are_any(server):
    env = server.environment()
    for form in ("table", "json", "jsonl", "tsv", "name"):
        result = parts.voicectl("room", "list", "--match", "^nothing fits$", "--fields", "nonsense", "-o", form, env=env)
        assert result.code == 0, result


def test_names_that_would_be_two_are_left_out_of_o_name(server):
    env = server.environment()
    for name in ("list-plain", "list-two\nlines"):
        assert parts.voicectl("room", "create", name, env=env).code == 0
    listed = parts.voicectl("room", "list", "--match", "^list-", "-o", "name", env=env)
    assert listed.out == "list-plain\n" and listed.code == 1 and "1 name with control characters was left out" in listed.err, listed
    assert len(parts.voicectl("room", "list", "--match", "^list-", "--json", env=env).json["rooms"]) == 2
    parts.voicectl("room", "delete", "--match", "^list-", "--yes", env=env)


def test_a_secret_is_not_told_back(tmp_path):
    secret = KEYS["LIVEKIT_API_SECRET"]
    for words in (("room", "get", "x", secret), ("--api-secret", "another-secret-another", "room", "get", "another-secret-another", "x"), (secret,)):
        result = run(*words)
        assert result.code == 2 and secret not in result.err and "another-secret" not in result.err, result
    taken = run("room", "list", "--api-secret-file", "APISecretThatWasTakenForAFile", env={"LIVEKIT_API_SECRET": ""})
    assert taken.code == 2 and "APISecretThat" not in taken.err and "29 characters" in taken.err and "LIVEKIT_API_SECRET" in taken.err, taken


@pytest.mark.parametrize("words,env", [
    (("--config", "{folder}", "room", "list"), {}), (("room", "list"), {"VOICECTL_CONFIG": "{folder}"}), (("--config", "{folder}/none", "room", "list"), {}),
    (("room", "list", "--api-secret-file", "{folder}"), {"LIVEKIT_API_SECRET": ""}), (("room", "list", "--api-secret-file", "{folder}/none"), {"LIVEKIT_API_SECRET": ""}),
    (("room", "list", "--profile", "p", "--config", "{folder}/profiles.yaml"), {}),
])
def test_files_that_cannot_be_read_are_exit_2(tmp_path, words, env):
    (tmp_path / "profiles.yaml").write_text(f"profiles: {{p: {{url: 'ws://127.0.0.1:1', api_key: k, api_secret_file: {tmp_path}/gone}}}}\n")
    filled = lambda text: text.format(folder=tmp_path)
    result = run(*map(filled, words), env={name: filled(value) for name, value in env.items()})
    assert result.code == 2 and "hint" not in result.out, result


def test_a_full_disk_keeps_help_from_being_done():
    for words in (("--help",), ("--version",), ("room", "--help")):
        with open("/dev/full", "w") as full:
            done = subprocess.run([parts.voicectl_path(), *words], stdout=full, stderr=subprocess.PIPE, text=True, env=parts.clean_environment())
        assert done.returncode == 1 and "No space left" in done.stderr, done


def test_quiet_does_not_silence_what_was_asked_for():
    assert "ListRooms" in run("room", "list", "-q", "-v").err
    assert "> Authorization: Bearer ***" in run("room", "list", "-q", "--trace").err
    assert "curl -sS" in run("room", "list", "-q", "--curl").err
