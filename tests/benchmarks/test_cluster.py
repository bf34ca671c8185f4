"""``python -m benchmarks cluster``: each part says what it has measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("part", "line"), [("hosts", "layered: "), ("places", " 1000 places, jobs of 100 ms: ")])
def test_a_part(part: str, line: str) -> None:
    command = [sys.executable, "-m", "benchmarks", "cluster", part, "--ours", "--scale", "0.01", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert line in done.stdout
    assert "bar: " in done.stdout
