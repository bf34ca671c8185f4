"""``alexflow find [CLASS] [CONDITION …]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta
from itertools import islice

from alexflow.cli import answers
from alexflow.cli.recorded import bytes_in, fields_in_line, record_of, seconds_in, short_id, when
from alexflow.cli.wrong_use import suggestion
from alexflow.progress.text import duration
from alexflow.record import Entry, Record
from alexflow.record.conditions import FieldCondition, read_search
from alexflow.record.fields import NO_SUCH_FIELD, value_at
from alexflow.record.leaves import leaves

#: Tasks whose fields are known where a condition fits none.
_LOOKED_AT = 1_000


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
        for entry in found:
            some = True
            answers.print_json_line(entry.to_json())
        return 0 if some else 1
    entries = list(found)
    if not entries:
        print_unknown(record, cls, wanted)
    answers.headline(answers.counted(len(entries), "task"), good=None if entries else False)
    shown = entries[: options.limit] if options.limit else entries
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
    """Say which class, or field of a condition, no task has: it may be a slip of the pen.

    Args:
        record: the record.
        cls: the class that was named.
        conditions: those that were given.
        takes_values: whether a condition may have been meant as a value of an output, without the path in it.
    """
    some = list(islice(record.entries(cls), _LOOKED_AT))
    if cls is not None and not some:
        known = {entry.cls.rpartition(".")[2] for entry in islice(record.entries(), _LOOKED_AT)}
        print(f"alexflow: no class of a recorded task is called {cls}{suggestion(cls, known)}", file=sys.stderr)
    for path, value in ((each.path, each.value) for each in conditions if some):
        if all(value_at(entry.fields, path) is NO_SUCH_FIELD for entry in some):
            name = ".".join(path)
            known = {known for entry in some for known in (*entry.fields, *dict(leaves(entry.fields)))}
            inside = sorted(each for each in known if each.endswith(f".{name}"))
            hint = f"; did you mean {inside[0]}?" if inside else suggestion(name, known)
            if takes_values and not hint and isinstance(value, str) and "." in value:
                hint = f"; a value of an output has the path in its JSON behind a colon, {name}={value}:PATH"
            print(f"alexflow: no task has a field {name!r}{hint}", file=sys.stderr)
            return
