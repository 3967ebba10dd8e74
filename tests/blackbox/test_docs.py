"""Man pages, completions and the README's table are made from the command tree: are they in step with it?"""
import os
import pathlib
import shutil
import subprocess

import parts


def made(tmp_path):
    shutil.copy(parts.ROOT / "README.md", tmp_path / "README.md")
    result = parts.voicectl("docs", tmp_path)
    assert result.code == 0, result
    return tmp_path


def files(folder):
    return {path.name: path.read_text() for path in sorted(pathlib.Path(folder).iterdir())}


def test_man_pages_completions_and_readme_are_in_step(tmp_path):
    fresh = made(tmp_path)
    for part in ("man", "completions"):
        assert files(fresh / part) == files(parts.ROOT / part), f"run ./scripts/docs: {part}/ is not in step"
    assert (fresh / "README.md").read_text() == (parts.ROOT / "README.md").read_text(), "run ./scripts/docs: README.md"


def test_man_pages_are_roff_that_man_accepts():
    if not shutil.which("groff"):
        import pytest
        pytest.skip("no groff here")
    for page in sorted((parts.ROOT / "man").glob("*.1")):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(page)], capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == "", (page, done.stderr)


def test_every_man_page_lists_the_exit_codes():
    pages = list((parts.ROOT / "man").glob("*.1"))
    assert len(pages) > 30
    for page in pages:
        assert "timed out" in page.read_text(), page


def bash_completes(line, env=None):
    """What bash offers for the line, by the script that `completion bash` prints."""
    script = f"""
    source <({parts.voicectl_path()} completion bash)
    COMP_WORDS=({line}); [[ "{line}" == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_WORDS[0]={parts.voicectl_path()}
    _voicectl; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=parts.clean_environment(env))
    assert done.stderr == "", done.stderr
    return [word for word in done.stdout.split("\n") if word]


def test_bash_completes_commands_and_rooms_of_the_server(server):
    assert bash_completes("voicectl tok") == ["token"]
    assert "create" in bash_completes("voicectl room ")
    parts.voicectl("room", "create", "complete-me", env=server.environment())
    assert "complete-me" in bash_completes("voicectl room get comp", server.environment())
    assert bash_completes("voicectl room get zzz", server.environment()) == []
    parts.voicectl("room", "delete", "complete-me", env=server.environment())


def test_completion_is_quick_and_silent_when_the_server_is_away():
    gone = {"LIVEKIT_URL": "ws://10.255.255.1:7880", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s" * 32}
    result = parts.voicectl("__complete", "room", "get", "", env=gone)
    assert result.code == 0 and result.out == "" and result.err == ""
    assert result.seconds < 3  # 250 ms of waiting and a start; a machine under load may take its time


def test_zsh_and_fish_scripts_parse():
    for shell, check in (("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])):
        assert parts.voicectl("completion", shell).code == 0
        if shutil.which(shell):
            script = parts.voicectl("completion", shell).out
            assert subprocess.run(check, input=script, text=True).returncode == 0
