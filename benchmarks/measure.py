"""Timing: a stopwatch, samples with their medians and ratios, and directories that nothing was in before.

Standard library only, since contestants use it too.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


class Stopwatch:
    """Runs from when it is made; the first ``stop`` counts."""

    def __init__(self) -> None:
        self._stopped: float | None = None
        self.restart()

    def restart(self) -> None:
        """Begin again: what was so far was preparation."""
        self._started = time.perf_counter()

    def stop(self) -> None:
        """The end, unless it has ended."""
        if self._stopped is None:
            self._stopped = time.perf_counter()

    @property
    def seconds(self) -> float:
        """From start to stop."""
        if self._stopped is None:
            raise RuntimeError("the stopwatch still runs")
        return self._stopped - self._started


def cpu_seconds() -> float:
    """The processor time of this process, and of its children that have ended: an engine's workers among them."""
    return sum(os.times()[:4])


@dataclass(frozen=True)
class Sample:
    """Measurements of one thing, round by round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the most."""
        return min(self.values), max(self.values)

    def over(self, other: Sample) -> Sample:
        """Divide by ``other``, round by round: both saw the same machine then."""
        return Sample(tuple(mine / theirs for mine, theirs in zip(self.values, other.values, strict=True)))

    def minus(self, other: Sample) -> Sample:
        """Subtract ``other``, round by round."""
        return Sample(tuple(mine - theirs for mine, theirs in zip(self.values, other.values, strict=True)))

    def times(self, factor: float) -> Sample:
        """The same in another unit."""
        return Sample(tuple(value * factor for value in self.values))


@dataclass
class Place:
    """A place where results are stored, in fresh directories.

    On ext4 a file takes some 15 µs to create, but 100 to 140 for a while after many files nearby were deleted. So on a
    disk everything stays until the end (``keep``), and what a run has left to be written is written before the next one
    begins, wherever that stores. On tmpfs files take memory, and deleting them has no such effect.
    """

    directory: Path
    keep: bool = False
    _used: list[Path] = field(default_factory=list)

    @contextmanager
    def fresh(self) -> Iterator[Path]:
        """A new directory."""
        if self.keep:
            os.sync()
        made = Path(tempfile.mkdtemp(prefix="alexflow-bench-", dir=self.directory))
        self._used.append(made)
        try:
            yield made
        finally:
            if self.keep:
                os.sync()
            else:
                self.clear()

    def clear(self) -> None:
        """Remove all that was made."""
        while self._used:
            shutil.rmtree(self._used.pop(), ignore_errors=True)
