"""41: one request's classes are wrong in any way: DefinitionError for that request, others never notice."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import BinaryOutput, Engine, JSONOutput, Task
from alexflow.errors import DefinitionError

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

SOON = 10  # seconds


@dataclass(frozen=True)
class Stores(Task):
    n: int = 1

    def output(self):
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input, output):
        output.store(self.n)


class Odd(str):
    """A string that may not be compared, nor hashed."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    def __hash__(self) -> int:
        raise RuntimeError("hashed")


def tagged(value: Any) -> Task:
    @dataclass(frozen=True)
    class Tagged(Stores):
        tags = value

    return Tagged()


def called(task_id: Callable[[], Any]) -> Task:
    @dataclass(frozen=True)
    class Called(Stores):
        @property
        def task_id(self):
            return task_id()

    return Called()


def keyed(key: Any) -> Task:
    @dataclass(frozen=True)
    class Keyed(Stores):
        def output(self):
            output = BinaryOutput(src_task=self, key="k")
            output.__dict__["key"] = key
            return output

    return Keyed()


def giving(tree: Any) -> Task:
    @dataclass(frozen=True)
    class Giving(Stores):
        def input(self):
            return tree

    return Giving()


def compared() -> Task:
    class Meta(type):
        def __eq__(cls, other: object) -> bool:
            return cls is other

        __hash__ = None  # type: ignore[assignment]

    @dataclass(frozen=True)
    class Compared(Stores, metaclass=Meta):
        pass

    return Compared()


def itself() -> list[Any]:
    tree: list[Any] = [Stores().output()]
    tree.append(tree)
    return tree


_numbers = itertools.count()

WRONG: dict[str, Callable[[], Task]] = {
    "tags that cannot be hashed": lambda: tagged([["gpu"]]),
    "tags of several types": lambda: tagged({"gpu", 1}),
    "tags that are one text": lambda: tagged("gpu"),
    "tags that are a number": lambda: tagged(3),
    "tags that are a method": lambda: tagged(lambda self: {"gpu"}),
    "an id that differs": lambda: called(lambda: f"m.C.{next(_numbers)}"),
    "an id that is a number": lambda: called(lambda: 3),
    "an id that is None": lambda: called(lambda: None),
    "a key that is a number": lambda: keyed(3),
    "a key that is bytes": lambda: keyed(b"k"),
    "inputs that are no outputs": lambda: giving(3),
    "inputs that contain themselves": lambda: giving(itself()),
    "a class that cannot be hashed": compared,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_that_request_fails(tmp_path, wrong):
    async with Engine(tmp_path / "results", executor="thread", workers=1, limits={"gpu": 1}) as engine:
        neighbour = asyncio.create_task(engine.load(Stores(2).output()))
        async with asyncio.timeout(SOON):
            with pytest.raises(DefinitionError):
                await engine.run(wrong())
            assert await neighbour == 2
            assert await engine.load(Stores(3).output()) == 3


@pytest.mark.parametrize(
    "odd",
    [lambda: tagged({"gpu": 1, "cpu": 2}), lambda: tagged([Odd("gpu")]), lambda: called(lambda: Odd("m.C.1"))],
    ids=["tags in a dict", "a tag of a subclass", "an id of a subclass"],
)
async def test_what_is_a_text_after_all_is_taken_as_one(tmp_path, odd):
    async with Engine(tmp_path / "results", executor="thread", workers=1, limits={"gpu": 1}) as engine:
        async with asyncio.timeout(SOON):
            assert (await engine.run(odd())).ok
            assert await engine.load(Stores(3).output()) == 3
