"""Modules and names that a script imports lazily, as Python can from 3.15 on, reach its tasks in worker processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
lazy import decimal
lazy from math import sqrt
from dataclasses import dataclass
import alexflow
from alexflow.formats import TextOutput

def helper(number):
    return str(decimal.Decimal(sqrt(number)))

@dataclass(frozen=True)
class Root(alexflow.Task):
    number: int

    def output(self):
        return self.build_output(TextOutput, key="root.txt")

    def run(self, input, output):
        output.store(helper(self.number))

tasks = [Root(number) for number in (4, 9)]
alexflow.run(tasks, storage="results", workers=1, progress=False)
print(*(task.output().assign_storage(alexflow.open_storage("results")).load() for task in tasks))
"""


@pytest.mark.processes
@pytest.mark.skipif(sys.version_info < (3, 15), reason="lazy imports are of Python 3.15")
def test_a_script_with_lazy_imports_runs_in_workers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    for _ in range(2):
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert (done.returncode, done.stdout) == (0, "2 3\n"), done.stderr
