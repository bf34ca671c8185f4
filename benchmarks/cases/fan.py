"""A fan of trivial tasks in processes, every result its own file, and a sum over all: what a task costs.

``alexflow, describing`` is the part of alexflow's own time that the user's code takes to describe the tasks and their
outputs, before the engine is asked for anything. The limit and what is handmade have nothing to describe.

``floor`` is a second ruler beside the limit: ids, digests, publication and reports as alexflow's, in one process.

The bars are for an engine that starts and stops within the time, as ``alexflow.run`` does. The rows called warm leave
that out, for what is handmade too.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import Aside, Measure, Setting, contest
from benchmarks.contestant import ALEXFLOW, FLOOR, Answer, Question
from benchmarks.measure import Place
from benchmarks.outcome import Outcome, Row


def run(setting: Setting) -> Iterator[Outcome]:
    question = Question("fan", setting.size(10_000))

    warm = setting.both_warm(question, Answer.micros_per_task)
    outcome = Outcome(title(question, "tmpfs"), "µs/task", measured(setting, question, setting.memory, warm))
    outcome.at_most(0.3, "handmade")
    outcome.at_most(3, "limit")
    outcome.at_most_warm(0.3, "handmade")
    yield outcome

    outcome = Outcome(title(question, "disk"), "µs/task", measured(setting, question, setting.disk, {}))
    outcome.at_most(1.6, "limit")
    yield outcome


def title(question: Question, place: str) -> str:
    return f"{question.size:,} tasks and their sum, processes, {place}"


def measured(setting: Setting, question: Question, place: Place, besides: dict[str, Measure]) -> dict[str, Row]:
    describing = Aside(Answer.micros_to_describe)
    measures = setting.everybody(question, Answer.micros_per_task) | besides
    measures["alexflow"] = setting.one(ALEXFLOW, question, describing.of(Answer.micros_per_task))
    measures["floor"] = setting.one(FLOOR, question, Answer.micros_per_task)
    rows = contest(setting.rounds, place, measures)
    return describing.insert(rows, "alexflow", "alexflow, describing")
