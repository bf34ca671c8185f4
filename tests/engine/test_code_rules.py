"""Results that were made with other code are used, used with a warning, or refused; as the class says."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import Engine, LocalStorage, RunFailed, TaskOptions
from alexflow.errors import AlexflowError, CodeDiffers, DefinitionError

PROGRAM = """
from dataclasses import dataclass
from alexflow import JSONOutput, Output, Task, TaskOptions
import ruled_helpers

@dataclass(frozen=True)
class Base(Task):
    options = TaskOptions(executor="thread", code="{rule}")
    def output(self): return self.build_output(JSONOutput, key="o.json")

@dataclass(frozen=True)
class Make(Base):
    x: int
    def run(self, input, output): output.store(ruled_helpers.scale(self.x))

@dataclass(frozen=True)
class Read(Base):
    made: Output
    options = TaskOptions(executor="thread")
    def input(self): return self.made
    def run(self, input, output): output.store(input.load() + 1)
"""
HELPERS = "def scale(x): return x * {factor}\n"


class RuledProgram:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage = LocalStorage(folder.parent / "results")

    def load(self, rule: str, factor: int, comment: str = "") -> Any:
        (self.folder / "ruled_program.py").write_text(PROGRAM.format(rule=rule))
        (self.folder / "ruled_helpers.py").write_text(HELPERS.format(factor=factor) + comment)
        for name in ("ruled_program", "ruled_helpers"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("ruled_program")

    def run(self, target: Any, **options: Any) -> Any:
        return alexflow.run(target, storage=self.storage, progress=False, **options).output


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RuledProgram]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr("alexflow.model.options._checked", [])
    folder = tmp_path / "program"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield RuledProgram(folder)
    for name in ("ruled_program", "ruled_helpers"):
        sys.modules.pop(name, None)


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_the_rule_must_be_one() -> None:
    with pytest.raises(DefinitionError, match="'ignore', 'warn' or 'refuse', not 'strict'"):
        TaskOptions(code="strict")  # type: ignore[arg-type]


def test_by_default_it_does_not_count(program: RuledProgram, caplog: pytest.LogCaptureFixture) -> None:
    program.run(program.load("ignore", 2).Make(3))
    assert program.run(program.load("ignore", 5).Make(3)).load() == 6
    assert warnings_in(caplog) == []


def test_a_warning_names_the_code_once(program: RuledProgram, caplog: pytest.LogCaptureFixture) -> None:
    made = program.load("warn", 2)
    program.run([made.Make(3), made.Make(4)])
    made = program.load("warn", 5)
    assert [output.load() for output in program.run([made.Make(3), made.Make(4)])] == [6, 8]
    (warning,) = warnings_in(caplog)
    assert "results of ruled_program.Make are used that were made with other code" in warning
    assert "the code of ruled_helpers.scale differs" in warning


def test_code_that_is_the_same_gives_none(program: RuledProgram, caplog: pytest.LogCaptureFixture) -> None:
    program.run(program.load("warn", 2).Make(3))
    program.run(program.load("warn", 2, comment="# a comment\n").Make(3))
    assert warnings_in(caplog) == []


@pytest.mark.parametrize("wanted", ["task", "output", "reader"])
def test_results_of_other_code_are_refused(wanted: str, program: RuledProgram) -> None:
    program.run(program.load("refuse", 2).Make(3))
    made = program.load("refuse", 5)
    target = {"task": made.Make(3), "output": made.Make(3).output(), "reader": made.Read(made.Make(3).output())}[wanted]
    with pytest.raises(AlexflowError) as raised:
        program.run(target)
    error = raised.value.exceptions[0] if isinstance(raised.value, RunFailed) else raised.value
    assert isinstance(error, CodeDiffers)
    assert error.names == ("ruled_helpers.scale",)
    assert str(error).startswith(f"{made.Make(3).output().key} was made with other code: the code of ruled_helpers")


def test_what_is_forced_is_made_and_then_used(program: RuledProgram) -> None:
    program.run(program.load("refuse", 2).Make(3))
    made = program.load("refuse", 5)
    assert program.run(made.Make(3), force=[made.Make(3)]).load() == 15
    assert program.run(made.Make(3)).load() == 15


def test_results_of_which_the_code_is_not_known_are_used(
    program: RuledProgram, caplog: pytest.LogCaptureFixture
) -> None:
    program.run(program.load("ignore", 2).Make(3), record=False)
    assert program.run(program.load("refuse", 5).Make(3)).load() == 6


def test_a_mark_alone_is_no_difference(program: RuledProgram) -> None:
    program.run(program.load("refuse", 2).Make(3))
    made = program.load("refuse", 2)
    with (program.folder / "ruled_helpers.py").open("a") as file:
        file.write("import subprocess\ndef other(): subprocess.Popen('x')\n")
    assert program.run(made.Make(3)).load() == 6


async def in_engine(program: RuledProgram, made: Any) -> None:
    async with Engine(program.storage) as engine:
        assert await engine.load(made.Make(4).output()) == 20
        with pytest.raises(AlexflowError):
            await engine.load(made.Make(3).output())
        assert await engine.load(made.Make(4).output()) == 20


def test_the_engine_goes_on(program: RuledProgram) -> None:
    import anyio

    program.run(program.load("refuse", 2).Make(3))
    anyio.run(in_engine, program, program.load("refuse", 5))


NOTEBOOK = """
import logging, sys
from IPython.core.interactiveshell import InteractiveShell
logging.basicConfig(stream=sys.stdout, format="LOGGED %(message)s")
shell = InteractiveShell.instance()
def cell(text):
    assert shell.run_cell(text, store_history=True).success
CLASS = '''
@dataclass(frozen=True)
class Make(Task):
    options = TaskOptions(executor="thread")
    x: int
    def output(self): return self.build_output(JSONOutput, key="o.json")
    def run(self, input, output): output.store(self.x * {factor})
'''
RUN = "print('VALUE', alexflow.run(Make(3), storage='results', progress=False).output.load())"
cell("import alexflow; from alexflow import *; from dataclasses import dataclass")
cell(CLASS.format(factor=2))
cell(RUN)
cell(RUN)
cell(CLASS.format(factor=2).replace("options", "# a comment\\n    options"))
cell(RUN)
cell(CLASS.format(factor=5))
cell(RUN)
"""


@pytest.mark.processes
def test_a_notebook_warns_of_results_of_a_cell_that_was_edited(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-c", NOTEBOOK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(("VALUE", "LOGGED"))]
    assert [line for line in lines if line.startswith("VALUE")] == ["VALUE 6"] * 4
    (logged,) = [line for line in lines if "other code" in line]
    assert "the code of __main__.Make.run differs" in logged
    assert lines.index(logged) == 3
