"""The fan as async tasks on the event loop, which wait for nothing but storing: what scheduling alone costs.

``alexflow, describing`` is, as in ``fan``, the part that the user's code takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.contest import Aside, Setting, contest
from benchmarks.contestant import ALEXFLOW, Answer, Question
from benchmarks.outcome import Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    question = Question("fan", setting.size(10_000))
    on_the_loop = replace(ALEXFLOW, options=("--executor", "loop"))
    describing = Aside(Answer.micros_to_describe)
    measures = setting.everybody(question, Answer.micros_per_task)
    measures["alexflow"] = setting.one(on_the_loop, question, describing.of(Answer.micros_per_task))
    rows = contest(setting.rounds, setting.memory, measures)
    rows = describing.insert(rows, "alexflow", "alexflow, describing")
    outcome = Outcome(f"{question.size:,} async tasks and their sum, on the loop, tmpfs", "µs/task", rows)
    outcome.at_most(3, "limit")
    yield outcome
