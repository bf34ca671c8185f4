"""Timing: several rounds, the things to be compared one after the other in each, fresh directories, medians."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """Seconds that one thing took, round by round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)

    def ratio(self, other: Sample) -> float:
        """How many times as long as ``other``: the median over the rounds, each of which saw the same machine."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.seconds, other.seconds, strict=True))


Measured = Callable[[Path], float]


def interleaved(rounds: int, where: Path, *things: Measured) -> list[Sample]:
    """Measure things in turn, each in a fresh directory below ``where``; each gives the seconds that it took."""
    taken: list[list[float]] = [[] for _ in things]
    for _ in range(rounds):
        for index, thing in enumerate(things):
            with fresh_directory(where) as directory:
                taken[index].append(thing(directory))
    return [Sample(tuple(seconds)) for seconds in taken]


@contextmanager
def fresh_directory(where: Path) -> Iterator[Path]:
    """A new directory, removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="alexflow-bench-", dir=where))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Append to the list it gives the seconds that the block took."""
    seconds: list[float] = []
    started = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - started)
