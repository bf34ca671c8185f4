"""Async tasks that wait, all at once on the loop."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import Setting, contest
from benchmarks.contestant import Answer, Question
from benchmarks.outcome import Bar, Outcome

SECONDS = 0.05


def run(setting: Setting) -> Iterator[Outcome]:
    for full, factor in ((1_000, 1.4), (10_000, 5.0)):
        size = setting.size(full)
        measures = setting.everybody(Question("async", size, SECONDS), Answer.in_seconds)
        rows = contest(setting.rounds, setting.memory, measures)
        outcome = Outcome(f"{size:,} tasks that wait {SECONDS * 1e3:.0f} ms each, tmpfs", "s", rows)
        mine = outcome.sample("alexflow")
        times = mine.times(1 / SECONDS) if mine is not None else None
        outcome.bars.append(Bar(f"≤ {factor:g} × the sleep", times, factor))
        yield outcome
