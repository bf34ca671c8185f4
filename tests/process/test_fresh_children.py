"""Children that a task starts as fresh interpreters, as multiprocessing does ("spawn", "forkserver")."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

TASKS = """
from __future__ import annotations
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
import alexflow
from alexflow import BinaryOutput, Task

class Point:
    def __init__(self, x):
        self.x = x

def square(point):
    return Point(point.x ** 2)

def put(queue, point):
    queue.put(square(point))

@dataclass(frozen=True)
class Squares(Task):
    how: str
    method: str
    def output(self):
        return self.build_output(BinaryOutput, key="squares")
    def run(self, input, output):
        context = multiprocessing.get_context(self.method)
        points = [Point(n) for n in range(3)]
        if self.how == "pool":
            with context.Pool(1) as pool:
                found = pool.map(square, points)
        elif self.how == "executor":
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                found = list(pool.map(square, points))
        else:
            queue = context.Queue()
            process = context.Process(target=put, args=(queue, Point(2)))
            process.start()
            found = [queue.get(timeout=30)]
            process.join()
        assert all(type(point) is Point for point in found)
        output.store([point.x for point in found])

@dataclass(frozen=True)
class Nested(Squares):
    def run(self, input, output):
        inner = alexflow.run(Squares(self.how, self.method), storage="nested", workers=1)
        output.store(inner.output.load())
"""

RUN = """
cls = {"Squares": Squares, "Nested": Nested}[sys.argv[3]]
print(alexflow.run(cls(*sys.argv[1:3]), storage="results", timeout=50).output.load())
"""
GUARDED = 'if __name__ == "__main__":\n' + RUN.replace("\n", "\n    ")

FOUND = {"pool": "[0, 1, 4]", "executor": "[0, 1, 4]", "process": "[4]"}


def run(tmp_path, *arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.getcwd()])}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=100, env=environment
    )
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("how", FOUND)
def test_tasks_of_a_script(how, method, tmp_path):
    (tmp_path / "script.py").write_text(TASKS + GUARDED)
    assert run(tmp_path, "script.py", how, method, "Squares") == FOUND[how]


def test_tasks_of_a_script_in_another_directory(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "script.py").write_text(TASKS + GUARDED)
    assert run(tmp_path, "scripts/script.py", "pool", "spawn", "Squares") == FOUND["pool"]


@pytest.mark.parametrize("how", ["pool", "executor"])
def test_a_module_that_is_run(how, tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "module.py").write_text(TASKS + GUARDED)
    assert run(tmp_path, "-m", "package.module", how, "spawn", "Squares") == FOUND[how]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_tasks_of_a_module_and_a_script_without_a_guard(method, tmp_path):
    """The children have no need of the script, and do not run it."""
    (tmp_path / "tasks.py").write_text(TASKS)
    (tmp_path / "script.py").write_text("from tasks import *\n" + RUN)
    assert run(tmp_path, "script.py", "pool", method, "Squares") == FOUND["pool"]


def test_a_run_within_a_task(tmp_path):
    (tmp_path / "script.py").write_text(TASKS + GUARDED)
    assert run(tmp_path, "script.py", "executor", "spawn", "Nested") == FOUND["executor"]


def test_a_script_without_a_guard(tmp_path):
    """Its children would run it again; as with multiprocessing alone, they are refused."""
    (tmp_path / "script.py").write_text(TASKS + RUN)
    said = run(tmp_path, "script.py", "executor", "spawn", "Squares")
    assert "BrokenProcessPool" in said
    assert 'put what runs the workflow below `if __name__ == "__main__":`' in said
