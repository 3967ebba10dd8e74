"""Profiles, config, and who may change what, on the built binary."""
import os
import pty
import select
import subprocess
import time

import parts
import pytest


@pytest.fixture
def home(tmp_path):
    """A home of its own: {"env": …, "config": path}."""
    config = tmp_path / ".config/voicectl/config.yaml"
    return {"env": {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}, "config": config, "folder": tmp_path}


def run(home, *words, **more):
    env = dict(home["env"], **more.pop("env", {}))
    return parts.voicectl(*words, env=env, **more)


def add(home, server, name, *flags):
    return run(home, "profile", "add", name, "--url", server.url, "--api-key", server.key, "--secret-stdin", *flags, stdin=server.secret + "\n")


def test_a_profile_is_made_used_and_removed(home, server):
    made = add(home, server, "test")
    assert made.code == 0, made
    assert home["config"].stat().st_mode & 0o777 == 0o600
    assert run(home, "room", "list").code == 0
    listed = run(home, "profile", "list", "--json")
    assert listed.json["profiles"][0]["inUse"] is True and server.secret not in listed.out
    assert server.secret in run(home, "profile", "list", "--json", "--show-secrets").out
    again = add(home, server, "test")
    assert again.code == 6 and "--overwrite" in again.err
    assert run(home, "profile", "remove", "test").code == 2  # nobody to ask
    assert run(home, "profile", "remove", "test", "--yes").code == 0
    assert run(home, "room", "list").code == 2


def test_origins_are_told(home, server):
    add(home, server, "test")
    shown = run(home, "config", "show", "--json", env={"LIVEKIT_URL": "ws://elsewhere"})
    origins = {row["name"]: row["origin"] for row in shown.json["settings"]}
    assert origins["url"] == "LIVEKIT_URL"
    assert origins["apiKey"].startswith("profile test (")
    assert server.secret not in shown.out
    text = run(home, "config", "show", "--origin", "--timeout", "5s").out
    assert "--timeout" in text and "default of" in text


def test_secrets_that_others_may_read_are_refused(home, server):
    add(home, server, "test")
    home["config"].chmod(0o644)
    refused = run(home, "room", "list")
    assert refused.code == 2 and "chmod 600" in refused.err and server.secret not in refused.err


def test_projects_of_lk_are_read_as_they_are_and_imported(home, server):
    folder = home["folder"] / ".livekit"
    folder.mkdir()
    (folder / "cli-config.yaml").write_text(
        f"default_project: mine\nprojects:\n    - name: mine\n      url: {server.url}\n      api_key: {server.key}\n      api_secret: {server.secret}\ndevice_name: x\n")
    assert run(home, "room", "list").code == 0
    assert run(home, "config", "import-lk").code == 0
    (folder / "cli-config.yaml").unlink()
    assert run(home, "room", "list", "--profile", "mine").code == 0
    assert run(home, "config", "check").code == 0


def test_a_protected_profile_wants_its_name(home, server):
    add(home, server, "live", "--protected")
    assert run(home, "room", "list").code == 0
    refused = run(home, "room", "create", "guarded", "--yes")
    assert refused.code == 2 and "--confirm live" in refused.err
    assert run(home, "room", "create", "guarded", "--confirm", "liv").code != 0
    assert run(home, "room", "list", "guarded").code == 5
    assert run(home, "room", "create", "guarded", "--confirm", "live").code == 0
    assert run(home, "room", "delete", "guarded", "--confirm", "live").code == 0


def test_config_set_changes_one_thing(home, server):
    add(home, server, "a")
    add(home, server, "b")
    assert run(home, "config", "set", "default", "b").code == 0
    assert run(home, "config", "show", "--get", "/settings/3/value").out == "b\n"
    assert run(home, "config", "set", "default", "nobody").code == 5
    assert run(home, "config", "set", "profiles.b.protected", "true").code == 0
    assert run(home, "room", "create", "x").code == 2
    assert run(home, "config", "set", "nonsense", "1").code == 2
    run(home, "config", "set", "require_profile", "true")
    assert run(home, "room", "list").code == 2
    assert run(home, "room", "list", "--profile", "a").code == 0


def on_a_terminal(words, env, typed="", seconds=20):
    """Runs on a pty that answers nothing but what is typed; gives exit code, output and seconds."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(parts.voicectl_path(), ["voicectl", *words], parts.clean_environment(env))
    began, text = time.monotonic(), b""
    if typed:
        os.write(fd, typed.encode())
    while time.monotonic() - began < seconds:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                chunk = os.read(fd, 4096)
            except OSError:
                break
            if not chunk:
                break
            text += chunk
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), text.decode(errors="replace"), time.monotonic() - began


def test_a_person_is_asked_before_a_filter_deletes(server):
    env = server.environment()
    parts.voicectl("room", "create", "asked-1", env=env)
    code, text, _ = on_a_terminal(["room", "delete", "--match", "^asked-"], env, "n\n")
    assert "[y/N]" in text and "asked-1" in text and code == 130, text
    assert parts.voicectl("room", "list", "asked-1", env=env).code == 0
    code, text, _ = on_a_terminal(["room", "delete", "--match", "^asked-"], env, "y\n")
    assert code == 0, text
    assert parts.voicectl("room", "list", "asked-1", env=env).code == 5


def test_a_terminal_that_answers_no_query_slows_nothing(server):
    code, text, seconds = on_a_terminal(["room", "list"], server.environment())
    assert code == 0 and seconds < 5, text
    assert "\x1b]" not in text and "\x1b[6n" not in text and "\x1b[c" not in text  # colours are written, nothing is asked
