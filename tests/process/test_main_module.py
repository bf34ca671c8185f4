"""Tasks that no other process can import: of scripts, of ``python -c``, of notebooks, of functions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

import alexflow
from alexflow import BinaryOutput, Output, Task

SCRIPT = """
from __future__ import annotations
from collections import namedtuple
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
import os, sys
import alexflow
from alexflow import BinaryOutput, Output, SerializableOutput, Task

OFFSET = 100
IMPORTS = [os.getpid()]

class Colour(Enum):
    RED = 1

Point = namedtuple("Point", "x y")

@dataclass(frozen=True)
class Settings:
    depth: int

def double(x):
    return 2 * x + OFFSET

def negate(x):
    return -x

class Model:
    def __init__(self, weight):
        self.weight = weight

@dataclass(frozen=True)
class MyOutput(BinaryOutput):
    pass

@dataclass(frozen=True)
class Train(Task):
    n: int
    colour: Colour = Colour.RED
    settings: Settings = Settings(3)
    point: Any = Point(1, 2)
    function: Any = double
    cls: Any = Model
    hidden: Any = field(default=negate, compare=False)
    def output(self):
        return self.build_output(MyOutput, key="model")
    def run(self, input, output):
        assert self.colour is Colour.RED and isinstance(self.settings, Settings)
        assert self.function is double or self.function(0) == 100
        output.store(self.cls(self.hidden(self.function(self.n)) + self.settings.depth + self.point.y))

@dataclass(frozen=True)
class Report(Task):
    model: Output
    def input(self):
        return self.model
    def output(self):
        formats = {"model": BinaryOutput, "task": SerializableOutput}
        return {name: self.build_output(format, key=name) for name, format in formats.items()}
    def run(self, input, output):
        model = input.load()
        assert isinstance(model, Model), type(model)
        assert isinstance(input.src_task, Train) and input.src_task.n == 1
        output["model"].store((IMPORTS, model))
        output["task"].store(input.src_task)

def main():
    result = alexflow.run(Report(Train(1).output()), storage=sys.argv[1], workers=2)
    (pid,), model = result.output["model"].load()
    assert type(model) is Model
    print(result.ran, model.weight, result.output["task"].load() == Train(1), Train(1).task_id)

MAIN_GUARD
"""
GUARDED = SCRIPT.replace("MAIN_GUARD", 'if __name__ == "__main__":\n    main()')


def run(tmp_path, *arguments, text=None, ran=2):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        input=text,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert done.returncode == 0, done.stderr
    count, weight, equal, task_id = done.stdout.split()
    assert (int(count), weight, equal) == (ran, "-97", "True")
    return task_id


def test_a_script(tmp_path):
    (tmp_path / "training.py").write_text(GUARDED)
    task_id = run(tmp_path, "training.py", "results")
    assert task_id.startswith("training.Train.")
    assert run(tmp_path, "-m", "training", "results", ran=0) == task_id  # another way to start it: all is found


def test_a_traceback_tells_the_scripts_file_and_line(tmp_path):
    failing = GUARDED.replace("assert self.colour", "raise OSError  # here\n        assert self.colour")
    (tmp_path / "training.py").write_text(failing)
    command = [sys.executable, "training.py", "results"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 1
    assert re.search(r'File ".*training\.py", line \d+, in run\n[ |]*raise OSError  # here', done.stderr), done.stderr


def test_a_script_without_a_guard_is_not_run_again_in_workers(tmp_path):
    (tmp_path / "training.py").write_text(SCRIPT.replace("MAIN_GUARD", "main()"))
    run(tmp_path, "training.py", "results")


@pytest.mark.parametrize("how", ["-c", "stdin"])
def test_a_program_without_a_file(tmp_path, how):
    if how == "-c":
        task_id = run(tmp_path, "-c", GUARDED, "results")
    else:
        task_id = run(tmp_path, "-", "results", text=GUARDED)
    assert task_id.partition(".")[0] in ("__main__", "<stdin>")


NOTEBOOK = """
import sys, types
cells = open("cells.py").read().replace('if __name__ == "__main__":', "if True:")
module = types.ModuleType(NAME)
sys.modules[NAME] = module
exec(compile(cells, "<ipython-input-1>", "exec"), module.__dict__)
"""


@pytest.mark.parametrize("name", ["__main__", "notebook"])
def test_a_notebook(tmp_path, name):
    """A module that was executed from nowhere, under the name of the main one or of its own."""
    (tmp_path / "cells.py").write_text(GUARDED)
    (tmp_path / "kernel.py").write_text(NOTEBOOK.replace("NAME", repr(name)))
    task_id = run(tmp_path, "kernel.py", "results")
    assert task_id.startswith(f"{name}.Train.")


def test_a_module_that_was_loaded_from_a_path(tmp_path):
    """Its name looks as if others could import it."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "plugin.py").write_text(GUARDED)
    (tmp_path / "application.py").write_text(
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('plugin', 'elsewhere/plugin.py')\n"
        "module = sys.modules['plugin'] = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "module.main()\n"
    )
    assert run(tmp_path, "application.py", "results").startswith("plugin.Train.")


def test_a_class_that_is_redefined(tmp_path):
    """As in a notebook cell that is run again: workers get the new one."""
    program = """
import alexflow, sys
from alexflow import *
from dataclasses import dataclass
import asyncio

def define(text):
    @dataclass(frozen=True)
    class Cell(Task):
        n: int
        def output(self):
            return self.build_output(BinaryOutput, key="out")
        def run(self, input, output):
            output.store(text)
    Cell.__qualname__ = "Cell"
    globals()["Cell"] = Cell

async def main():
    async with Engine(sys.argv[1], workers=1) as engine:
        define("old")
        first = (await engine.run(Cell(1))).output.load()
        define("new")
        second = (await engine.run(Cell(2))).output.load()
        print(first, second)

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "results"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["old", "new"], done.stderr


def test_a_local_class(tmp_path):
    offset = 5

    @dataclass(frozen=True)
    class Local(Task):
        n: int
        function: Any = field(default=lambda x: x + offset, compare=False)

        def output(self) -> Output[int]:
            return self.build_output(BinaryOutput[int], key="n")

        def run(self, input: None, output: Output[int]) -> None:
            output.store(self.function(self.n))

    result = alexflow.run([Local(1), Local(2)], storage=tmp_path / "results", workers=2)
    assert [output.load() for output in result.output] == [6, 7]
    assert ".test_a_local_class.<locals>.Local." in Local(1).task_id
