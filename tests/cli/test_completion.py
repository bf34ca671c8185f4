"""Completion, tried in the shells that are installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from alexflow.cli.arguments import COMMANDS
from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


def said_by(command: list[str], directory: Path) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, cwd=directory, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@needs("bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("alexflow pl", ["plan"]),
        ("alexflow graph --for", ["--format", "--force"]),
        ("alexflow graph --format m", ["mermaid"]),
        ("alexflow completion z", ["zsh"]),
        ("alexflow run pipe", ["pipeline.py"]),
    ],
)
def test_bash(typed: str, offered: list[str], shell: Shell) -> None:
    script = shell.directory / "completion.bash"
    script.write_text(shell("completion", "bash").out)
    words = typed.split()
    code = f"source {script}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _alexflow; echo ${{COMPREPLY[@]}}"
    found = said_by(["bash", "-c", code], shell.directory)
    assert set(found) <= set(offered)
    assert found


@needs("fish")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [("alexflow pl", "plan"), ("alexflow graph --form", "--format"), ("alexflow graph --format m", "mermaid")],
)
def test_fish(typed: str, offered: str, shell: Shell) -> None:
    script = shell.directory / "alexflow.fish"
    script.write_text(shell("completion", "fish").out)
    found = said_by(["fish", "-c", f"source {script}; complete -C '{typed}'"], shell.directory)
    assert offered in found


@needs("zsh")
def test_zsh(shell: Shell) -> None:
    script = shell.directory / "_alexflow"
    script.write_text(shell("completion", "zsh").out)
    # a terminal in which the beginning of a command is typed, and the tab key pressed
    code = (
        "zmodload zsh/zpty; zpty -b z 'zsh -f -i'; "
        f"zpty -w z 'PS1=; autoload -U compinit; compinit -u; source {script}'; "
        'zpty -w z \'bindkey "^I" complete-word; zstyle ":completion:*" list-colors\'; '
        "zpty -n -w z $'alexflow graph --form\\t m\\t'; zpty -r z text '*mermaid*' && echo $text"
    )
    done = subprocess.run(["zsh", "-f", "-c", code], capture_output=True, text=True, cwd=shell.directory, timeout=60)
    assert re.search(r"--format\W.*mermaid", done.stdout), done.stdout + done.stderr


def test_every_command_is_completed(shell: Shell) -> None:
    for name in ("bash", "zsh", "fish"):
        text = shell("completion", name).out
        for command in COMMANDS:
            assert command in text
