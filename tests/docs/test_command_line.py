"""The page on the command line: each of its commands is run, and prints what is shown; each JSON name is there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from alexflow.cli.arguments import COMMANDS
from tests.docs.test_pages import ROOT, blocks, pattern

pytestmark = pytest.mark.processes

PAGE = ROOT / "docs" / "command-line.md"


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A directory with the page's workflow; ``alexflow`` and a small ``jq`` are on the path."""
    (_, source), *_ = blocks(PAGE, "python")
    (tmp_path / "workflow.py").write_text("\n".join(source))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "alexflow").write_text(f'#!/bin/sh\nexec {sys.executable} -m alexflow "$@"\n')
    script = "import json, sys; print(json.loads(sys.stdin.readline())[sys.argv[2][1:]])"
    (programs / "jq").write_text(f"#!/bin/sh\nexec {sys.executable} -c '{script}' \"$@\"\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    return tmp_path


def done(command: str, directory: Path) -> str:
    environment = {**os.environ, "PATH": f"{directory / 'bin'}:{os.environ['PATH']}", "NO_COLOR": "1"}
    environment.pop("ALEXFLOW_STORAGE", None)
    words = ["bash", "-c", f"{command} 2>&1"]
    return subprocess.run(words, cwd=directory, env=environment, capture_output=True, text=True, timeout=60).stdout


def test_the_commands_print_what_is_shown(shell: Path) -> None:
    for number, block in blocks(PAGE, "console"):
        commands: list[tuple[str, list[str]]] = []
        for line in block:
            if line.startswith("$ "):
                commands.append((line[2:], []))
            else:
                commands[-1][1].append(line)
        for command, shown in commands:
            printed = done(command, shell)
            expected = "\n".join(".*" if line == "…" else pattern(line) for line in shown)
            found = re.fullmatch(expected, printed.rstrip("\n"), re.DOTALL)
            assert found is not None, f"line {number}: {command} prints\n{printed}"


def names_of(command: str) -> set[str]:
    """The names of a command's JSON, as the page lists them."""
    rows = re.findall(r"^\| (`[^|]*`) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    (cell,) = [names for commands, names in rows if f"`{command}`" in commands]
    return {re.split(r"[\[{]", name)[0] for name in re.findall(r"`([^`]+)`", cell.partition(";")[0])} - {"find"}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run", "run workflow:model"),
        ("plan", "plan workflow:model"),
        ("graph", "graph workflow:model"),
        ("find", "find Train"),
        ("show", "show Train."),
        ("explain", "explain Train."),
        ("diff", "diff Train. Numbers."),
        ("reproduce", "reproduce Train."),
        ("status", "status"),
        ("runs", "runs"),
        ("log", "log"),
        ("verify", "verify"),
        ("copy", "copy .alexflow other"),
        ("gc", "gc --older-than 1d"),
        ("pin", "pin Train."),
    ],
)
def test_the_names_are_those_that_are_listed(command: str, words: str, shell: Path) -> None:
    done("alexflow run workflow:model --quiet", shell)
    printed = done(f"alexflow {words} --json", shell)
    data = json.loads(printed.splitlines()[0] if command in ("find", "runs") else printed)
    if command == "show":
        assert set(data) == names_of("find") | names_of("show")
    else:
        assert set(data) == names_of(command)


def test_the_page_names_every_command() -> None:
    text = PAGE.read_text()
    assert [name for name in COMMANDS if f"alexflow {name}" not in text and f"`{name}" not in text] == []
