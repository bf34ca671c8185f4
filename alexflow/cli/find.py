"""``alexflow find [CLASS] [CONDITION …]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta
from itertools import islice

from alexflow.cli import answers
from alexflow.cli.recorded import bytes_in, fields_in_line, record_of, seconds_in, short_id, when
from alexflow.progress.text import duration
from alexflow.record import Entry, Record
from alexflow.record.conditions import FieldCondition, read_search
from alexflow.record.unknown_names import unknown_name


def execute(options: argparse.Namespace) -> int:
    """Print the newest entry of each task that fulfils the conditions; 1 if there is none."""
    record = record_of(options)
    cls, wanted = read_search(options.words)
    newer = None if options.newer is None else timedelta(seconds=seconds_in(options.newer, "--newer"))
    larger = None if options.larger is None else bytes_in(options.larger, "--larger")
    run_id = None if options.run is None else record.run(options.run).id
    found = (entry for entry in record.entries_that(cls, wanted, newer, larger) if run_id in (None, entry.run_id))
    if options.json:
        some = False
        for entry in islice(found, options.limit or None):
            some = True
            answers.print_json_line(entry.to_json())
        return 0 if some else 1
    entries = list(found)
    if not entries:
        print_unknown(record, cls, wanted)
    answers.headline(answers.counted(len(entries), "task"), good=None if entries else False)
    shown = entries[: answers.rows_shown(options.limit)]
    answers.print_table(
        ("task", "fields", "finished", "took", "bytes"),
        [_row(entry) for entry in shown],
        right=["finished", "took", "bytes"],
        optional=["bytes", "took"],
    )
    if len(shown) < len(entries):
        print(f"and {len(entries) - len(shown):,} more; --limit 0 shows all")
    if entries:
        answers.helps_next(f"alexflow show {short_id(entries[0].task_id)}", options.storage)
    return 0 if entries else 1


def _row(entry: Entry) -> tuple[str, ...]:
    took = "" if entry.seconds is None else duration(entry.seconds)
    stored = answers.size(entry.bytes) if any(output.bytes is not None for output in entry.outputs) else ""
    return short_id(entry.task_id), fields_in_line(entry), when(entry.finished), took, stored


def print_unknown(
    record: Record, cls: str | None, conditions: Sequence[FieldCondition], *, takes_values: bool = False
) -> None:
    """Print the name in a search that no task has; arguments as for :func:`unknown_name`."""
    text = unknown_name(record, cls, conditions, takes_values=takes_values)
    if text:
        print(f"alexflow: {text}", file=sys.stderr)
