"""Completion in a real bash at a terminal: names of rooms are anybody's text, and must stay text."""
import os
import pathlib
import pty
import select
import shutil
import time

import parts
import pytest


class Bash:
    """An interactive bash on a pty with the completions loaded; `line` holds what a TAB made of what was typed."""

    def __init__(self, folder, environment):
        here = pathlib.Path(folder)
        (here / "bin").mkdir()
        os.symlink(parts.voicectl_path(), here / "bin/voicectl")
        # $1… of the command are written to "said", so that a test sees words and not their looks.
        (here / "rc").write_text("PS1='> '; bind 'set enable-bracketed-paste off'; bind 'set completion-query-items 0'; bind 'set bell-style none'\n"
                                 "source <(voicectl completion bash)\nsaid() { printf '%s\\n' \"$@\" >said.new; mv said.new said; }\n"
                                 "complete -F _voicectl voicectl\n")
        environment = parts.clean_environment(dict(environment, TERM="dumb", HOME=str(here), HISTFILE="/dev/null"))
        environment["PATH"] = f"{here}/bin:{environment['PATH']}"
        self.here = here
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(here)
            os.execvpe("bash", ["bash", "--noprofile", "--rcfile", str(here / "rc"), "-i"], environment)
        self.read_until("> ")

    def read_until(self, end, seconds=20):
        text, began = "", time.monotonic()
        while not text.endswith(end) and time.monotonic() - began < seconds:
            if select.select([self.fd], [], [], 0.1)[0]:
                text += os.read(self.fd, 4096).decode(errors="replace")
        assert text.endswith(end), text
        return text

    def words(self, typed):
        """The words of the line after `typed` and TAB, with `voicectl` itself out of the way."""
        said = self.here / "said"
        said.unlink(missing_ok=True)
        while select.select([self.fd], [], [], 0.2)[0]:
            os.read(self.fd, 4096)
        os.write(self.fd, typed.encode() + b"\t")
        time.sleep(1.0)  # the 250 ms of the server, and bash's own
        os.write(self.fd, b"\x01said \x05\n")  # to the begin of the line, a word, to its end, ENTER
        parts.wait_for(said.exists, what="the line")
        return said.read_text().split("\n")[:-1]

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.fixture
def bash(server, tmp_path):
    shell = Bash(tmp_path, server.environment())
    yield shell
    shell.close()


@pytest.fixture
def rooms(server):
    made = []

    def make(*names):
        for name in names:
            assert parts.voicectl("room", "create", name, env=server.environment()).code == 0, name
            made.append(name)
    yield make
    parts.voicectl("room", "delete", "--yes", *made, env=server.environment())


@pytest.mark.parametrize("name,typed", [
    ("zz$(touch pwned)", "zz"), ("zy`touch pwned`", "zy"), ("zx;touch pwned", "zx"), ("zw>pwned", "zw"), ("my room", "my"), ("it's", "it"),
    ('say "x"', "say"), ("zv$HOME", "zv"), ("zu*", "zu"), ("a:b:c", "a:"), ("at@home", "at@"), ("eq=1", "eq="),
])
def test_a_name_is_one_word_and_is_not_run(bash, rooms, name, typed):
    rooms(name)
    assert bash.words(f"voicectl room get {typed}") == ["voicectl", "room", "get", name]
    assert not (bash.here / "pwned").exists()


def test_what_is_typed_is_not_run_either(bash, rooms):
    rooms("zz$(touch pwned)")
    bash.words("voicectl room get zz\\$\\(to")
    assert not (bash.here / "pwned").exists()
    assert bash.words("voicectl room get zz\\$\\(to") == ["voicectl", "room", "get", "zz$(touch pwned)"]


def test_quotes_that_are_open_take_plain_names_only(bash, rooms):
    rooms("plain name", "plain$(touch pwned)")
    assert bash.words("voicectl room get 'plain ") == ["voicectl", "room", "get", "plain name"]
    assert bash.words("voicectl room get \"plain ") == ["voicectl", "room", "get", "plain name"]


@pytest.mark.parametrize("typed,words", [
    ("voicectl room list --output=jso", ["voicectl", "room", "list", "--output=json"]),
    ("voicectl room list --sort=na", ["voicectl", "room", "list", "--sort=name"]),
    ("voicectl help exit", ["voicectl", "help", "exit-codes"]),
    ("voicectl help room cre", ["voicectl", "help", "room", "create"]),
    ("voicectl config set requ", ["voicectl", "config", "set", "require_profile"]),
    ("voicectl agent check --config=rc", ["voicectl", "agent", "check", "--config=rc"]),
])
def test_values_behind_equals_topics_and_settings(bash, typed, words):
    assert bash.words(typed) == words


def test_names_that_are_no_line_are_left_out(server, rooms):
    rooms("ctl-plain", "ctl-\x1b[31mred", "ctl-two\nlines")
    found = parts.voicectl("__complete", "room", "get", "ctl-", env=server.environment())
    assert [line.split("\t")[0] for line in found.out.splitlines()] == ["ctl-plain"]


def test_the_server_of_the_line_is_asked(server, rooms, tmp_path):
    rooms("elsewhere-1")
    secret = tmp_path / "secret"
    secret.write_text(server.secret)
    keys = [f"--url={server.url}", "--api-key", server.key, f"--api-secret-file={secret}"]
    found = parts.voicectl("__complete", "room", "get", *keys, "elsew", env={"LIVEKIT_URL": "ws://127.0.0.1:1"})
    assert found.out.startswith("elsewhere-1\t"), found
    config = tmp_path / "config.yaml"
    config.write_text(f"profiles: {{there: {{url: '{server.url}', api_key: {server.key}, api_secret_file: {secret}}}}}\n")
    found = parts.voicectl("__complete", f"--config={config}", "--profile=there", "room", "get", "elsew")
    assert found.out.startswith("elsewhere-1\t"), found


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_insert_without_evaluating(shell):
    script = parts.voicectl("completion", shell).out
    assert "eval" not in script and ("compadd" in script if shell == "zsh" else "string unescape" in script)
    if shutil.which(shell):
        parts.subprocess.run([shell, "-n"], input=script, text=True, check=True)
