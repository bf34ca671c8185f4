"""CPU-bound tasks: how much of the ideal is reached once the workers are there."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import Setting, contest
from benchmarks.contestant import Answer, Question
from benchmarks.outcome import Bar, Outcome

SECONDS = 0.05


def run(setting: Setting) -> Iterator[Outcome]:
    question = Question("cpu", setting.size(64), SECONDS)
    ideal = question.size * SECONDS / question.workers

    def efficiency(answer: Answer) -> float:
        return ideal / answer.seconds * 100

    rows = contest(setting.rounds, setting.memory, setting.everybody(question, efficiency))
    outcome = Outcome(f"{question.size} tasks that compute {SECONDS * 1e3:.0f} ms each", "% of ideal", rows)
    outcome.bars.append(Bar("≥ 97 % of ideal", outcome.sample("alexflow"), 97, at_least=True))
    yield outcome
