"""The command line in the record of a run: as it was typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes

SCRIPT = """
import alexflow, pipeline
if __name__ == "__main__":
    alexflow.run(pipeline.train(9), progress=False, workers=1)
"""

PROGRAMS = Path(sys.executable).parent


def command_of_the_last_run(shell: Shell) -> list[str]:
    return list(shell("log", "--json").data["command"])


def run(shell: Shell, *words: str, path: str = "") -> None:
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"} if path else None
    subprocess.run(words, cwd=shell.directory, env=environment, check=True, capture_output=True)


@pytest.mark.skipif(not (PROGRAMS / "alexflow").exists(), reason="the command is not installed beside this Python")
def test_an_installed_command(shell: Shell) -> None:
    run(shell, str(PROGRAMS / "alexflow"), "run", "pipeline:train", "--depth", "4", "--quiet")
    assert command_of_the_last_run(shell) == ["alexflow", "run", "pipeline:train", "--depth", "4", "--quiet"]


def test_a_command_of_the_path(shell: Shell, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    command = programs / "study"
    command.write_text(f"#!{sys.executable}\nfrom alexflow.cli.program import main\nmain()\n")
    command.chmod(0o755)
    run(shell, "study", "run", "pipeline:train", "--quiet", path=str(programs))
    assert command_of_the_last_run(shell) == ["study", "run", "pipeline:train", "--quiet"]


def test_a_module_and_a_script_stay_what_they_are(shell: Shell) -> None:
    python = sys.executable
    run(shell, python, "-m", "alexflow", "run", "pipeline:train", "--quiet")
    assert command_of_the_last_run(shell) == [python, "-m", "alexflow", "run", "pipeline:train", "--quiet"]
    (shell.directory / "train.py").write_text(SCRIPT)
    run(shell, python, "train.py", "--lr", "0.5")
    assert command_of_the_last_run(shell) == [python, "train.py", "--lr", "0.5"]
