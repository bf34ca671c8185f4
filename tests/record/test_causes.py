"""The true cause of each run is found from the record alone: programs are run, edited, and run again.

Ten kinds of causes, each with several seeds that draw parameters, the length of the chain, and further tasks beside it;
two causes at once; through a dynamic task; and across a class that was renamed with its ``task_name`` pinned.
"""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import LocalStorage
from alexflow.record import Explanation
from tests.kit.effort import examples

PROGRAM = """
from dataclasses import dataclass
from typing import Any
from alexflow import DynamicTask, JSONOutput, Output, Task, TaskOptions, source
import helpers

FACTOR = {constant}

def multiplied_by(k):
    def multiply(x): return x * k
    return multiply

scaled = multiplied_by({closure})

@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    names: tuple = ("a", "b")

@dataclass(frozen=True)
class Config:
    inner: Inner = Inner()

@dataclass(frozen=True)
class Base(Task):
    options = TaskOptions(executor="thread")

@dataclass(frozen=True)
class Load(Base):
    name: str
    table: Any
    def output(self): return self.build_output(JSONOutput, key="l.json")
    def run(self, input, output): output.store(1)

@dataclass(frozen=True)
class {step}(Base):
    data: Any
    number: int
    depth: int = {default}
    version = {version}
    task_name = "program.Step"
    def input(self): return self.data
    def output(self): return self.build_output(JSONOutput, key="s.json")
    def run(self, input, output): output.store(2)

@dataclass(frozen=True)
class Many(DynamicTask):
    data: Any
    def input(self): return self.data
    def output(self): return self.build_output(JSONOutput, key="m.json")
    def generate(self, input, output):
        output.store(1)
        return [{step}(self.data, 10 + n) for n in range(2)]

@dataclass(frozen=True)
class Train(Base):
    data: Any
    epochs: int
    config: Config = Config()
    def input(self): return self.data
    def output(self): return self.build_output(JSONOutput, key="t.json")
    def run(self, input, output): output.store(helpers.clean(scaled(FACTOR)))

def target(epochs, rate, name, chain, dynamic, file):
    output = Load(name, source(file)).output()
    for number in range(chain):
        output = {step}(output, number).output()
    if dynamic:
        output = Many(output).output()
    return Train(output, epochs, Config(Inner(rate)))
"""

HELPERS = "def clean(x): return x + {helper}\ndef other(x): return x\n"

#: The ten kinds of causes: what is done to the program or its arguments, and the change that has to be named.
PARAMETERS = {
    "field": ("epochs", "Train.epochs"),
    "nested field": ("rate", "Train.config.inner.rate"),
    "upstream field": ("name", "Load.name"),
}
CODE = {
    "default": ("default", "Step.depth"),
    "version": ("version", "Step.version"),
    "helper": ("helper", "helpers.clean"),
    "constant": ("constant", "program.FACTOR"),
    "closure": ("closure", "program.scaled"),
}
KINDS = [*PARAMETERS, *CODE, "source", "removal", "force"]
#: Causes that no id depends on: the task runs again only because it is forced.
NOT_IN_IDS = {"helper", "constant", "closure", "force"}


class Project:
    """A program in a folder, its storage, and how it stands."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        self.storage = LocalStorage(folder.parent / "results")
        self.code: dict[str, Any] = {"constant": 3, "closure": 4, "default": 5, "version": "1", "helper": 6}
        self.code["step"] = "Step"
        self.arguments: dict[str, Any] = {
            "epochs": chance.randrange(50),
            "rate": chance.random(),
            "name": chance.choice("abc"),
            "chain": chance.randrange(1, 5),
            "dynamic": False,
            "file": str(folder / "table.csv"),
        }
        self.table = "x"

    def target(self, **changed: Any) -> Any:
        """Write the program, import it anew, and make its target."""
        (self.folder / "program.py").write_text(PROGRAM.format(**self.code))
        (self.folder / "helpers.py").write_text(HELPERS.format(**self.code))
        (self.folder / "table.csv").write_text(self.table)
        for name in ("program", "helpers"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("program").target(**{**self.arguments, **changed})

    def run(self, task: Any, *, force: bool = False) -> None:
        alexflow.run(task, storage=self.storage, force=[task] if force else (), progress=False)

    def explain(self, task: Any) -> Explanation:
        return alexflow.open_record(self.storage).explain(task.output().key)

    def cause(self, kind: str) -> None:
        """Let a cause come about."""
        if kind in PARAMETERS:
            name = PARAMETERS[kind][0]
            self.arguments[name] = {"epochs": 77, "rate": 2.5, "name": "z"}[name]
        elif kind in CODE:
            self.code[CODE[kind][0]] = "2" if kind == "version" else self.chance.randrange(20, 90)
        elif kind == "source":
            self.table = f"y{self.chance.random()}"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Project]]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # an edit may have the size and the second of the one before
    folder = tmp_path / "program"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield lambda seed: Project(folder, random.Random(seed))
    for name in ("program", "helpers"):
        sys.modules.pop(name, None)


def expected(kind: str) -> str | None:
    if kind == "source":
        return "Load.table"
    return {**PARAMETERS, **CODE}[kind][1] if kind in PARAMETERS or kind in CODE else None


def reason_for(kinds: list[str]) -> str:
    if not NOT_IN_IDS.issuperset({*kinds} - {"removal"}):
        return "changed"
    return "removed" if "removal" in kinds else "forced"


def check(project: Project, kinds: list[str]) -> None:
    """Run, let causes come about, run again, and see that these are named, and nothing else."""
    decoys = [project.target(epochs=200 + n, rate=9.0 + n) for n in range(project.chance.randrange(3))]
    for task in (*decoys, project.target()):
        project.run(task)
    for kind in kinds:
        project.cause(kind)
    task = project.target()
    if "removal" in kinds and task.output().assign_storage(project.storage).exists():
        project.storage.remove_many([task.output().key])
    project.run(task, force=reason_for(kinds) == "forced")
    found = project.explain(task)
    named = {change.path.removeprefix("program.") if change.kind != "code" else change.path for change in found.changes}
    assert named == {cause for kind in kinds if (cause := expected(kind)) is not None}
    assert found.reason == reason_for(kinds)


@pytest.mark.parametrize("kind", KINDS)
def test_one_cause(kind: str, start: Callable[[int], Project], tmp_path: Path) -> None:
    for seed in range(examples(5)):
        project = start(seed)
        project.storage = LocalStorage(tmp_path / f"results-{seed}")
        check(project, [kind])


PAIRS = [("field", "helper"), ("nested field", "source"), ("default", "closure"), ("version", "upstream field")]
PAIRS += [("removal", "constant"), ("force", "helper"), ("field", "nested field"), ("source", "helper")]


@pytest.mark.parametrize("kinds", PAIRS, ids=" and ".join)
def test_two_causes_at_once(kinds: tuple[str, str], start: Callable[[int], Project]) -> None:
    check(start(1), list(kinds))


@pytest.mark.parametrize("kind", ["upstream field", "source", "default", "version"])
def test_through_a_dynamic_task(kind: str, start: Callable[[int], Project]) -> None:
    project = start(2)
    project.arguments["dynamic"] = True
    check(project, [kind])


@pytest.mark.parametrize("kind", ["upstream field", "version", "default"])
def test_across_a_renamed_class(kind: str, start: Callable[[int], Project]) -> None:
    project = start(3)
    project.run(project.target())
    project.code["step"] = "Renamed"
    project.cause(kind)
    task = project.target()
    project.run(task)
    (change,) = project.explain(task).changes
    assert change.path.removeprefix("Renamed.") == (expected(kind) or "").removeprefix("Step.")
