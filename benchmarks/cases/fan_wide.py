"""A fan ten times as wide costs as much per task: nothing is looked at again and again.

What is handmade is not asked: it takes a quarter of a minute for what ``fan`` shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import Setting, contest
from benchmarks.contestant import ALEXFLOW, LIMIT, Answer, Question
from benchmarks.outcome import Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    wide, narrow = setting.size(100_000), setting.size(10_000)
    beside = f"alexflow, {narrow:,}"
    measures = {
        **setting.everybody(Question("fan", wide), Answer.micros_per_task, besides=[LIMIT]),
        beside: setting.one(ALEXFLOW, Question("fan", narrow), Answer.micros_per_task),
    }
    rows = contest(min(setting.rounds, 3), setting.memory, measures)
    outcome = Outcome(f"{wide:,} tasks and their sum, processes, tmpfs", "µs/task", rows)
    outcome.at_most(1.15, beside)
    yield outcome
