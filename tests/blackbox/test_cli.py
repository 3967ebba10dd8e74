"""What every command has in common, on the built binary."""
import json
import subprocess

import parts
import pytest


def test_help_has_examples_and_exit_codes(voicectl):
    result = voicectl("--help")
    assert result.code == 0 and result.err == ""
    assert "Examples:" in result.out and "Exit codes:" in result.out


def commands(prefix=()):
    text = parts.voicectl(*prefix, "--help").out
    names = []
    listing = False
    for line in text.splitlines():
        if line.startswith("Commands:"):
            listing = True
        elif listing and line.startswith("  ") and line[2] != " ":
            names.append(line.split()[0].rstrip(","))
        elif listing and not line.strip():
            break
    return names


def test_every_command_explains_itself_with_its_whole_name():
    seen = 0
    for group in commands():
        for path in [(group, name) for name in commands((group,)) if group != "help"] or [(group,)]:
            result = parts.voicectl(*path, "--help")
            assert result.code == 0
            assert f"Usage: voicectl {' '.join(path)}" in result.out
            assert "Example" in result.out, path
            seen += 1
    assert seen >= 15


def test_version_names_the_libraries_and_the_core(voicectl):
    result = voicectl("--version")
    for name in ("voicectl", "livekit core  1.2.0", "openssl", "protobuf", "curl", "sqlite", "flite", "pocketsphinx"):
        assert name in result.out, result
    assert voicectl("version", "--json").json["livekitCore"]["found"] is True
    gone = voicectl("version", "--json", env={"VOICECTL_LIVEKIT_CORE": "/nowhere.so"})
    assert gone.code == 0 and gone.json["livekitCore"]["found"] is False


@pytest.mark.parametrize("words,message", [
    (["wat"], "unknown command 'wat'"),
    (["rom", "list"], "did you mean 'room'?"),
    (["room", "lst"], "did you mean 'list'?"),
    ([], "which command?"),
    (["room"], "which command?"),
    (["room", "list", "--nonsense"], "--nonsense"),
])
def test_wrong_words_are_named_on_stderr_with_exit_2(voicectl, words, message):
    result = voicectl(*words)
    assert result.code == 2 and result.out == "", result
    assert message in result.err and "hint:" in result.err


def test_errors_are_json_when_json_is_asked_for(voicectl):
    result = voicectl("room", "list", "--json", "--nonsense")
    error = json.loads(result.err)["error"]
    assert result.code == 2 and result.out == ""
    assert error["code"] == "usage" and error["exit"] == 2 and error["hint"]


def test_missing_keys_are_named(voicectl):
    result = voicectl("room", "list", env={"LIVEKIT_URL": "ws://127.0.0.1:1"})
    assert result.code == 2 and "LIVEKIT_API_KEY" in result.err


def test_an_unreachable_server_is_exit_7_with_a_hint(voicectl):
    result = voicectl("room", "list", env={"LIVEKIT_URL": f"ws://127.0.0.1:{parts.free_port()}", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s" * 32})
    assert result.code == 7 and "hint:" in result.err and result.seconds < 10, result


def test_a_secret_on_the_command_line_is_warned_of_and_never_shown(voicectl, server):
    secret = "not-the-secret-not-the-secret-not-the"
    result = voicectl("room", "list", "--api-secret", secret, env=server.environment())
    assert result.code == 4, result
    assert "warning:" in result.err and secret not in result.err and "eyJ" not in result.err


def test_a_closed_pipe_is_quiet(server):
    command = f"{parts.voicectl_path()} --help | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, env=parts.clean_environment())
    assert done.stderr == "" and done.returncode in (0, 141)
