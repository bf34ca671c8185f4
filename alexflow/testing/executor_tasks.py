"""The tasks that :mod:`alexflow.testing.executors` runs: in a module, so that any process can import them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alexflow import JSONOutput, Output, Task, TaskOptions, current
from alexflow.blocks_briefly import blocks_briefly


@dataclass(frozen=True)
class Deed(Task):
    """Notes that it has begun, does something, and stores a number.

    Attributes:
        number: the number.
        place: a directory for notes.
        does: ``raise``, ``wait`` for :func:`open_gate`, ``die``, ``talk``, ``ask`` of ``alexflow.current``; or nothing.
        read: to these outputs' sum the number is added.
    """

    number: int
    place: str = field(compare=False)
    does: str = ""
    read: tuple[Output[int], ...] = ()

    def input(self) -> Any:
        return self.read

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput[int], key="step.json")

    def run(self, input: Any, output: Any) -> None:
        note_begun(self)
        while self.does == "wait" and not _is_gate_open(self.place):
            time.sleep(0.005)
        output.store(self._work() + sum(part.load() for part in input))

    def _work(self) -> int:
        if self.does == "raise":
            raise ValueError(f"step {self.number} fails")
        if self.does == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.does == "talk":
            print(f"step {self.number} speaks")
            logging.getLogger("alexflow.testing.step").warning("step %d logs", self.number)
        if self.does == "ask":
            return current.attempt if current.task_id == self.task_id else -1
        return self.number


@dataclass(frozen=True)
class AsyncDeed(Deed):
    """The same on the event loop."""

    async def run(self, input: Any, output: Any) -> None:  # type: ignore[override]
        note_begun(self)
        while self.does == "wait" and not _is_gate_open(self.place):  # noqa: ASYNC110  # another process opens it
            await asyncio.sleep(0.005)
        await output.astore(self._work() + sum([await part.aload() for part in input]))


@dataclass(frozen=True)
class HurriedDeed(Deed):
    """A step that may take a moment only."""

    options = TaskOptions(timeout=0.2)


@dataclass(frozen=True)
class HurriedAsyncDeed(AsyncDeed):
    """The same on the event loop."""

    options = TaskOptions(timeout=0.2)


@dataclass(frozen=True)
class RefusesToTravel(Deed):
    """A step with a field that cannot be pickled."""

    cargo: Any = field(default=None, compare=False)


@blocks_briefly("in tests: a line in a file")
def note_begun(step: Deed) -> None:
    """Note that a step has begun."""
    with open(f"{step.place}/begun", "a") as file:
        file.write(f"{step.number}\n")


@blocks_briefly("in tests: a look at a file")
def _is_gate_open(place: str) -> bool:
    return os.path.exists(f"{place}/go") or not os.path.exists(place)  # a thread may look when all is over


@blocks_briefly("in tests: a small file")
def begun(place: Path) -> list[int]:
    """Return the numbers of steps in the order in which they have begun, once for each attempt."""
    notes = place / "begun"
    return [int(line) for line in notes.read_text().split()] if notes.exists() else []


def times_begun(place: Path) -> Counter[int]:
    """Return how often each step has begun."""
    return Counter(begun(place))


@blocks_briefly("in tests: an empty file")
def open_gate(place: Path) -> None:
    """Let all steps go on that wait."""
    (place / "go").touch()
