"""Real shells complete the command's words and options."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import thunderline
from stages.line.completion import parse_shell
from tests.running_line import REPOSITORY

_TIMEOUT_S = 120
_FISH, _ZSH = shutil.which("fish"), shutil.which("zsh")
_BASH_COMPLETE = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
_thunderline
printf '%s\\n' "${COMPREPLY[@]}"
"""
# zsh completes in its line editor only: the functions that offer something print it instead.
_ZSH_COMPLETE = """
compdef() { : }
_describe() { print -l -- ${(P)@[-1]} }
compadd() { shift; print -l -- "$@" }
_files() { print FILES }
source "$1"; shift
words=("$@"); CURRENT=$#
_thunderline
"""


def print_script(shell: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", "import sys, thunderline; sys.exit(thunderline.main())",
         "completion", shell],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=_TIMEOUT_S,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        (folder / shell).write_text(print_script(shell))
    return folder


def run(*command: str) -> list[str]:
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=_TIMEOUT_S,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.split("\n")[:-1]


def in_bash(scripts: Path, *words: str) -> set[str]:
    said = run("bash", "--norc", "-c", _BASH_COMPLETE, "bash", str(scripts / "bash"), *words)
    return set(said) - {""}


def in_zsh(scripts: Path, *words: str) -> set[str]:
    assert _ZSH is not None
    said = run(_ZSH, "-f", "-c", _ZSH_COMPLETE, "zsh", str(scripts / "zsh"), *words)
    return {row.partition(":")[0] for row in said}


def in_fish(scripts: Path, *words: str) -> set[str]:
    assert _FISH is not None
    line = " ".join(words)
    said = run(_FISH, "--no-config", "-c", f"source {scripts / 'fish'}; complete -C '{line}'")
    return {row.partition("\t")[0] for row in said}


def test_bash_completes_words(scripts: Path) -> None:
    assert in_bash(scripts, "thunderline", "") == set(thunderline.COMMANDS)
    assert in_bash(scripts, "thunderline", "c") == {"cameras", "check", "client", "completion"}


def test_bash_completes_the_options_of_a_word(scripts: Path) -> None:
    assert in_bash(scripts, "thunderline", "doctor", "--") == {"--help", "--json"}
    bench = in_bash(scripts, "thunderline", "bench", "--s")
    assert bench == {"--size", "--seconds"}
    assert "--source" in in_bash(scripts, "thunderline", "run", "a.yaml", "-")


def test_bash_leaves_files_to_readline(scripts: Path) -> None:
    assert in_bash(scripts, "thunderline", "run", "ga") == set()
    assert "complete -o default -F" in (scripts / "bash").read_text()


def test_bash_completes_the_shells(scripts: Path) -> None:
    assert in_bash(scripts, "thunderline", "completion", "") == {"bash", "zsh", "fish"}


@pytest.mark.skipif(_ZSH is None, reason="zsh is not installed")
def test_zsh_completes_words_options_and_files(scripts: Path) -> None:
    assert in_zsh(scripts, "thunderline", "") == set(thunderline.COMMANDS)
    assert in_zsh(scripts, "thunderline", "doctor", "--") == {"-h", "--help", "--json"}
    assert in_zsh(scripts, "thunderline", "run", "ga") == {"FILES"}
    assert in_zsh(scripts, "thunderline", "completion", "") == {"bash", "zsh", "fish"}


@pytest.mark.skipif(_FISH is None, reason="fish is not installed")
def test_fish_completes_words_and_options(scripts: Path) -> None:
    assert in_fish(scripts, "thunderline", "") >= set(thunderline.COMMANDS)
    assert {"--json", "--help"} <= in_fish(scripts, "thunderline", "doctor", "--")
    assert "--size" not in in_fish(scripts, "thunderline", "doctor", "--")
    assert {"bash", "zsh", "fish"} <= in_fish(scripts, "thunderline", "completion", "")


def test_another_shell_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_shell(["run"], ["tcsh"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert all(shell in said for shell in ("tcsh", "bash", "zsh", "fish"))
