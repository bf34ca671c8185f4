"""The growth of the engine's process for a fan, the description of it included."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import Setting, contest
from benchmarks.contestant import HANDMADE, Answer, Question
from benchmarks.outcome import Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    size = setting.size(10_000)
    measures = setting.everybody(Question("fan", size), Answer.in_mib, besides=[HANDMADE])
    rows = contest(min(setting.rounds, 3), setting.memory, measures)
    outcome = Outcome(f"peak of the engine's process over imports, fan of {size:,}", "MiB", rows)
    outcome.below(80)
    yield outcome
