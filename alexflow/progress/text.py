"""Wording of progress: the line during a run, and the summary at its end. No terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a run that has nothing to do loads no events
    from alexflow.progress.tally import Failure, Progress, Tally

#: Classes named in a line or a summary; the others are added up.
CLASSES_SHOWN = 5

#: Values of a report that are shown.
VALUES_SHOWN = 3


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Return the last part of each name where that is unambiguous, else the whole name."""
    names = list(names)
    last = [name.rpartition(".")[2] for name in names]
    return {name: short if last.count(short) == 1 else name for name, short in zip(names, last, strict=True)}


def duration(seconds: float) -> str:
    """Format seconds: ``120 µs``, ``34 ms``, ``12.3 s``, ``4 min 05 s``, ``2 h 03 min``."""
    if seconds < 0.1:
        return f"{seconds * 1e6:.0f} µs" if seconds < 0.001 else f"{seconds * 1e3:.1f} ms"
    if seconds < 99.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def rate(per_second: float) -> str:
    """Format a rate with about three digits, per second or, if it is low, per minute; empty while nothing is done."""
    if per_second == 0:
        return ""
    if per_second >= 0.995:
        return f"{per_second:,.0f}/s" if per_second >= 9.95 else f"{per_second:.1f}/s"
    return f"{per_second * 60:.1f}/min"


def counted(count: int, noun: str) -> str:
    """Format a count with its noun: ``1 task``, ``2,000 tasks``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def size(count: float) -> str:
    """Format bytes: ``812 B``, ``4.2 kB``, ``1.3 GB``."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 999.5 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def counts(tally: Tally, cached: int) -> str:
    """Format counts: ``12 done, 3 under way, 85 waiting``."""
    parts = [f"{tally.done:,} done", f"{tally.under_way:,} under way", f"{tally.waiting:,} waiting"]
    parts += [
        f"{number:,} {word}"
        for number, word in ((cached, "cached"), (tally.failed, "failed"), (tally.retried, "retried"))
        if number
    ]
    return ", ".join(parts)


def reported(tally: Tally) -> str:
    """Format what a running task has reported last: ``step 3/10, loss 0.4``; "" if none has."""
    report = tally.report
    if report is None:
        return ""
    steps = [] if report.step is None else [f"step {report.step:,}{'' if report.of is None else f'/{report.of:,}'}"]
    values = list(report.values.items())[:VALUES_SHOWN]
    said = [f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in values]
    return ", ".join(steps + said)


def line(progress: Progress, now: float) -> str:
    """Format the state of a run as one line."""
    total = progress.total()
    names = short_names(progress.classes)
    busy = [tally for tally in progress.classes.values() if tally.under_way or tally.waiting]
    shown = [
        f"{names[tally.name]} {tally.done:,}/{tally.planned:,}{f' ({said})' if (said := reported(tally)) else ''}"
        for tally in busy[:CLASSES_SHOWN]
    ]
    if len(busy) > CLASSES_SHOWN:
        shown.append(f"{len(busy) - CLASSES_SHOWN} more")
    parts = [*filter(None, [counts(total, progress.cached), rate(total.rate(now)), " · ".join(shown)])]
    if progress.waits_for is not None:
        parts.append(f"waiting for process {progress.waits_for.pid} on {progress.waits_for.host}")
    return "; ".join(parts)


def failure(failed: Failure) -> str:
    """Format a failure as one line."""
    tries = f" after {failed.attempts} attempts" if failed.attempts > 1 else ""
    return f"{failed.task_id} failed{tries}: {failed.error}"


def summary(progress: Progress, now: float) -> list[str]:
    """Format the outcome of a run: one line, and one for each of the classes that took longest."""
    return [_verdict(progress, now), *_slowest(progress)]


def _verdict(progress: Progress, now: float) -> str:
    end = progress.finished
    if end is None or end.outcome in ("cancelled", "error"):
        return _stopped(progress.total(), now - progress.started if progress.started is not None else 0.0)
    if not (end.ran or end.failed or end.skipped):
        return nothing_to_run(end.cached, end.seconds)
    parts = [f"{end.ran:,} ran", f"{end.cached:,} cached"]
    parts += [f"{number:,} {word}" for number, word in ((end.failed, "failed"), (end.skipped, "skipped")) if number]
    return f"{', '.join(parts)} in {duration(end.seconds)}"


def _stopped(total: Tally, seconds: float) -> str:
    """Format the outcome of a run that was stopped, whichever of its tasks have been cancelled already."""
    parts = [f"{total.done:,} ran", *([f"{total.failed:,} failed"] if total.failed else [])]
    return f"stopped after {duration(seconds)}: {', '.join(parts)}, {total.unended:,} did not end"


def nothing_to_run(cached: int, seconds: float) -> str:
    """Format the outcome of a run whose targets existed."""
    return f"nothing to run, {cached:,} cached, {duration(seconds)}"


def _slowest(progress: Progress) -> list[str]:
    ran = [tally for tally in progress.classes.values() if tally.worked]  # dynamic tasks have no duration of their own
    ran.sort(key=lambda tally: tally.worked, reverse=True)
    shown = ran[:CLASSES_SHOWN]
    names = short_names(progress.classes)
    width = max((len(names[tally.name]) for tally in shown), default=0)
    lines = [f"  {names[tally.name]:<{width}}  {_work(tally)}" for tally in shown]
    if len(ran) > CLASSES_SHOWN:
        rest = ran[CLASSES_SHOWN:]
        lines.append(
            f"  {len(rest)} more: {sum(tally.done for tally in rest):,} ran, {duration(sum(t.worked for t in rest))}"
        )
    return lines


def _work(tally: Tally) -> str:
    if tally.done == 1:
        return f"1 took {duration(tally.worked)}"
    each, most = duration(tally.worked / tally.done), duration(tally.slowest)
    return f"{tally.done:,} took {duration(tally.worked)}, {each} each, {most} at most"
