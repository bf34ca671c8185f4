"""Tasks that run at agents."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexflow import JSONOutput, Output, Task, TaskOptions, current


def note_attempt(place: str, number: int) -> None:
    """Add this process to those in which a task has begun (:func:`attempts`)."""
    with open(f"{place}/attempts-{number}", "a") as file:
        file.write(f"{os.getpid()}\n")


@dataclass(frozen=True)
class Leaf(Task):
    number: int

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="leaf.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(self.number)


@dataclass(frozen=True)
class Sum(Task):
    parts: tuple[Output[int], ...]

    def input(self) -> Any:
        return self.parts

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="sum.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(sum(part.load() for part in input))


@dataclass(frozen=True)
class Talks(Task):
    def output(self) -> Any:
        return self.build_output(JSONOutput[str], key="said.json")

    def run(self, input: Any, output: Any) -> None:
        print("printed far away")
        logging.getLogger("far.away").warning("logged far away")
        output.store(os.environ.get("ALEXFLOW_AGENT_MARK", ""))


@dataclass(frozen=True)
class Waits(Task):
    """Notes each attempt, and waits until a file is there."""

    number: int
    place: str

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="pid.json")

    def run(self, input: Any, output: Any) -> None:
        note_attempt(self.place, self.number)
        while not Path(self.place, "go").exists():
            time.sleep(0.01)
        output.store(os.getpid())


@dataclass(frozen=True)
class Timed(Waits):
    options = TaskOptions(timeout=3600)


@dataclass(frozen=True)
class Computes(Task):
    """Notes each attempt, and holds its CPU for ever: in Python, or in a call of C that holds the interpreter lock."""

    number: int
    place: str
    in_c: bool

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="never.json")

    def run(self, input: Any, output: Any) -> None:
        note_attempt(self.place, self.number)
        if self.in_c:
            sum(range(10**13))
        while True:
            pass


@dataclass(frozen=True)
class AsksWhetherToStop(Task):
    """Reports, some milliseconds a step, until it is to stop."""

    number: int

    def output(self) -> Any:
        return self.build_output(JSONOutput[str], key="end.json")

    def run(self, input: Any, output: Any) -> None:
        step = 0
        while not current.should_stop:
            step += 1
            current.report(step=step)
            time.sleep(0.005)
        output.store("pruned" if current.pruned else "stopped")


@dataclass(frozen=True)
class Fails(Leaf):
    def run(self, input: Any, output: Any) -> None:
        raise ValueError(self.number)


@dataclass(frozen=True)
class Heavy(Leaf):
    options = TaskOptions(executor="heavy")


def sum_of(count: int) -> Sum:
    return Sum(tuple(Leaf(number).output() for number in range(count)))


def attempts(place: Path, number: int) -> list[int]:
    """The processes in which a :class:`Waits` has begun."""
    file = place / f"attempts-{number}"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


@dataclass(frozen=True)
class Fills(Task):
    """Notes each attempt, and holds so much memory until a file is there."""

    number: int
    place: str
    mebibytes: int

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="pid.json")

    def run(self, input: Any, output: Any) -> None:
        note_attempt(self.place, self.number)
        held = b"x" * (self.mebibytes << 20)
        while not Path(self.place, "go").exists():
            time.sleep(0.01)
        output.store(os.getpid() if held else 0)
