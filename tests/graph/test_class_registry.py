"""Classes of one name in one engine: never are the tasks of one given the results of the other."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, Task
from alexflow.errors import DefinitionError

pytestmark = pytest.mark.anyio

PROGRAM = """
from dataclasses import dataclass
from typing import Any
from alexflow import JSONOutput, Task

{before}

@dataclass(frozen=True)
class Report(Task):
    n: int
    {attribute}
    def output(self):
        return self.build_output(JSONOutput[Any], key="o.json")
    def run(self, input, output):
        output.store({value})
"""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = dict(sys.modules)
    yield
    for name in sys.modules.keys() - before.keys():
        if name.startswith("program_of_tests"):
            del sys.modules[name]


def execute(module: types.ModuleType, file: str, value: str, before: str = "", attribute: str = "") -> Any:
    source = PROGRAM.format(value=value, before=before, attribute=attribute)
    before_it = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    exec(compile(source, file, "exec"), vars(module))
    if before_it is not module:  # as runpy does
        del sys.modules[module.__name__]
    return module.Report  # type: ignore[attr-defined]


def module(name: str = "program_of_tests", *, imported: bool = False) -> types.ModuleType:
    made = types.ModuleType(name)
    if imported:
        sys.modules[name] = made
    return made


async def store(engine: Engine, cls: Any, n: int = 1) -> Any:
    return await engine.load(cls(n).output())


OTHER: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"value": "1"}, {"value": "2"}),
    ({"value": "1"}, {"value": "1.0"}),
    ({"value": "f()", "before": "def f(): return 1"}, {"value": "f()", "before": "def f(): return 2"}),
    ({"value": "X", "before": "X = 1"}, {"value": "X", "before": "X = 2"}),
    (
        {"value": "g()", "before": "def f(): return 1\ndef g(): return f()"},
        {"value": "g()", "before": "def f(): return 2\ndef g(): return f()"},
    ),
    ({"value": "A.x", "before": "class A:\n    x = 1"}, {"value": "A.x", "before": "class A:\n    x = 2"}),
    ({"value": "self.x", "attribute": "x = 1"}, {"value": "self.x", "attribute": "x = 2"}),
    ({"value": "f()", "before": "def f(x=1): return x"}, {"value": "f()", "before": "def f(x=2): return x"}),
]


@pytest.mark.parametrize(("one", "two"), OTHER)
async def test_two_programs_are_not_mixed_up(place: str, one: dict[str, str], two: dict[str, str]) -> None:
    first, second = execute(module(), "/a/main.py", **one), execute(module(), "/b/main.py", **two)
    async with Engine(place, executor="thread") as engine:
        value = await store(engine, first)
        for target in (second(1), second(1).output(), second(2), [first(3), second(3)]):
            with pytest.raises(DefinitionError) as caught:
                await engine.run(target)
            for said in ("program_of_tests.Report", "/a/main.py:", "/b/main.py:", "task_name"):
                assert said in str(caught.value)
        assert await store(engine, first) == value
        assert await store(engine, first, 5) is not None


async def test_two_programs_of_equal_code_are_one(place: str) -> None:
    first = execute(module(), "/a/main.py", "7", "X = [1]")
    second = execute(module(), "/b/main.py", "7", "X = [1]")
    async with Engine(place, executor="thread") as engine:
        assert [await store(engine, cls) for cls in (first, second, first)] == [7, 7, 7]


async def test_task_name_tells_them_apart(place: str) -> None:
    first = execute(module(), "/a/main.py", "1")
    second = execute(module(), "/b/main.py", "2", attribute="task_name = 'other.Report'")
    async with Engine(place, executor="thread") as engine:
        assert [await store(engine, cls) for cls in (first, second)] == [1, 2]


async def test_one_name_given_to_two(place: str) -> None:
    first = execute(module("program_of_tests_1"), "/a/x.py", "1", attribute="task_name = 'the.Report'")
    second = execute(module("program_of_tests_2"), "/b/y.py", "2", attribute="task_name = 'the.Report'")
    async with Engine(place, executor="thread") as engine:
        assert await store(engine, first) == 1
        with pytest.raises(DefinitionError, match=r"the\.Report"):
            await store(engine, second)


@pytest.mark.parametrize("imported", [True, False])
async def test_a_cell_that_is_run_again_takes_the_place_of_the_former(place: str, imported: bool) -> None:
    notebook = module(imported=imported)
    async with Engine(place, executor="thread") as engine:
        former = execute(notebook, "<cell 1>", "1")
        assert await store(engine, former) == 1
        same = execute(notebook, "<cell 2>", "1")
        assert await store(engine, same, 2) == 1
        newer = execute(notebook, "<cell 3>", "2")
        assert await store(engine, newer, 3) == 2
        with pytest.raises(DefinitionError, match="two classes with different code"):
            await store(engine, former, 4)  # an instance that was kept
        assert await store(engine, newer, 5) == 2


async def test_a_module_that_was_removed_and_imported_again(place: str) -> None:
    async with Engine(place, executor="thread") as engine:
        assert await store(engine, execute(module(imported=True), "/a/main.py", "1")) == 1
        assert await store(engine, execute(module(imported=True), "/a/main.py", "2"), 2) == 2


def make(number: int) -> Any:
    @dataclass(frozen=True)
    class Local(Task):
        n: int

        def output(self) -> JSONOutput[int]:
            return self.build_output(JSONOutput[int], key="o.json")

        def run(self, input: Any, output: Any) -> None:
            output.store(number)

    return Local


async def test_classes_of_one_function(place: str) -> None:
    async with Engine(place, executor="thread") as engine:
        assert await store(engine, make(1)) == 1
        assert await store(engine, make(1), 2) == 1
        with pytest.raises(DefinitionError, match=r"make\.<locals>\.Local"):
            await store(engine, make(2), 3)
