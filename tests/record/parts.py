"""Tasks that tests of the record share: two classes that are alike and do not run, and one that does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alexflow import BinaryOutput, JSONOutput, Task


class Stored:
    def output(self: Any) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")  # type: ignore[no-any-return]

    def run(self: Any, input: Any, output: Any) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Part(Stored, Task):
    number: int


@dataclass(frozen=True)
class Other(Stored, Task):
    number: int


@dataclass(frozen=True)
class Number(Task):
    """Stores its number."""

    number: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="part.json")

    async def run(self, input: Any, output: JSONOutput[int]) -> None:
        await output.astore(self.number)
