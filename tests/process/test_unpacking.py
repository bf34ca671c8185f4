"""A task that arrives in a worker is the one that was sent: shown for each, or for a class as a whole."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import pytest

from alexflow import BinaryOutput, JSONOutput, Output, Task
from alexflow.errors import NonDeterministicTask
from alexflow.executors.process.definitions import Definitions
from alexflow.executors.process.payload import Packer
from alexflow.executors.process.worker import unpack as worker_side
from alexflow.executors.process.worker.unpack import Unpacker
from alexflow.model import AbstractTask
from alexflow.model.class_info import class_info


@dataclass(frozen=True)
class Plain(Task):
    number: int
    name: str | None
    parts: tuple[Output[int], ...] = ()
    others: list[Output[int]] = field(default_factory=list)
    verbose: bool = field(default=True, compare=False)
    last: int = field(default=3, kw_only=True)
    function: Callable[..., Any] | None = field(default=None, kw_only=True)

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="n.json")

    @cached_property
    def doubled(self) -> int:
        return 2 * self.number


@dataclass(frozen=True)
class Derived(Plain, abc.ABC):
    """Its class has a class of its own."""

    version: ClassVar[int] = 2
    more: float = 0.5


FIRST = Plain(1, "one")


@pytest.fixture(autouse=True)
def unpacker(monkeypatch: pytest.MonkeyPatch) -> Unpacker:
    """The unpacker of a new worker."""
    unpacker = Unpacker()
    monkeypatch.setattr(worker_side, "unpacker", unpacker)
    return unpacker


def arrive(unpacker: Unpacker, task: AbstractTask, *task_ids: str) -> list[AbstractTask]:
    """The task, sent as often as there are ids."""
    definitions = Definitions()
    packed = Packer(definitions).pack(task)
    unpacker.add([definitions[number] for number in packed.needs])
    return [unpacker.unpack_job(packed.cls, packed.fields, task_id) for task_id in task_ids]


@pytest.mark.parametrize(
    "task",
    [
        Plain(2, None),
        Plain(3, "three", (FIRST.output(), FIRST.output()), verbose=False),
        Plain(4, "four", (), [FIRST.output()], last=4),
        Derived(5, "five", more=1.5),
    ],
)
def test_a_task_of_a_repeatable_class(unpacker: Unpacker, task: AbstractTask) -> None:
    assert class_info(type(task)).rebuildable
    for arrived in arrive(unpacker, task, task.task_id, task.task_id):
        assert type(arrived) is type(task)
        assert arrived.task_id == task.task_id
        assert arrived.output() == task.output()
        assert class_info(type(task)).values(arrived) == class_info(type(task)).values(task)
        assert type(arrived.parts) is tuple  # type: ignore[attr-defined]
        assert type(arrived.others) is list  # type: ignore[attr-defined]
        assert arrived.doubled == 2 * arrived.number  # type: ignore[attr-defined]


def test_a_repeatable_class_is_trusted_once_one_of_its_tasks_has_been_right(unpacker: Unpacker) -> None:
    for _ in range(2):
        with pytest.raises(NonDeterministicTask):
            arrive(unpacker, FIRST, "another")
    right, another = arrive(unpacker, FIRST, FIRST.task_id, "another")
    assert right == FIRST
    assert another.task_id == "another"


def test_a_task_whose_fields_are_pickled_is_looked_at_each_time(unpacker: Unpacker) -> None:
    task = Plain(1, "one", ({1, 2},))  # type: ignore[arg-type]
    assert arrive(unpacker, task, task.task_id, task.task_id) == [task, task]
    with pytest.raises(NonDeterministicTask):
        arrive(unpacker, task, "another")


def test_an_output_comes_without_its_task(unpacker: Unpacker) -> None:
    task = Plain(1, "one", (FIRST.build_output(BinaryOutput, key="x.pkl"),))
    _, again = arrive(unpacker, task, task.task_id, task.task_id)
    (part,) = again.parts  # type: ignore[attr-defined]
    assert type(part) is BinaryOutput
    assert part.src_task_id == FIRST.task_id
    assert "src_task" not in vars(part)
