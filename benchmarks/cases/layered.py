"""Twenty layers, each task reads five of the layer before: the shape that is exponential where graphs are walked.

The bars are for an engine that starts and stops within the time; the rows called warm leave that out, where it is a
good part of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import Setting, contest
from benchmarks.contestant import Answer, Question
from benchmarks.outcome import Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    for full, warm in ((1_000, True), (10_000, False)):
        size = setting.size(full)
        question = Question("layered", size)
        measures = setting.everybody(question, Answer.micros_per_task)
        if warm:
            measures |= setting.both_warm(question, Answer.micros_per_task)
        rows = contest(setting.rounds, setting.memory, measures)
        outcome = Outcome(f"{size:,} tasks in 20 layers, 5 inputs each, processes, tmpfs", "µs/task", rows)
        outcome.at_most(0.4, "handmade")
        if warm:
            outcome.at_most_warm(0.4, "handmade")
        yield outcome
