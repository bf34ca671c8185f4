"""``import alexflow``, and its engine, over a bare interpreter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.contest import Measure, Setting, contest
from benchmarks.contestant import Crashed
from benchmarks.contestant import run as run_command
from benchmarks.outcome import Bar, Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    measures = {
        "alexflow": interpreter("import alexflow", setting.limit),
        "alexflow.engine": interpreter("import alexflow.engine.embedded", setting.limit),
        "bare interpreter": interpreter("pass", setting.limit),
    }
    rows = contest(setting.rounds_at_least(7), setting.memory, measures)
    outcome = Outcome("an interpreter starts and imports", "ms", rows)
    whole, bare = outcome.sample("alexflow"), outcome.sample("bare interpreter")
    over = whole.minus(bare) if whole is not None and bare is not None else None
    outcome.bars.append(Bar("≤ 60 ms over a bare interpreter", over, 60))
    yield outcome


def interpreter(code: str, limit: float) -> Measure:
    def measured(directory: Path) -> float:
        ended = run_command([sys.executable, "-c", code], limit)
        if ended.code != 0:
            raise Crashed(ended.errors.strip().rpartition("\n")[2])
        return ended.seconds * 1e3

    return measured
