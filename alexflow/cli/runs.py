"""``alexflow runs``."""

from __future__ import annotations

import argparse
import os
import shlex

from alexflow.cli import answers
from alexflow.cli.recorded import no_record, record_of, when
from alexflow.progress.text import duration
from alexflow.record import Run
from alexflow.record.engine_process import where_it_stands
from alexflow.record.run_record import outermost


def execute(options: argparse.Namespace) -> int:
    """Print the runs, the newest first."""
    record = record_of(options)
    runs = [run for run in record.runs() if not options.failed or run.failed or run.outcome in ("failed", "error")]
    if options.json:
        for run in runs[: options.limit or None]:
            answers.print_json_line(run.to_json())
        return 0
    if not runs and not options.failed:
        raise no_record(record, "and so no runs")
    count = len(runs)
    if not options.all and not options.failed:
        runs = outermost(runs)
    last = f", the last one {outcome(runs[0])}" if runs else ""
    answers.headline(answers.counted(len(runs), "run") + last)
    shown = runs[: answers.rows_shown(options.limit)]
    answers.print_table(
        ("run", "started", "took", "outcome", "ran", "cached", "failed", "command"),
        [_row(run) for run in shown],
        right=["started", "took", "ran", "cached", "failed"],
        optional=["started", "cached"],  # a run's id has the time
    )
    if len(shown) < len(runs):
        print(f"and {len(runs) - len(shown):,} more; --limit 0 shows all")
    if len(runs) < count:
        print(f"and {count - len(runs):,} that their tasks asked for; --all shows them")
    if runs:
        answers.helps_next(f"alexflow log {runs[0].id}", options.storage)
    return 0


def _row(run: Run) -> tuple[str, ...]:
    took = "" if run.seconds is None else duration(run.seconds)
    has_counts = run.outcome != "unknown"  # they are written at a run's end
    counts = [f"{count:,}" if has_counts else "" for count in (run.ran, run.cached, run.failed)]
    return run.id, when(run.started), took, outcome(run), *counts, _command(run)


def _command(run: Run) -> str:
    """The command line of a run, without the interpreter and the directories of its script."""
    words = list(run.command)
    if words and os.path.basename(words[0]).startswith("python"):
        words = words[2:] if words[1:2] == ["-m"] else words[1:]
    return shlex.join([os.path.basename(words[0]), *words[1:]]) if words else ""


def outcome(run: Run) -> str:
    """Return the end of a run, in a word or three."""
    return where_it_stands(run.host, run.pid) if run.outcome == "unknown" else run.outcome
