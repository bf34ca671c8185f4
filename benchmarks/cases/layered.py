"""Twenty layers, each task reads five of the layer before: the shape that is exponential where graphs are walked."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import Setting, contest
from benchmarks.contestant import Answer, Question
from benchmarks.outcome import Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    for full in (1_000, 10_000):
        size = setting.size(full)
        measures = setting.everybody(Question("layered", size), Answer.micros_per_task)
        rows = contest(setting.rounds, setting.memory, measures)
        outcome = Outcome(f"{size:,} tasks in 20 layers, 5 inputs each, processes, tmpfs", "µs/task", rows)
        outcome.at_most(0.4, "handmade")
        yield outcome
