"""Instructions per operation, counted: what a change costs or saves where noise drowns time.

Each operation is done for two counts in processes of their own; the difference is the operation's, without start-up and
imports. The last row is of an import, over a bare interpreter.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.contest import Setting, without_figure
from benchmarks.contestant import HERE, Unfit, Unsupported
from benchmarks.instructions import Count, by_perf, counter
from benchmarks.measure import Sample
from benchmarks.operations import OPERATIONS
from benchmarks.outcome import Outcome, Row

SCRIPT = str(HERE / "operations.py")


def run(setting: Setting) -> Iterator[Outcome]:
    outcome = Outcome("instructions per operation", "thousands")
    try:
        count = counter()
    except Unsupported as why:
        outcome.skipped = str(why)
        yield outcome
        return
    outcome.title += " by perf" if count is by_perf else " by callgrind"
    for name, (_, few) in OPERATIONS.items():
        counts = setting.size(few), 3 * setting.size(few)
        outcome.rows[name] = row(name, partial(per_operation, count, name, *counts))
    outcome.rows["import alexflow"] = row("import alexflow", partial(of_import, count))
    yield outcome


def row(name: str, thousands: Callable[[], float]) -> Row:
    try:
        return Row(name, Sample((thousands(),)))
    except Unfit as unfit:
        return without_figure(name, unfit)


def per_operation(count: Count, name: str, few: int, many: int) -> float:
    less, more = (count([sys.executable, SCRIPT, name, str(number)]) for number in (few, many))
    return (more - less) / (many - few) / 1e3


def of_import(count: Count) -> float:
    bare, whole = (count([sys.executable, "-c", code]) for code in ("pass", "import alexflow"))
    return (whole - bare) / 1e3
