"""A command whose standard streams are closed, as ``>&-`` and services that start programs do it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from alexflow.cluster.proof import TOKEN_VARIABLE

pytestmark = pytest.mark.processes

NOBODY = "agent --connect 127.0.0.1:1 --wait 0"  # nothing listens there


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["--version", "runs", NOBODY])
def test_it_ends_as_with_open_ones(command: str, closed: str, tmp_path: Path) -> None:
    (tmp_path / ".alexflow").mkdir()
    expected = run(command, "", tmp_path).returncode
    done = run(command, closed, tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (expected, False), done.stderr


def run(command: str, closed: str, directory: Path) -> subprocess.CompletedProcess[str]:
    words = ["sh", "-c", f'exec "$0" -m alexflow {command} {closed}', sys.executable]
    environment = {**os.environ, TOKEN_VARIABLE: "secret"}
    return subprocess.run(words, cwd=directory, env=environment, capture_output=True, text=True, timeout=60)
