"""A module of a program that takes a second to import, and its tasks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from alexflow import JSONOutput, Task

time.sleep(1.0)  # as a large library takes


@dataclass(frozen=True)
class Heavy(Task):
    """Takes so many seconds."""

    number: int
    seconds: float

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput[int], key="heavy.json")

    def run(self, input: Any, output: Any) -> None:
        time.sleep(self.seconds)
        output.store(self.number)
