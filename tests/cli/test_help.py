"""Help: every command has it, and it starts quickly, held against what is loaded and not against a clock."""

from __future__ import annotations

import subprocess
import sys

import pytest

from alexflow.cli.arguments import COMMANDS
from alexflow.cli.program import overview
from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes

#: Modules that take long to load, and that no help needs.
HEAVY = {"asyncio", "anyio", "fsspec", "logging", "msgspec", "rich", "sqlite3", "alexflow.engine"}


def loaded_by(*words: str) -> set[str]:
    code = "import sys; from alexflow.cli.program import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
    code += "print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [["--help"], [], ["--version"]])
def test_what_help_does_without(words: list[str]) -> None:
    assert loaded_by(*words) & (HEAVY - {"logging"} if "--version" in words else HEAVY) == set()


def test_help_names_every_command(shell: Shell) -> None:
    text = shell("--help").out
    assert text == f"{overview()}\n"
    for name in COMMANDS:
        assert f"  {name} " in text
    assert shell("help", "runs").out == shell("runs", "--help").out
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, shell: Shell) -> None:
    answer = shell(command, "--help", COLUMNS="80")
    assert answer.first.startswith(f"usage: alexflow {command}")
    assert max(map(len, answer.out.splitlines())) <= 100
    assert loaded_by(command, "--help") & HEAVY == set()
