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
    wrong = run(home, "room", "create", "guarded", "--confirm", "liv")
    assert wrong.code == 2 and "--confirm live" in wrong.err, wrong
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
    assert "[y/N]" in text and "asked-1" in text and "not done" in text and code == 1, text
    assert parts.voicectl("room", "list", "asked-1", env=env).code == 0
    code, text, _ = on_a_terminal(["room", "delete", "--match", "^asked-"], env, "y\n")
    assert code == 0, text
    assert parts.voicectl("room", "list", "asked-1", env=env).code == 5


def test_a_terminal_that_answers_no_query_slows_nothing(server):
    code, text, seconds = on_a_terminal(["room", "list"], server.environment())
    assert code == 0 and seconds < 5, text
    assert "\x1b]" not in text and "\x1b[6n" not in text and "\x1b[c" not in text  # colours are written, nothing is asked


def test_a_protected_profile_is_not_changed_without_its_name(home, server):
    add(home, server, "live", "--protected")
    for words in (("profile", "remove", "live", "--yes"), ("config", "set", "profiles.live.protected", "false"), ("config", "set", "profiles.live.url", "ws://other")):
        refused = run(home, *words)
        assert refused.code == 2 and "--confirm live" in refused.err, refused
    refused = add(home, server, "live", "--overwrite")
    assert refused.code == 2 and "--confirm live" in refused.err, refused
    assert add(home, server, "live", "--overwrite", "--confirm", "live").code == 0
    assert run(home, "profile", "list", "--json").json["profiles"][0]["protected"] is True
    assert run(home, "config", "set", "profiles.live.protected", "false", "--confirm", "live").code == 0
    assert run(home, "profile", "remove", "live", "--yes").code == 0


def lk_file(home, text):
    (home["folder"] / ".livekit").mkdir(exist_ok=True)
    (home["folder"] / ".livekit/cli-config.yaml").write_text(text)


@pytest.mark.parametrize("text", ["projects: 3\n", "projects: [\n", "- 1\n"])
def test_a_broken_file_of_lk_stops_only_who_needs_it(home, server, text):
    lk_file(home, text)
    listed = run(home, "room", "list", env=dict(server.environment(), VOICECTL_PROFILE=""))
    assert listed.code == 0, listed
    needed = run(home, "room", "list")
    assert needed.code == 2 and "lk's layout" in needed.err, needed
    imported = run(home, "config", "import-lk")
    assert imported.code == 2 and "lk's layout" in imported.err, imported
    add(home, server, "ours", "--use")
    listed = run(home, "room", "list")
    assert listed.code == 0 and "warning:" in listed.err and "cli-config.yaml" in listed.err, listed
    assert run(home, "room", "list", "--profile", "theirs").code == 2


def test_config_set_checks_what_profile_add_checks(home, server):
    add(home, server, "a")
    kept = home["config"].read_text()
    for words, stdin in ((("profiles.a.api_secret", "-"), ""), (("profiles.a.api_secret", "-"), "\n"), (("profiles.a.url", "ftp://x"), ""),
                         (("profiles.a.api_secret_file", "/nowhere/at/all"), ""), (("profiles.a.api_key", "a\nb"), ""), (("profiles.a.api_secret", "@/dev/null"), "")):
        refused = run(home, "config", "set", *words, stdin=stdin)
        assert refused.code == 2 and home["config"].read_text() == kept, (words, refused)
    (home["folder"] / "secret").write_text(server.secret + "\n")
    relative = parts.voicectl("config", "set", "profiles.a.api_secret_file", "secret", env=home["env"], cwd=home["folder"])
    assert relative.code == 0 and f'"{home["folder"]}/secret"' in home["config"].read_text(), relative
    assert run(home, "config", "set", "profiles.a.api_secret", "").code == 0


@pytest.mark.parametrize("text,part", [
    ("default: x\nprofiles: {a: {url: 'ws://a', api_key: k, api_secret: s}}\n", "there is no profile x"),
    ("default: [a]\nprofiles: {a: {url: 'ws://a', api_key: k, api_secret: s}}\n", "default: not the name"),
    ("profiles:\n  a: {url: 'ws://a', api_key: k, api_secret: s}\n  a: {url: 'ws://b', api_key: k, api_secret: s}\n", "stands there twice"),
    ("profiles: {a: {url: 'ws://a', url: 'ws://b', api_key: k, api_secret: s}}\n", "stands there twice"),
    ("profiles: {a: {url: 'ws://a', api_key: k, api_secret: s}}\n# \0\n", "NUL"),
    ("profiles: {a: {url: 'ws://a', api_secret: s}}\n", "no api_key"), ("profiles: {a: {url: 'ws://a', api_key: k}}\n", "no secret"),
    ("profiles: {a: {url: 'ftp://a', api_key: k, api_secret: s}}\n", "profile a"),
])
def test_config_check_finds_what_will_fail(home, text, part):
    home["config"].parent.mkdir(parents=True)
    home["config"].write_text(text)
    home["config"].chmod(0o600)
    checked = run(home, "config", "check")
    assert checked.code == 2 and part in checked.err, checked


def test_one_profile_is_one(home, server):
    add(home, server, "a")
    assert "1 profile, sound" in run(home, "config", "check").out


def test_without_a_home_profiles_have_no_place(server):
    made = parts.voicectl("profile", "add", "a", "--url", server.url, "--api-key", "k", "--secret-stdin", env={"HOME": "", "XDG_CONFIG_HOME": ""}, stdin="secret-secret")
    assert made.code == 2 and "HOME" in made.err and "VOICECTL_CONFIG" in made.err, made


def test_the_default_is_told_and_what_comes_before_it(home, server):
    add(home, server, "a")
    add(home, server, "b")
    used = run(home, "profile", "use", "b", env={"LIVEKIT_URL": "ws://elsewhere"})
    assert used.code == 0 and "LIVEKIT_URL is set" in used.err, used
    assert [one["default"] for one in run(home, "profile", "list", "--json").json["profiles"]] == [False, True]
    run(home, "config", "set", "require_profile", "true")
    shown = run(home, "config", "show", "--json")
    assert shown.code == 0 and any("asks for one" in row["origin"] for row in shown.json["settings"]), shown


def test_a_refused_key_names_where_it_came_from(home, server):
    run(home, "profile", "add", "wrong", "--url", server.url, "--api-key", server.key, "--secret-stdin", stdin="not-the-secret-not-the-secret-not-the")
    refused = run(home, "room", "list")
    assert refused.code == 4 and "the secret of profile wrong (" in refused.err and "LIVEKIT_API_SECRET" not in refused.err, refused
    (home["folder"] / "secret").write_text("not-the-secret-not-the-secret-not-the")
    refused = run(home, "room", "list", "--api-key", server.key, "--url", server.url, "--api-secret-file", home["folder"] / "secret")
    assert refused.code == 4 and "check --api-secret-file against" in refused.err, refused


def test_the_curl_command_finds_the_key_of_the_line(home, server):
    add(home, server, "it's")
    shown = run(home, "room", "list", "--profile", "it's", "--curl")
    assert shown.code == 0 and "$(voicectl token create --profile 'it'\\''s' --list)" in shown.err, shown
    command = next(line for line in shown.err.splitlines() if line.startswith("curl "))
    env = parts.clean_environment(home["env"])
    env["PATH"] = f"{home['folder']}/bin:{env['PATH']}"
    (home["folder"] / "bin").mkdir()
    os.symlink(parts.voicectl_path(), home["folder"] / "bin/voicectl")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=env)
    assert done.returncode == 0 and '"rooms"' in done.stdout, done
