"""A run that goes on, in words: progress by class, the time that is left, and failures, from its fold alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from alexflow.progress.text import counted, duration, rate, short_names
from alexflow.timeline.earlier_runs import blended
from alexflow.timeline.run_fold import Cost, RunFold

_FAILURES_SHOWN = 5


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
        to_do: tasks that have not ended, those under way included; None if that is not known.
        left: seconds until these are done, or until those under way are where it is not known, about; None if no task
            of the class has ended before, neither in this run nor in an earlier one.
    """

    cls: str
    name: str
    done: int
    under_way: int
    failed: int
    retries: int
    median: float
    p95: float
    to_do: int | None
    left: float | None


def class_rows(
    run: RunFold, under_way: Mapping[str, int] | None = None, to_do: Mapping[str, int] | None = None
) -> list[ClassRow]:
    """Return the classes of a run, those that are under way first, then those that have something to do.

    Args:
        run: the run.
        under_way: the number of tasks that run or are about to, by class, where more is known than the record says.
        to_do: the number of tasks that have not ended, by class, where that is known.
    """
    active = under_way
    if active is None:
        active = Counter(task_id.rpartition(".")[0] for task_id in run.under_way())
    names = short_names(dict.fromkeys([*run.costs, *active, *(to_do or ())]))
    lanes = max(len(run.timeline.lanes), 0 if under_way is None else sum(under_way.values())) or run.earlier.lanes or 1
    rows = []
    for cls, name in names.items():
        cost, times = run.costs.get(cls) or Cost(), run.timeline.count_of(cls)
        several, rest = active.get(cls, 0), None if to_do is None else to_do.get(cls, 0)
        left = _work_left(run, cls, several, lanes) if rest is None else _time_left(run, cls, rest, lanes)
        median, p95 = (0.0, 0.0) if times is None else (times.quantile(0.5) / 1e6, times.quantile(0.95) / 1e6)
        rows.append(ClassRow(cls, name, cost.done, several, cost.failed, cost.retries, median, p95, rest, left))
    return sorted(rows, key=lambda row: (not row.under_way, not row.to_do, -row.done))


def _work_left(run: RunFold, cls: str, tasks: int, lanes: int) -> float | None:
    """The seconds of what is under way, by the mean duration, as nothing is known of what is to come."""
    times = run.timeline.count_of(cls)
    ended = 0 if times is None else times.succeeded
    own = times.worked / ended / 1e6 if times is not None and ended else 0.0
    mean = blended(own, ended, run.earlier.seconds(cls))
    return None if mean is None or not tasks else mean * tasks / min(lanes, tasks)


def _time_left(run: RunFold, cls: str, tasks: int, lanes: int) -> float | None:
    """The seconds of all that is to come, at the pace at which tasks of the class have ended since the first began."""
    if not tasks or run.ended is not None:
        return None
    times, earlier = run.timeline.count_of(cls), run.earlier.seconds(cls)
    ended = 0 if times is None else times.succeeded
    own = max((run.timeline.end - times.begun) / 1e6, 1e-3) / ended if times is not None and ended else 0.0
    pace = blended(own, ended, None if earlier is None else earlier / min(lanes, tasks))
    return None if pace is None else pace * tasks


def headline(run: RunFold, now: float, *, gone: bool = False, under_way: int | None = None) -> str:
    """Return the state of a run in one line.

    Args:
        run: the run.
        now: seconds since 1970.
        gone: whether its engine is not there any more, though it has not ended.
        under_way: the number of tasks that run or are about to, where more is known than the record says.
    """
    several = len(run.under_way()) if under_way is None else under_way
    done = sum(cost.done for cost in run.costs.values())
    failed = sum(cost.failed for cost in run.costs.values())
    parts = [f"{done:,} done"]
    if gone:
        parts.append(f"{several:,} were under way")
        elapsed = run.seconds
    elif run.ended is None:
        parts.append(f"{several:,} under way")
        elapsed = max(now - run.started, 1e-9)
        parts.append(rate(done / elapsed))
    else:
        elapsed = run.seconds
        parts.append(f"{run.ended.counts[1]:,} cached")
    if failed:
        parts.append(f"{failed:,} failed")
    if run.ended is not None and run.ended.counts[3]:
        parts.append(f"{run.ended.counts[3]:,} skipped")
    state = "was killed" if gone else "goes on" if run.ended is None else run.ended.outcome
    return f"{run.begun.id}: {state}: {', '.join(parts)}, {duration(elapsed)}"


def failure_lines(run: RunFold) -> list[str]:
    """Return the last failures, the newest first, a line each, and how many there are more."""
    lines = []
    for line in list(run.failures)[::-1][:_FAILURES_SHOWN]:
        name, _, digest = line.task_id.rpartition(".")
        end = "failed" if line.is_last else "is tried again"
        error = line.error.partition("\n")[0]
        tries = counted(line.attempt, "attempt")
        lines.append(f"{name.rpartition('.')[2]}.{digest[:8]} {end} after {tries}: {error}")
    if run.failed_attempts > len(lines):
        more = counted(run.failed_attempts - len(lines), "more failed attempt")
        lines.append(f"and {more}: alexflow log {run.begun.id}")
    return lines
