"""Tasks that cannot be on a cycle, because their ids are made from those of all that they read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from alexflow import BinaryOutput, Output, Task, WrapperTask
from alexflow.graph.describe import Defaults, describe


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass(frozen=True)
class Source(Task):
    n: int = 0

    def output(self) -> Output[int]:
        return self.build_output(BinaryOutput[int], key="n")

    def run(self, input: Any, output: Any) -> None: ...


@dataclass(frozen=True)
class Reads(Task):
    one: Output[int]
    several: list[Output[int]] = field(default_factory=list)
    named: dict[str, Output[int]] = field(default_factory=dict)
    beside: Output[int] | None = field(default=None, compare=False)
    coded: Output[int] | None = field(
        default=None, metadata={"encode": lambda output: "an output", "decode": lambda text: None}
    )
    way: str = "one"

    def input(self) -> Any:
        ways: dict[str, Any] = {
            "one": lambda: self.one,
            "tuple": lambda: (self.one, self.several),
            "pair": lambda: Pair(self.named, [self.one]),
            "dict": lambda: {"a": self.one, "b": None, "c": [self.several, self.named]},
            "parts": lambda: [*self.several, *self.named.values()],
            "elsewhere": lambda: [self.one, Source(7).output()],
            "beside": lambda: [self.one, self.beside],
            "coded": lambda: self.coded,
            "twin": lambda: self.one.as_ephemeral(),
        }
        return ways[self.way]()

    def output(self) -> Output[int]:
        return self.build_output(BinaryOutput[int], key="read")

    def run(self, input: Any, output: Any) -> None: ...


def outputs(*numbers: int) -> list[Output[int]]:
    return [Source(number).output() for number in numbers]


def reads(way: str) -> Reads:
    one, two, three, four, five, six = outputs(1, 2, 3, 4, 5, 6)
    return Reads(one, [two, three], {"x": four}, five, six, way)


@pytest.mark.parametrize("way", ["one", "tuple", "pair", "dict"])
def test_fields_as_they_are(way: str) -> None:
    assert describe(reads(way), Defaults()).spec.acyclic
    assert describe(WrapperTask(reads(way)), Defaults()).spec.acyclic


@pytest.mark.parametrize("way", ["elsewhere", "beside", "coded"])
def test_what_the_id_does_not_depend_on(way: str) -> None:
    assert not describe(reads(way), Defaults()).spec.acyclic


@pytest.mark.parametrize("way", ["parts", "twin"])
def test_what_is_not_seen_to_be_a_field_is_searched_for_cycles(way: str) -> None:
    assert not describe(reads(way), Defaults()).spec.acyclic


def test_without_inputs() -> None:
    assert describe(Source(), Defaults()).spec.acyclic
