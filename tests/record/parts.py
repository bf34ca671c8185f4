"""Tasks of two classes that are alike, for lines that name their outputs; they are described, and do not run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alexflow import BinaryOutput, Task


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
