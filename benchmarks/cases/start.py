"""From nothing to the result of a first task in a worker process.

The limit is an interpreter that starts and imports the module of the task. What is handmade forks, and so imports
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import Setting, contest
from benchmarks.contestant import Answer, Question
from benchmarks.outcome import Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    measures = setting.everybody(Question("start", 1), Answer.in_millis)
    rows = contest(setting.rounds_at_least(7), setting.memory, measures)
    outcome = Outcome("an engine starts, and the first process task is done", "ms", rows)
    outcome.at_most(2, "limit")
    yield outcome
