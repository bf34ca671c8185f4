"""Parameters that were changed after the task's id was computed: it does not run, and nothing is stored for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

import alexflow
from alexflow import DynamicTask, JSONOutput, LocalStorage, Output, Task, TaskOptions
from alexflow.errors import NonDeterministicTask


@dataclass
class Box:
    content: int


@dataclass(frozen=True)
class Holds(Task):
    value: Any
    name: str = "fixed"
    parts: tuple[Any, ...] = ()
    note: list[str] = field(default_factory=list, compare=False)

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: None, output: Output[int]) -> None:
        output.store(1)


@dataclass(frozen=True)
class HoldsInThread(Holds):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class HoldsOnLoop(Holds):
    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        await output.astore(1)


@dataclass(frozen=True)
class Gives(DynamicTask):
    value: Any
    parts: tuple[Any, ...] = ()

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def generate(self, input: None, output: Output[int]) -> None:
        output.store(1)


def append(value: Any) -> None:
    value.append(10)


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], str]] = {
    "list": (lambda: [1, 2], append, "value (a list)"),
    "dict": (lambda: {"a": 1}, lambda value: value.update(b=2), "value (a dict)"),
    "set": (lambda: {1}, lambda value: value.add(2), "value (a set)"),
    "list in a tuple": (lambda: (1, [2]), lambda value: value[1].append(3), "value (a tuple)"),
    "dataclass": (lambda: Box(1), lambda value: setattr(value, "content", 2), "Box)"),
    "no identity any more": (lambda: [1], lambda value: value.append(lambda: 1), "value[1]"),
}


@pytest.mark.parametrize("cls", [Holds, HoldsInThread, HoldsOnLoop, Gives])
@pytest.mark.parametrize("what", list(CHANGES))
def test_it_is_refused(cls: Any, what: str, tmp_path: Any) -> None:
    make, change, said = CHANGES[what]
    value = make()
    task = cls(value)
    before = task.task_id
    change(value)
    result = alexflow.run(task, storage=tmp_path / "results", workers=1, on_error="continue", progress=False)
    (error,) = result.failures
    assert list(LocalStorage(tmp_path / "results").list()) == []
    if cls is Holds and what == "no identity any more":
        return  # it cannot be sent at all
    assert isinstance(error, NonDeterministicTask)
    assert error.task_id == before
    assert error.attempts == 1
    assert said in error.message
    assert f"{cls.__name__}.value" in error.message
    assert "was changed after the task's id was computed" in error.message


@pytest.mark.parametrize("cls", [Holds, HoldsInThread, HoldsOnLoop, Gives])
def test_those_that_were_not_changed_run(cls: Any, tmp_path: Any) -> None:
    values: list[Any] = [[1, 2], {"a": [1]}, {1}, (1, [2]), Box(1), "text", None, 1.5, float("nan"), (1, "a")]
    tasks = [cls(value, parts=(Holds(1).output(), [Holds(2)])) for value in values]
    assert len({task.task_id for task in tasks}) == len(values)
    assert alexflow.run(tasks, storage=tmp_path / "results", workers=1, progress=False).ran == len(values)


def test_what_is_no_part_of_the_id_may_change(tmp_path: Any) -> None:
    note: list[str] = []
    task = HoldsOnLoop(1, note=note)
    assert task.task_id
    note.append("more")
    assert alexflow.run(task, storage=tmp_path / "results", progress=False).ran == 1
