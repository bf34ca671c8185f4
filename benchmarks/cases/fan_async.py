"""The fan as async tasks on the event loop, which wait for nothing but storing: what scheduling alone costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.contest import Setting, contest
from benchmarks.contestant import ALEXFLOW, Answer, Question
from benchmarks.outcome import Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    size = setting.size(10_000)
    on_the_loop = replace(ALEXFLOW, options=("--executor", "loop"))
    measures = setting.everybody(Question("fan", size), Answer.micros_per_task, alexflow=on_the_loop)
    rows = contest(setting.rounds, setting.memory, measures)
    outcome = Outcome(f"{size:,} async tasks and their sum, on the loop, tmpfs", "µs/task", rows)
    outcome.at_most(3, "limit")
    yield outcome
