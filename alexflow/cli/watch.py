"""``alexflow watch [RUN]``: a run as it goes, also one of another process; it is read from the record alone."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from alexflow.cli import answers
from alexflow.cli.places import existing_storage
from alexflow.exit_codes import EXIT_DONE, EXIT_FAILED
from alexflow.progress.text import duration
from alexflow.progress.view import SECONDS_BETWEEN_LINES
from alexflow.storage import Storage
from alexflow.timeline.engine_liveness import engine_is_gone
from alexflow.timeline.run_fold import RecordFold, RunFold
from alexflow.timeline.run_view import class_rows, failure_lines, headline
from alexflow.timeline.segments import RecordTail
from alexflow.timeline.storage_lines import find_run, outermost

#: Seconds between two looks at the record.
SECONDS_BETWEEN_LOOKS = 0.5


Show = Callable[[RunFold], None]


def execute(options: argparse.Namespace) -> int:
    """Show a run until it is over: by default the last one, for which it waits where there is none yet."""
    storage = existing_storage(options)
    fold, tail = RecordFold(), RecordTail(storage)
    wanted = find_run(storage, options.run) if options.run is not None else None
    with _shown(options) as show:
        while True:
            for section, line in tail.new_lines():
                fold.add(section, line)
            run = fold.runs.get(wanted or next(iter(outermost(fold.begun())), ""))
            if run is not None:
                wanted = run.begun.id
                show(run)
            gone = run is not None and run.ended is None and engine_is_gone(run)
            if options.once or gone or (run is not None and run.ended is not None):
                break
            time.sleep(SECONDS_BETWEEN_LOOKS)
    return _conclude(options, storage, run, gone)


def _conclude(options: argparse.Namespace, storage: Storage, run: RunFold | None, gone: bool) -> int:
    if run is None:
        find_run(storage, None)  # says that there is none
        return EXIT_FAILED
    if options.json:
        answers.print_json(_as_json(run, gone))
    else:
        good = None if run.ended is None else run.ended.outcome == "done"
        answers.headline(headline(run, time.time(), gone=gone), good=False if gone else good)
        _print_classes(run)
        for line in failure_lines(run):
            print(line)
        answers.helps_next(f"alexflow report {run.begun.id}", options.storage)
    return EXIT_FAILED if gone or (run.ended is not None and run.ended.outcome != "done") else EXIT_DONE


def _as_json(run: RunFold, gone: bool) -> dict[str, Any]:
    ended = run.ended
    return {
        "run": run.begun.id,
        "outcome": run.outcome,
        "engine_is_gone": gone,
        "seconds": run.seconds,
        "cached": None if ended is None else ended.counts[1],
        "under_way": run.under_way(),
        "classes": [row._asdict() for row in class_rows(run)],
        "failed_attempts": run.failed_attempts,
    }


#: Classes that have a row in a picture that is redrawn, and tasks under way that are named.
_CLASSES_SHOWN, _TASKS_SHOWN = 20, 12

_COLUMNS = ("class", "done", "under way", "failed", "retried", "median", "95 %", "left")


def _cells(run: RunFold) -> list[list[str]]:
    is_gone = engine_is_gone(run)
    return [
        [
            row.name,
            f"{row.done:,}",
            f"{row.under_way:,}" if row.under_way else "",
            f"{row.failed:,}" if row.failed else "",
            f"{row.retries:,}" if row.retries else "",
            duration(row.median) if row.done else "",
            duration(row.p95) if row.done else "",
            f"about {duration(row.left)}" if row.left is not None and not is_gone else "",
        ]
        for row in class_rows(run)
    ]


def _print_classes(run: RunFold) -> None:
    answers.print_table(_COLUMNS, _cells(run), right=_COLUMNS[1:])


@contextmanager
def _shown(options: argparse.Namespace) -> Iterator[Show]:
    """Give what shows a run: redrawn in place on a terminal with rich, else in occasional lines."""
    if options.json or options.once:
        yield lambda run: None
        return
    if sys.stdout.isatty():
        try:
            from rich.live import Live  # deferred: an extra, and slow to load
        except ImportError:
            pass
        else:
            with Live(auto_refresh=False, transient=True) as live:
                yield lambda run: live.update(_picture(run), refresh=True)
            return
    yield _Lines().show


def _picture(run: RunFold) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    rows = _cells(run)
    cells = rows[:_CLASSES_SHOWN]
    lines = answers.stacked(_COLUMNS, cells, _COLUMNS[1:])
    table: Any = Text("\n".join(lines or ()))
    if lines is None:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for at, name in enumerate(_COLUMNS):
            table.add_column(name, justify="right" if at else "left", no_wrap=True)
        for row in cells:
            table.add_row(*map(Text, row))
    tasks = run.under_way()
    running = [f"{task.rpartition('.')[0].rpartition('.')[2]}.{task[-40:-32]}" for task in tasks[:_TASKS_SHOWN]]
    if len(tasks) > _TASKS_SHOWN:
        running.append(f"and {len(tasks) - _TASKS_SHOWN:,} more")
    parts: list[Any] = [Text(headline(run, time.time()), "bold"), table]
    if len(rows) > len(cells):
        parts.append(Text(f"and {len(rows) - len(cells):,} more", "dim"))
    if running:
        parts.append(Text("under way: " + ", ".join(running), "green"))
    parts += [Text(line, "red", no_wrap=True, overflow="ellipsis") for line in failure_lines(run)]
    return Group(*parts)


class _Lines:
    """Prints the state of a run where it has changed, at most every few seconds."""

    def __init__(self) -> None:
        self._next, self._seen = 0.0, -1

    def show(self, run: RunFold) -> None:
        now = time.monotonic()
        if now >= self._next and run.changes != self._seen and run.ended is None:
            self._next, self._seen = now + SECONDS_BETWEEN_LINES, run.changes
            print(headline(run, time.time()), flush=True)
