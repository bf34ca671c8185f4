"""A chain: each task reads the one before, so that nothing can be done ahead. What a round trip costs.

A good part of the 1,000 links' time is the start of an engine, or of a pool. The bar is for that; the rows called warm
leave it out, for alexflow and for what is handmade.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import Setting, contest
from benchmarks.contestant import ALEXFLOW, Answer, Question
from benchmarks.outcome import Bar, Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    short, long = setting.size(1_000), setting.size(10_000)
    longer = f"alexflow, {long:,} links"
    measures = {
        **setting.everybody(Question("chain", short), Answer.micros_per_task),
        **setting.both_warm(Question("chain", short), Answer.micros_per_task),
        longer: setting.one(ALEXFLOW, Question("chain", long), Answer.micros_per_task),
    }
    rows = contest(setting.rounds, setting.memory, measures)
    outcome = Outcome(f"{short:,} links, processes, tmpfs", "µs/task", rows)
    outcome.at_most(0.35, "handmade")
    outcome.at_most_warm(0.35, "handmade")
    times_as_long = (long + 1) / (short + 1)
    whole = outcome.ratio(longer, "alexflow")
    sample = whole.times(times_as_long) if whole is not None else None
    outcome.bars.append(Bar(f"{long:,} links ≤ 10.5 × {short:,} links", sample, 10.5))
    yield outcome
