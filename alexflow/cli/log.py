"""``alexflow log [RUN]``."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator

from alexflow.cli import answers
from alexflow.cli.recorded import no_record, printable, record_of, short_id, when
from alexflow.cli.runs import outcome
from alexflow.progress.text import duration
from alexflow.record import Record, Run, RunAttempt
from alexflow.record.run_record import outermost

_MOST_TARGETS = 5


def execute(options: argparse.Namespace) -> int:
    """Print what happened in a run: by default the last one."""
    record = record_of(options)
    if options.run is not None:
        run = record.run(options.run)
    else:
        runs = record.runs()
        if not runs:
            raise no_record(record, "and so no log")
        run = outermost(runs)[0]
    if options.json:
        answers.print_json(run.to_json())
        return 0
    answers.headline(_headline(run), good={"done": True, "unknown": None}.get(run.outcome, False))
    for name, text in [*_lines(run), *_inner(record, run)]:
        print(f"{name:<9}  {printable(text)}")
    last = {_what_happened(attempt): attempt for attempt in run.attempts}
    is_below_details = True
    for attempt in run.attempts:
        comes_again = last[_what_happened(attempt)] is not attempt
        if is_below_details or not comes_again:
            print()
        _print_attempt(attempt, run.host, comes_again=comes_again)
        is_below_details = not comes_again
    for task_id in run.skipped_tasks:
        print(f"\nskipped  {task_id}")
    for task_id in run.cancelled_tasks:
        print(f"\ncancelled  {task_id}")
    answers.helps_next(f"alexflow find --run {run.id}", options.storage)
    return 0


def _headline(run: Run) -> str:
    took = "" if run.seconds is None else f" in {duration(run.seconds)}"
    if run.outcome == "unknown":  # its counts are written at its end
        return f"{run.id}: {outcome(run)}; alexflow watch {run.id} counts what is done"
    return f"{run.id}: {outcome(run)}: {run.ran:,} ran, {run.cached:,} cached, {run.failed:,} failed{took}"


def _lines(run: Run) -> Iterator[tuple[str, str]]:
    yield "command", shlex.join(run.command)
    yield "directory", run.directory
    yield "started", f"{when(run.started)} UTC by {run.user or 'an unnamed user'} on {run.host}, process {run.pid}"
    yield "ended", f"{when(run.ended)} UTC" if run.ended else f"it {outcome(run)}"
    for target in run.targets[:_MOST_TARGETS]:
        yield "target", target
    if len(run.targets) > _MOST_TARGETS:
        yield "", f"and {len(run.targets) - _MOST_TARGETS} more at least; --json has those that are recorded"
    for name, value in run.options.items():
        yield "option", f"{name} = {value}"
    if run.within is not None:
        yield "within", run.within
    yield "python", ", ".join(filter(None, [run.python, f"alexflow {run.version}"]))
    if run.error:
        yield "error", run.error


def _inner(record: Record, run: Run) -> Iterator[tuple[str, str]]:
    inner = [each for each in record.runs() if each.within == run.id]
    if inner:
        ran, failed = sum(each.ran for each in inner), sum(each.failed for each in inner)
        counts = f"{answers.counted(ran, 'task')} ran, {failed:,} failed"
        yield "asked for", f"{answers.counted(len(inner), 'run')}, in which {counts}; alexflow runs --all"


def _what_happened(attempt: RunAttempt) -> tuple[str, ...]:
    """Return all that is printed of an attempt below its first line, and whose it is."""
    return attempt.task_id, attempt.error, attempt.traceback, attempt.stdout, attempt.stderr


def _print_attempt(attempt: RunAttempt, host_of_engine: str, *, comes_again: bool) -> None:
    """Print an attempt; of those of a task that failed in the same way, all but the last in one line."""
    where = "" if attempt.host == host_of_engine else f" on {attempt.host}"
    end = "given up" if attempt.is_last else "tried again"
    which = f"{short_id(attempt.task_id)}, attempt {attempt.attempt}{where}"
    print(f"{when(attempt.at)}  {which}, {end}: {printable(attempt.error)}")
    if comes_again:
        return
    for name, text in (("", attempt.traceback), ("stdout", attempt.stdout), ("stderr", attempt.stderr)):
        lines = printable(text).splitlines()
        if name and lines:
            print(f"  {name}, the end:")
        for line in lines:
            print(f"    {line}")
