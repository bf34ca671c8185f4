"""The id of a task with four fields, two of them outputs, beside encoding and hashing the same fields."""

from __future__ import annotations

import hashlib
import timeit
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from alexflow import Output, Task
from alexflow.model.task import compute_task_id
from benchmarks.contest import Measure, Setting, contest
from benchmarks.outcome import Outcome
from benchmarks.workloads import Leaf


@dataclass(frozen=True)
class Four(Task):
    """Four fields, two of them outputs."""

    x: Output[int]
    y: Output[int]
    model: str
    alpha: float


def run(setting: Setting) -> Iterator[Outcome]:
    task = Four(Leaf(1).output(), Leaf(2).output(), "Ridge", 0.5)
    plain = {"alpha": 0.5, "model": "Ridge", "x": task.x.output_id, "y": task.y.output_id}

    def ours() -> None:
        task.__dict__.pop("_task_id", None)
        compute_task_id(task)

    def bare() -> None:
        hashlib.blake2b(msgspec.msgpack.encode(plain), digest_size=20).hexdigest()

    count = setting.size(20_000)
    measures = {"alexflow": micros(ours, count), "encode + hash": micros(bare, count)}
    rows = contest(max(setting.rounds, 7), setting.memory, measures)
    outcome = Outcome("the id of a task with four fields", "µs", rows)
    outcome.at_most(3, "encode + hash")
    yield outcome


def micros(work: Any, count: int) -> Measure:
    """Microseconds of one call, over many."""

    def measured(directory: Path) -> float:
        return timeit.timeit(work, number=count) / count * 1e6

    return measured
