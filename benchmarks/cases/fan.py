"""A fan of trivial tasks in processes, every result its own file, and a sum over all: what a task costs."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import Setting, contest
from benchmarks.contestant import Answer, Question
from benchmarks.outcome import Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    size = setting.size(10_000)
    measures = setting.everybody(Question("fan", size), Answer.micros_per_task)

    rows = contest(setting.rounds, setting.memory, measures)
    outcome = Outcome(f"{size:,} tasks and their sum, processes, tmpfs", "µs/task", rows)
    outcome.at_most(0.3, "handmade")
    outcome.at_most(3, "limit")
    yield outcome

    rows = contest(setting.rounds, setting.disk, measures)
    outcome = Outcome(f"{size:,} tasks and their sum, processes, disk", "µs/task", rows)
    outcome.at_most(1.6, "limit")
    yield outcome
