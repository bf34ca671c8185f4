"""Modules of tasks that agents do not have, or not the same: said before the task, and sent along if asked for."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from alexflow import Engine
from alexflow.cluster import AgentExecutor
from alexflow.cluster.module_check import compare_modules, digest_of, find_module
from alexflow.errors import DefinitionError
from tests.cluster.agents import agent
from tests.cluster.waiting import until
from tests.cluster.workflows import Leaf

pytestmark = [pytest.mark.anyio, pytest.mark.processes]

HELPER = """
VALUE = {value}

def helped(number):
    return number + VALUE
"""

TASKS = """
from dataclasses import dataclass
from alexflow import JSONOutput, Task
from far_package import helper
from far_package.helper import helped

@dataclass(frozen=True)
class Point:
    x: int

@dataclass(frozen=True)
class Far(Task):
    number: int
    point: Point = Point(1)

    def output(self):
        return self.build_output(JSONOutput[int], key="far.json")

    def run(self, input, output):
        assert type(self.point) is Point
        output.store(helped(self.number) + helper.VALUE + self.point.x)
"""


def package(place: Path, value: int, tasks: str = TASKS) -> str:
    """Write the package into a directory, and return that."""
    (place / "far_package").mkdir(parents=True)
    (place / "far_package" / "__init__.py").touch()
    (place / "far_package" / "helper.py").write_text(HELPER.format(value=value))
    (place / "far_package" / "tasks.py").write_text(tasks)
    return str(place)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Iterator[str]:
    """The directory of the package, which only this process has."""
    yield package(tmp_path / "here", 100)
    for name in [name for name in sys.modules if name.partition(".")[0] == "far_package"]:
        del sys.modules[name]


def imported(here: str, monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(here)
    importlib.invalidate_caches()
    return importlib.import_module("far_package.tasks")


async def test_c13_a_module_that_is_missing(place, here, monkeypatch, caplog):
    """Only its tasks fail, once; the log and the error name module, host and the three remedies."""
    executor = AgentExecutor()
    async with Engine(place, executor=executor) as engine, agent(executor):
        await until(lambda: executor.agents)  # which has not got the path
        Far = imported(here, monkeypatch).Far
        (host,) = {each.host for each in executor.agents}
        result = await engine.run([Far(1), Leaf(1), Leaf(2)], on_error="continue")
        (failure,) = result.failures
        text = str(failure)
        for part in (
            "far_package.tasks",
            f"on {host}",
            "install it",
            "modules=['far_package']",
            "an environment",
        ):
            assert part in text, part
            assert part in caplog.text, part
        assert (failure.attempts, result.ran) == (1, 2)
    assert caplog.text.count("is not on") == 1


async def test_c13_a_module_that_is_older(place, here, tmp_path, monkeypatch, caplog):
    """It is said before the task, which runs as the module says there."""
    older = package(tmp_path / "older", 0, TASKS + "\n# older\n")
    caplog.set_level(logging.WARNING, "alexflow")
    executor = AgentExecutor()
    async with Engine(place, executor=executor) as engine, agent(executor, PYTHONPATH=older):
        Far = imported(here, monkeypatch).Far
        assert await engine.load(Far(1).output()) == 2
    assert "far_package.tasks on " in caplog.text
    assert "is not what it is here, as an older version" in caplog.text
    assert caplog.text.count("modules=['far_package']") == 1


@pytest.mark.parametrize("there", ["missing", "older"])
async def test_modules_that_are_sent(place, here, tmp_path, monkeypatch, caplog, there):
    """Classes, functions and values of such a package are what they are here."""
    path = package(tmp_path / "older", 0, TASKS + "\n# older\n") if there == "older" else ""
    caplog.set_level(logging.WARNING, "alexflow")
    Far = imported(here, monkeypatch).Far
    executor = AgentExecutor(modules=["far_package"])
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != here])  # agents get no path to it
    async with Engine(place, executor=executor) as engine, agent(executor, PYTHONPATH=path):
        assert await engine.load(Far(1).output()) == 202
        assert await engine.load(Far(2, sys.modules["far_package.tasks"].Point(5)).output()) == 207
    assert "far_package" not in caplog.text


def test_a_search_imports_nothing(here, monkeypatch):
    monkeypatch.syspath_prepend(here)
    importlib.invalidate_caches()
    digests = {
        "far_package.tasks": digest_of(find_module("far_package.tasks")),
        "far_package.helper": b"another",
        "far_package": b"",
        "far_package.none": b"",
        "far_package.tasks.none": b"",
        "nowhere": b"x",
    }
    missing, differing = compare_modules(digests)
    assert (missing, differing) == (["far_package.none", "far_package.tasks.none", "nowhere"], ["far_package.helper"])
    assert "far_package" not in sys.modules


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("tests", r"modules must be names, such as \['my_package'\], not 'tests'"),
        ([3], r"not \[3\]"),
        (["nowhere_at_all"], "modules names 'nowhere_at_all', and there is no such module"),
    ],
)
def test_modules_that_are_none(given, message):
    with pytest.raises(DefinitionError, match=message):
        AgentExecutor(modules=given)
