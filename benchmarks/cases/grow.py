"""A new root over outputs that exist: existence checks only, but for the root.

Alexflow's own figure has the start of an engine, which runs a root over nothing, taken off, and begins with the outputs
described, as where a program asks for more of what it has; the others' have neither, and so ``alexflow, anew`` is what
to hold against them: all of it, in a program that has just begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.contest import Setting, contest
from benchmarks.contestant import ALEXFLOW, Answer, Question
from benchmarks.outcome import Outcome, Row


def run(setting: Setting) -> Iterator[Outcome]:
    size = setting.size(10_000)

    def per_output(answer: Answer) -> float:
        return answer.seconds / size * 1e6

    question = Question("grow", size)
    measures = {
        **setting.everybody(question, per_output),
        "alexflow, anew": setting.one(replace(ALEXFLOW, options=("--anew",)), question, per_output),
        "start": setting.one(ALEXFLOW, Question("grow", 0), per_output),
    }
    rows = contest(setting.rounds, setting.memory, measures)
    start = rows.pop("start").sample
    whole = rows["alexflow"].sample
    if start is not None and whole is not None:
        rows["alexflow"] = Row("alexflow", whole.minus(start))
    outcome = Outcome(f"a new root over {size:,} existing outputs, tmpfs", "µs/output", rows)
    outcome.below(4)
    yield outcome
