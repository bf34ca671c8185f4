"""A million tasks from a lazy ``generate``: the engine's memory follows what is under way, not what has been.

Takes minutes, and some 5 GB on tmpfs for the million files, and so is run only if it is named. ``--scale 0.1`` shrinks
it; "early" is after a tenth of the tasks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.contest import Setting, without_figure
from benchmarks.contestant import HERE, Unfit, ask_for
from benchmarks.measure import Sample
from benchmarks.outcome import Bar, Outcome, Row

SECONDS = 1800.0  # that one run may take


def run(setting: Setting) -> Iterator[Outcome]:
    size = setting.size(1_000_000)
    for executor in ("loop", "process"):
        outcome = Outcome(f"{size:,} tasks ({executor}) from a lazy generate, tmpfs: engine's process", "MiB")
        try:
            measured = ask(setting, size, executor)
        except Unfit as unfit:
            outcome.rows["alexflow"] = without_figure("alexflow", unfit)
            yield outcome
            continue
        early = f"alexflow, after {size // 10:,}"
        outcome.title += f", {measured['seconds']:.0f} s in all"
        outcome.rows["alexflow"] = Row("alexflow", Sample((measured["peak"],)))
        outcome.rows[early] = Row(early, Sample((measured["early"],)))
        outcome.below(150)
        grown = Sample((measured["late"] / measured["early"],))
        outcome.bars.append(Bar(f"from {size // 10:,} on ≤ 1.1 × as large", grown, 1.1))
        yield outcome


def ask(setting: Setting, size: int, executor: str) -> dict[str, Any]:
    with setting.memory.fresh() as directory:
        command = [sys.executable, str(HERE / "contestants" / "lazy.py"), "--directory", str(directory)]
        return ask_for([*command, "--size", str(size), "--executor", executor], SECONDS)
