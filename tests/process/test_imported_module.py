"""A module that runs a workflow when it is imported: its workers import it, and must not begin again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.kit.processes import still_alive

MODULE = """
import asyncio, os
from dataclasses import dataclass
import alexflow
from alexflow import JSONOutput, Task

with open("imported_by", "a") as log:
    log.write(f"{os.getpid()}\\n")

@dataclass(frozen=True)
class Square(Task):
    n: int
    def output(self):
        return self.build_output(JSONOutput[int], key="n.json")
    def run(self, input, output):
        output.store(self.n ** 2)

TASKS = [Square(n) for n in range(4)]

async def main():
    async with alexflow.Engine("results", workers=2) as engine:
        return await engine.run(TASKS)

"""

WAYS = {
    "run": 'alexflow.run(TASKS, storage="results", workers=2)',
    "arun": 'asyncio.run(alexflow.arun(TASKS, storage="results", workers=2))',
    "Engine": "asyncio.run(main())",
    "main": 'alexflow.main(TASKS, storage="results", workers=2)',
    "in a function": 'def go():\n    alexflow.run(TASKS, storage="results", workers=2)\ngo()',
}


def run(tmp_path, program):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.getcwd()])}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )


def check_refused(tmp_path, done, module, most):
    assert done.returncode != 0
    assert f"module {module} runs a workflow when it is imported" in done.stderr
    assert 'below `if __name__ == "__main__":`' in done.stderr
    importers = {int(pid) for pid in (tmp_path / "imported_by").read_text().split()}
    assert len(importers) <= most  # the program and its own workers, not theirs
    assert still_alive(importers, 2.0) == set()


@pytest.mark.parametrize("way", WAYS)
def test_refused(way, tmp_path):
    (tmp_path / "pipeline.py").write_text(MODULE + WAYS[way])
    done = run(tmp_path, "import pipeline")
    check_refused(tmp_path, done, "pipeline", 1 + 2)
    assert not list((tmp_path / "results").glob("*.json"))
    assert "importlib" not in done.stderr, "how Python imports a module is shown"
    failure = done.stderr[done.stderr.index("task: Square(") :] if way == "main" else ""
    assert failure.count("ShippingError") <= 1, "the traceback says again what stands above it"


def test_another_module_that_it_imports(tmp_path):
    (tmp_path / "pipeline.py").write_text(MODULE + WAYS["run"])
    (tmp_path / "tasks.py").write_text(
        "from dataclasses import dataclass\n"
        "from alexflow import JSONOutput, Task\n"
        "@dataclass(frozen=True)\n"
        "class Own(Task):\n"
        "    def output(self):\n"
        "        return self.build_output(JSONOutput[int], key='own.json')\n"
        "    def run(self, input, output):\n"
        "        output.store(1)\n"
        "import pipeline\n"
    )
    program = (
        "import sys, types\n"
        "sys.modules['pipeline'] = types.ModuleType('pipeline')  # as if its workflow had run already\n"
        "import alexflow, tasks\n"
        "alexflow.run(tasks.Own(), storage='results', workers=1)\n"
    )
    check_refused(tmp_path, run(tmp_path, program), "pipeline", 1)


def test_a_module_that_goes_on_without(tmp_path):
    """It expects that there may be no workflow; its tasks run."""
    caught = f"try:\n    RESULT = {WAYS['run']}\nexcept Exception as error:\n    RESULT = error\n"
    (tmp_path / "pipeline.py").write_text(MODULE + caught)
    done = run(tmp_path, "import pipeline; print(pipeline.RESULT.ran)")
    assert done.stdout.split() == ["4"], done.stderr


def test_guarded_and_nested(tmp_path):
    """An engine that is not opened, a guard, and a task that runs others inside."""
    nested = """
ENGINE = alexflow.Engine("results")

@dataclass(frozen=True)
class Outer(Square):
    def run(self, input, output):
        result = alexflow.run(TASKS, storage="nested", workers=1)
        output.store(sum(output.load() for output in result.output))

if __name__ == "__main__":
    alexflow.run(Outer(1), storage="results")
"""
    (tmp_path / "pipeline.py").write_text(MODULE + nested)
    program = "import alexflow, pipeline; print(alexflow.run(pipeline.Outer(1), storage='results').output.load())"
    done = run(tmp_path, program)
    assert done.stdout.split() == [str(0 + 1 + 4 + 9)], done.stderr
