"""The same target again, when all of it exists: one existence check, whatever is behind it.

Everything is imported, and the target is the object that was asked for before; with ``anew`` it is described again, as
in a program that has just begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.contest import Setting, contest
from benchmarks.contestant import ALEXFLOW, Answer, Question
from benchmarks.outcome import Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    large, small = setting.size(10_000), setting.size(100)
    question = Question("rerun", large)
    measures = {
        **setting.everybody(question, Answer.in_millis),
        f"alexflow, {small:,} tasks": setting.one(ALEXFLOW, Question("rerun", small), Answer.in_millis),
        "alexflow, anew": setting.one(replace(ALEXFLOW, options=("--anew",)), question, Answer.in_millis),
    }
    rows = contest(setting.rounds, setting.memory, measures)
    outcome = Outcome(f"nothing to do, of {large:,} tasks, tmpfs", "ms", rows)
    outcome.below(5)
    outcome.at_most(1.5, f"alexflow, {small:,} tasks")
    yield outcome
