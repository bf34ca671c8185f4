"""Whether a task is nothing but the values of its fields, as seen from its class."""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from alexflow import Task, WrapperTask
from alexflow.legacy import FormerIds
from alexflow.model import AbstractTask
from alexflow.model.class_info import class_info


@dataclass(frozen=True)
class Plain(Task):
    number: int
    parts: list[int] = field(default_factory=list)
    last: int = field(default=3, kw_only=True)

    def input(self) -> Any:
        return None


@dataclass(frozen=True)
class Derived(Plain, abc.ABC):
    """Its class has a class of its own."""

    version: ClassVar[int] = 2
    more: float = 0.5


@dataclass(frozen=True)
class AfterInit(Task):
    number: int

    def __post_init__(self) -> None:
        super().__post_init__()


@dataclass(frozen=True)
class Encoded(Task):
    number: int = field(metadata={"encode": str, "decode": int})


@dataclass(frozen=True)
class EncodedOnTheWayOnly(Task):
    number: int
    note: str = field(default="", compare=False, metadata={"encode": str, "decode": str})


@dataclass(frozen=True, init=False)
class OwnInit(Task):
    number: int

    def __init__(self, number: int) -> None:
        object.__setattr__(self, "number", number)


@dataclass(frozen=True)
class NotGiven(Task):
    number: int
    made: list[int] = field(default_factory=list, init=False)


@dataclass(frozen=True)
class VersionOfTheMoment(Task):
    number: int

    @property
    def version(self) -> int:  # type: ignore[override]
        return self.number


@dataclass(frozen=True, slots=True)
class Slots(Task):
    number: int


class _Stored:
    def __get__(self, task: Any, cls: Any) -> int:
        return 0 if task is None else int(vars(task)["stored"])

    def __set__(self, task: Any, value: int) -> None:
        vars(task)["stored"] = value


@dataclass(frozen=True)
class Described(Task):
    number: int = _Stored()  # type: ignore[assignment]


@dataclass(frozen=True)
class Other(Task):
    number: int

    @property
    def task_id(self) -> str:
        return f"other.{self.number}"


@dataclass(frozen=True)
class Listening(Task):
    number: int

    def __getattribute__(self, name: str) -> Any:
        return super().__getattribute__(name)


@dataclass(frozen=True)
class OfOneX(FormerIds, Task):
    number: int


class _Counting(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs)


@dataclass(frozen=True)
class Counted(Task, metaclass=_Counting):
    number: int


@pytest.mark.parametrize(
    "cls",
    [
        AfterInit,
        Encoded,
        OwnInit,
        NotGiven,
        VersionOfTheMoment,
        Slots,
        Described,
        Other,
        Listening,
        OfOneX,
        Counted,
        WrapperTask,
    ],
)
def test_a_class_in_which_something_runs_of_its_own_is_not_repeatable(cls: type[AbstractTask]) -> None:
    assert not class_info(cls).rebuildable


@pytest.mark.parametrize("cls", [Plain, Derived, EncodedOnTheWayOnly])
def test_others_are(cls: type[AbstractTask]) -> None:
    assert class_info(cls).rebuildable
