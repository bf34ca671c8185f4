"""The id of a task with four fields, two of them outputs, beside encoding and hashing the same fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alexflow import Output, Task
from benchmarks.contest import Setting, contest
from benchmarks.measure import Stopwatch
from benchmarks.outcome import Outcome
from benchmarks.ruler import encode_and_hash
from benchmarks.workloads import Leaf


@dataclass(frozen=True)
class Four(Task):
    """Four fields, two of them outputs."""

    x: Output[int]
    y: Output[int]
    model: str
    alpha: float


def run(setting: Setting) -> Iterator[Outcome]:
    count = setting.size(20_000)
    x, y = Leaf(1).output(), Leaf(2).output()

    def ours(directory: Path) -> float:
        tasks = [Four(x, y, "Ridge", 0.5) for _ in range(count)]
        watch = Stopwatch()
        for task in tasks:
            task.task_id  # noqa: B018
        watch.stop()
        return watch.seconds / count * 1e6

    def bare(directory: Path) -> float:
        watch = Stopwatch()
        encode_and_hash(count)
        watch.stop()
        return watch.seconds / count * 1e6

    rows = contest(setting.rounds_at_least(7), setting.memory, {"alexflow": ours, "encode + hash": bare})
    outcome = Outcome("the id of a task with four fields", "µs", rows)
    outcome.at_most(3, "encode + hash")
    yield outcome
