"""The command, as a process in a directory of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PIPELINE = Path(__file__).with_name("pipeline.py")


@dataclass(frozen=True)
class Answer:
    """A command's output and exit code."""

    code: int
    out: str
    err: str

    @property
    def first(self) -> str:
        """The first line."""
        return self.out.splitlines()[0]

    @property
    def next(self) -> str:
        """The command that it says helps next."""
        return next((line.removeprefix("next: ") for line in self.err.splitlines() if line.startswith("next: ")), "")

    @property
    def data(self) -> Any:
        """Return the output, read as JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Return the lines of the output, read as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Shell:
    """Runs commands in a directory."""

    directory: Path

    def __call__(self, *words: str, code: int | None = 0, **variables: str) -> Answer:
        """Run ``alexflow`` with these words; fails unless it exits with ``code`` (None: any)."""
        environment = {name: value for name, value in os.environ.items() if name != "ALEXFLOW_STORAGE"} | variables
        done = subprocess.run(
            [sys.executable, "-m", "alexflow", *words],
            capture_output=True,
            text=True,
            cwd=self.directory,
            env=environment,
            timeout=100,
        )
        answer = Answer(done.returncode, done.stdout, done.stderr)
        assert code is None or answer.code == code, f"{words} exits with {answer.code}:\n{answer.out}{answer.err}"
        return answer


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """In a new directory with a copy of the workflow."""
    shutil.copy(PIPELINE, tmp_path / "pipeline.py")
    return Shell(tmp_path)
