"""A run that goes on, in words: progress by class, the time that is left, and failures, from its fold alone."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from alexflow.progress.text import counted, duration, rate, short_names
from alexflow.timeline.run_fold import RunFold


class ClassRow(NamedTuple):
    """A class of a run.

    Attributes:
        cls: its whole name.
        name: its short name.
        done: tasks that ran.
        under_way: tasks that run, or are about to.
        failed: tasks that were given up.
        retries: attempts that failed and were followed by another.
        median: seconds, about: within 5 per cent.
        p95: the same.
        left: seconds until what is under way is done, about; None if that is not known.
    """

    cls: str
    name: str
    done: int
    under_way: int
    failed: int
    retries: int
    median: float
    p95: float
    left: float | None


def class_rows(run: RunFold, under_way: list[str] | None = None) -> list[ClassRow]:
    """Return the classes of a run, those that are under way first.

    Args:
        run: the run.
        under_way: ids of tasks that run or are about to, where more is known of that than the record says.
    """
    waiting = Counter(task_id.rpartition(".")[0] for task_id in (run.under_way() if under_way is None else under_way))
    timelines = {each.name: each for each in run.timeline.classes}
    names = short_names([*run.costs, *(name for name in waiting if name not in run.costs)])
    lanes = max(1, len(run.timeline.lanes))
    rows = []
    for cls, name in names.items():
        cost, times = run.cost(cls), timelines.get(cls)
        several = waiting.get(cls, 0)
        mean = times.took / times.count / 1e6 if times is not None and times.count else None
        left = None if mean is None or not several else mean * several / min(lanes, several)
        median, p95 = (0.0, 0.0) if times is None else (times.quantile(0.5) / 1e6, times.quantile(0.95) / 1e6)
        rows.append(ClassRow(cls, name, cost.done, several, cost.failed, cost.retries, median, p95, left))
    return sorted(rows, key=lambda row: (not row.under_way, -row.done))


def headline(run: RunFold, now: float, *, gone: bool = False) -> str:
    """Return the state of a run in one line.

    Args:
        run: the run.
        now: seconds since 1970.
        gone: whether its engine is not there any more, though it has not ended.
    """
    done = sum(cost.done for cost in run.costs.values())
    failed = sum(cost.failed for cost in run.costs.values())
    parts = [f"{done:,} done"]
    if gone:
        parts.append(f"{len(run.under_way()):,} were under way")
        elapsed = run.seconds
    elif run.ended is None:
        parts.append(f"{len(run.under_way()):,} under way")
        elapsed = max(now - run.started, 1e-9)
        parts.append(rate(done / elapsed))
    else:
        elapsed = run.seconds
        parts.append(f"{run.ended.counts[1]:,} cached")
    if failed:
        parts.append(f"{failed:,} failed")
    state = "was killed" if gone else "goes on" if run.ended is None else run.ended.outcome
    return f"{run.begun.id}: {state}: {', '.join(parts)}, {duration(elapsed)}"


def failure_lines(run: RunFold, most: int) -> list[str]:
    """Return the last failures, the newest first, a line each."""
    lines = []
    for line in list(run.failures)[::-1][:most]:
        name, _, digest = line.task_id.rpartition(".")
        end = "failed" if line.is_last else "is tried again"
        error = line.error.partition("\n")[0]
        tries = counted(line.attempt, "attempt")
        lines.append(f"{name.rpartition('.')[2]}.{digest[:8]} {end} after {tries}: {error}")
    return lines
