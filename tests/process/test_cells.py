"""Classes of notebooks and scripts: what they use travels with them, as it is when a task needs it."""

from __future__ import annotations

import contextvars
import importlib
import linecache
import os
import sqlite3
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alexflow import Engine
from alexflow.errors import ShippingError, TaskFailed
from tests.faults.workflows import Number

pytestmark = pytest.mark.anyio

HEAD = """
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from alexflow import BinaryOutput, JSONOutput, Task
"""

TASK = """
@dataclass(frozen=True)
class Cell(Task):
    n: int
    def output(self):
        return self.build_output(JSONOutput[Any], key="o.json")
    def run(self, input, output):
        value = {value}
        output.store(value)
"""


class Notebook:
    """A namespace in which cells are run; no other process can import it."""

    def __init__(self) -> None:
        self.module = types.ModuleType("notebook_of_tests")
        self._cells = 0
        self.run(HEAD)

    def run(self, source: str) -> None:
        self._cells += 1
        name = f"<cell {self._cells}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), vars(self.module))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    sys.modules[notebook.module.__name__] = notebook.module
    yield notebook
    del sys.modules[notebook.module.__name__]


class Refuses:
    """Raises when it is pickled."""

    def __init__(self, error: BaseException):
        self.error = error

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise self.error


def _leave() -> None:
    raise SystemExit(3)


class Arrives:
    """Raises when it is unpickled."""

    def __reduce__(self) -> Any:
        return _leave, ()


UNSHIPPABLE = {
    "lock": lambda: threading.Lock(),
    "connection": lambda: sqlite3.connect(":memory:"),
    "context": lambda: contextvars.copy_context(),
    "generator": lambda: iter(n for n in range(3)),
    "raises": lambda: Refuses(ValueError("not I")),
    "exits": lambda: Refuses(SystemExit(3)),
    "interrupts": lambda: Refuses(KeyboardInterrupt()),
    "stops": lambda: Refuses(StopIteration()),
    "closes": lambda: Refuses(GeneratorExit()),
}

PLACES = {
    "global": ("THING = make()", "THING", "Cell.run uses the global THING"),
    "helper": ("THING = make()\ndef helper(): return THING", "helper()", "helper uses the global THING"),
    "attribute": ("class Holder:\n    thing = make()", "Holder.thing", "Holder has the attribute thing"),
    "default": ("def helper(thing=make()): return 1", "helper()", "helper has a default"),
    "closure": (
        "def outer():\n    thing = make()\n    def helper(): return thing\n    return helper\nhelper = outer()",
        "helper()",
        "outer.<locals>.helper uses the variable thing of the function around it",
    ),
}


@pytest.mark.parametrize("place_of_it", PLACES)
@pytest.mark.parametrize("kind", UNSHIPPABLE)
async def test_what_cannot_travel_fails_its_own_task(place, notebook, kind, place_of_it):
    setup, value, said = PLACES[place_of_it]
    notebook.module.make = UNSHIPPABLE[kind]
    notebook.run(setup)
    notebook.run(TASK.format(value=f"[1, {value} and 1][0]"))
    async with Engine(place, workers=1) as engine:
        result = await engine.run([notebook.Cell(1), *map(Number, range(3)), notebook.Cell(2)], on_error="continue")
        assert (result.ran, result.failed) == (3, 2)
        for error in result.failures:
            assert isinstance(error, TaskFailed)
            assert isinstance(error.__cause__, ShippingError)
            assert error.attempts == 1
            assert str(error.__cause__).startswith(f"Cell cannot be sent to a worker process: {said}")
        assert (await engine.run(Number(99))).ran == 1


async def test_what_cannot_arrive_fails_its_own_task(place, notebook):
    notebook.module.THING = Arrives()
    notebook.run(TASK.format(value="[1, THING][0]"))
    async with Engine(place, workers=1) as engine:
        result = await engine.run([notebook.Cell(1), Number(1)], on_error="continue")
        assert (result.ran, result.failed) == (1, 1)
        assert "Cell cannot be unpickled in a worker process: SystemExit: 3" in str(result.failures[0])
        assert result.failures[0].attempts == 1


async def test_it_is_sent_once_it_can_be(place, notebook):
    notebook.module.THING = threading.Lock()
    notebook.run(TASK.format(value="THING"))
    async with Engine(place, workers=1) as engine:
        assert (await engine.run(notebook.Cell(1), on_error="continue")).failed == 1
        notebook.run("THING = 7")
        assert await engine.load(notebook.Cell(1).output()) == 7


#: What is run first, the value that is stored, what is run then, and both values.
CHANGES = {
    "global": ("X = 1", "X", "X = 2", (1, 2)),
    "helper": ("def h(): return 1", "h()", "def h(): return 2", (1, 2)),
    "helper_of_helper": ("def g(): return 1\ndef h(): return g()", "h()", "def g(): return 2", (1, 2)),
    "class": ("class A:\n    x = 1", "A.x", "class A:\n    x = 2", (1, 2)),
    "attribute": ("class A:\n    x = 1", "A.x", "A.x = 2", (1, 2)),
    "method": ("class A:\n    def x(self): return 1", "A().x()", "A.x = lambda self: 2", (1, 2)),
    "entry": ("D = {'x': 1}", "D['x']", "D['x'] = 2", (1, 2)),
    "deep_entry": ("D = {'x': [1]}", "D['x'][0]", "D['x'][0] = 2", (1, 2)),
    "code": ("def h(): return 1", "h()", "h.__code__ = (lambda: 2).__code__", (1, 2)),
    "default": ("def h(x=1): return x", "h()", "h.__defaults__ = (2,)", (1, 2)),
    "closure": (
        "def make():\n    x = 1\n    def get(): return x\n    def put(y):\n        nonlocal x\n        x = y\n"
        "    return get, put\nget, put = make()",
        "get()",
        "put(2)",
        (1, 2),
    ),
    "later": ("", "late() if 'late' in globals() else 1", "def late(): return 2", (1, 2)),
    "own_method": ("", "self.n // self.n", "Cell.run = lambda self, input, output: output.store(2)", (1, 2)),
}


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("workers", [1, 2])
async def test_what_a_cell_changes_counts_for_the_next_task(place, notebook, kind, workers):
    before, value, change, (first, second) = CHANGES[kind]
    notebook.run(before)
    notebook.run(TASK.format(value=value))
    async with Engine(place, workers=workers) as engine:
        for n in range(1, 4):
            assert await engine.load(notebook.Cell(n).output()) == first
        notebook.run(change)
        for n in range(4, 7):
            assert await engine.load(notebook.Cell(n).output()) == second


async def test_a_cell_that_is_run_again_counts(place, notebook):
    async with Engine(place, workers=1) as engine:
        notebook.run(TASK.format(value="1"))
        assert await engine.load(notebook.Cell(1).output()) == 1
        notebook.run(TASK.format(value="1"))
        assert await engine.load(notebook.Cell(2).output()) == 1
        notebook.run(TASK.format(value="2"))
        assert await engine.load(notebook.Cell(3).output()) == 2


MODULE = """
from dataclasses import dataclass
from typing import Any
from alexflow import JSONOutput, Task
import {name}_helper

@dataclass(frozen=True)
class Cell(Task):
    n: int
    def output(self):
        return self.build_output(JSONOutput[Any], key="o.json")
    def run(self, input, output):
        output.store([{x}, {name}_helper.x])
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Write modules that can be imported; their code is never taken from a cache."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    names = set()

    def write(name: str, source: str) -> None:
        names.add(name)
        (tmp_path / f"{name}.py").write_text(source)
        importlib.invalidate_caches()

    yield write
    for name in names:
        sys.modules.pop(name, None)


async def test_a_reloaded_module_counts(place, write):
    write("reloaded_1", MODULE.format(name="reloaded_1", x=1))
    write("reloaded_1_helper", "x = 1")
    module: Any = importlib.import_module("reloaded_1")
    async with Engine(place, workers=2) as engine:
        assert await engine.load(module.Cell(1).output()) == [1, 1]
        write("reloaded_1", MODULE.format(name="reloaded_1", x=22))
        importlib.reload(module)
        assert await engine.load(module.Cell(2).output()) == [22, 1]
        write("reloaded_1_helper", "x = 33")
        importlib.reload(sys.modules["reloaded_1_helper"])
        assert await engine.load(module.Cell(3).output()) == [22, 33]
        assert (await engine.run([module.Cell(n) for n in range(10, 50)])).ran == 40


async def test_a_module_that_is_imported_anew_counts(place, write):
    write("imported_1", MODULE.format(name="imported_1", x=1))
    write("imported_1_helper", "x = 1")
    module: Any = importlib.import_module("imported_1")
    async with Engine(place, workers=1) as engine:
        assert await engine.load(module.Cell(1).output()) == [1, 1]
        write("imported_1", MODULE.format(name="imported_1", x=22))
        del sys.modules["imported_1"]
        module = importlib.import_module("imported_1")
        assert await engine.load(module.Cell(2).output()) == [22, 1]


async def test_a_traceback_has_the_lines_of_the_cell(place, notebook):
    notebook.run(TASK.format(value="1 / 0  # here it breaks"))
    async with Engine(place, workers=1) as engine:
        result = await engine.run(notebook.Cell(1), on_error="continue")
        (error,) = result.failures
        assert isinstance(error, TaskFailed)
        assert "<cell 2>" in error.traceback
        assert "value = 1 / 0  # here it breaks" in error.traceback


FOUND = """
class Model:
    class Part:
        def __eq__(self, other): return type(self) is type(other)
    def __eq__(self, other): return type(self) is type(other)
class Hidden(Model): pass
class Colour(Enum):
    RED = Model
def function(): return 1
REGISTRY = {"model": Model, "part": Model.Part, "function": function, "colour": Colour.RED}
lost = type("Lost", (), {})
REGISTRY["lost"] = lost

@dataclass(frozen=True)
class Train(Task):
    name: str
    def output(self):
        return self.build_output(BinaryOutput[Any], key="m.pkl")
    def run(self, input, output):
        thing = REGISTRY[self.name]
        output.store(thing() if isinstance(thing, type) else thing)
"""


@pytest.mark.parametrize("name", ["model", "part", "function", "colour"])
async def test_what_is_found_by_its_name_can_be_stored(place, notebook, name):
    notebook.run(FOUND)
    async with Engine(place, workers=1) as engine:
        stored = await engine.load(notebook.Train(name).output())
        thing = notebook.REGISTRY[name]
        assert stored == (thing() if isinstance(thing, type) else thing)


async def test_what_no_process_finds_cannot_be_stored(place, notebook):
    notebook.run(FOUND)
    async with Engine(place, workers=1) as engine:
        result = await engine.run(notebook.Train("lost"), on_error="continue")
        assert result.failed == 1
        assert "a Lost cannot be stored as BinaryOutput" in result.failures[0].message


CACHED = """
from functools import cached_property
@dataclass(frozen=True)
class Cached(Task):
    n: int
    @cached_property
    def double(self):
        return 2 * self.n
    def output(self):
        return self.build_output(JSONOutput[Any], key="o.json")
    def run(self, input, output):
        output.store(self.double + self.double)
"""


async def test_a_cached_property(place, notebook):
    notebook.run(CACHED)
    async with Engine(place, workers=1) as engine:
        assert await engine.load(notebook.Cached(3).output()) == 12


DEFAULTS = """
from dataclasses import dataclass, field
from typing import Any
import os
from alexflow import JSONOutput, Task

def made(): return [os.getpid()]

@dataclass(frozen=True)
class Defaults(Task):
    n: int = 0
    position: Any = field(default=os.getpid(), compare=False)
    late: Any = field(default_factory=made, compare=False)
    keyword: Any = field(default=os.getpid(), compare=False, kw_only=True)
    nothing: Any = field(default=os.environ.get("ALEXFLOW_TEST_OF_DEFAULTS"), compare=False, kw_only=True)
    keyword_late: Any = field(default_factory=made, compare=False, kw_only=True)
    def output(self):
        return self.build_output(JSONOutput[Any], key="o.json")
    def run(self, input, output):
        output.store([self.position, self.late, self.keyword, self.nothing, self.keyword_late])
"""


async def test_a_field_at_its_default_is_what_it_is_in_the_instance(place, write, monkeypatch):
    monkeypatch.delenv("ALEXFLOW_TEST_OF_DEFAULTS", raising=False)
    write("with_defaults", DEFAULTS)
    module: Any = importlib.import_module("with_defaults")
    monkeypatch.setenv("ALEXFLOW_TEST_OF_DEFAULTS", "the worker's own")
    pid = os.getpid()
    async with Engine(place, workers=1) as engine:
        for n in range(3):
            assert await engine.load(module.Defaults(n).output()) == [pid, [pid], pid, None, [pid]]
