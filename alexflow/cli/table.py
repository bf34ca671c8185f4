"""``alexflow table CLASS [NAME=ENDING:PATH …] [CONDITION …]``."""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from alexflow.cli import answers
from alexflow.cli.find import print_unknown
from alexflow.cli.recorded import one_line, record_of, short_id, when
from alexflow.cli.wrong_use import WrongUse
from alexflow.progress.text import duration
from alexflow.record.conditions import FieldCondition, json_or_text, read_condition
from alexflow.record.table import columns_of, frame_of

#: A value of an output: an equals sign, and a colon behind it. A condition on a text with a colon is one with ``~=``.
_VALUE = re.compile(r"(?P<name>[^=!<>~:]+)=(?P<place>[^=].*:.*)", re.DOTALL)


#: An id or a key, also in a list of some.
_ID = re.compile(r'[^\s",\[\]]+\.[0-9a-f]{40}[^\s",\[\]]*')

#: Characters of a cell on a terminal.
_LONGEST_CELL = 60

#: Columns of cost, the least wanted last.
_COST = ("seconds", "finished", "peak_rss_bytes", "cpu_seconds")


def execute(options: argparse.Namespace) -> int:
    """Print a row for each task; 1 if there is none."""
    record = record_of(options)
    values, wanted = _sorted_words(options.words)
    entries = record.entries_that(options.cls, wanted)
    if options.json or options.csv or options.parquet is not None:  # a table for people says how many there are
        entries = islice(entries, options.limit or None)
    columns = columns_of(entries, record.storage, values)
    count = len(columns["key"])
    if options.parquet is not None:
        _write_parquet(columns, options.parquet)
        answers.headline(f"{options.parquet}: {answers.counted(count, 'row')}", good=None if count else False)
    elif options.json:
        for row in _rows(columns):
            answers.print_json_line(dict(zip(columns, row, strict=True)))
    elif options.csv:
        answers.write_as_data()
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(_rows(columns))
    else:
        if not count:
            print_unknown(record, options.cls, wanted, takes_values=True)
        _print(columns, count, options, values.keys())
    return 0 if count else 1


def _sorted_words(words: list[str]) -> tuple[dict[str, str], list[FieldCondition]]:
    """Separate chosen values and conditions."""
    values: dict[str, str] = {}
    wanted = []
    for word in words:
        value = _VALUE.fullmatch(word)
        condition = None if value is not None else read_condition(word)
        if value is not None:
            values[value["name"]] = value["place"]
        elif condition is not None:
            wanted.append(condition)
        else:
            raise WrongUse(
                f"{word!r} is neither a value, such as accuracy=metrics.json:accuracy, nor a condition, such as depth=5"
            )
    return values, wanted


def _rows(columns: dict[str, list[Any]]) -> Iterator[list[Any]]:
    for row in zip(*columns.values(), strict=True):
        yield [answers.iso(cell) if isinstance(cell, datetime) else cell for cell in row]


def _write_parquet(columns: dict[str, list[Any]], path: str) -> None:
    table = frame_of(columns, "arrow")
    from pyarrow import parquet  # deferred: an extra, and slow to load

    try:
        parquet.write_table(table, path)
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error}") from None


def _print(columns: dict[str, list[Any]], count: int, options: argparse.Namespace, chosen: Collection[str]) -> None:
    answers.headline(answers.counted(count, "task"), good=None if count else False)
    shown = min(count, answers.rows_shown(options.limit) or count)
    is_terminal = sys.stdout.isatty()
    cell = _cell_for_people if is_terminal else _cell
    cells = {name: [cell(name, value) for value in values[:shown]] for name, values in columns.items()}
    if is_terminal:  # the key first: where the table is too wide, it stands above the rest of its row
        cells = {"key": cells.pop("key"), **cells}
    numbers = [name for name, values in columns.items() if any(isinstance(value, int | float) for value in values)]
    same = [name for name, texts in cells.items() if name not in (*chosen, *_COST) and len({*texts}) == 1 < shown]
    rows = list(zip(*cells.values(), strict=True))
    left_out = answers.print_table(tuple(cells), rows, right=[*numbers, "finished"], optional=[*same, *reversed(_COST)])
    alike = ", ".join(f"{name} {cells[name][0]}" for name in same if name in left_out)
    if alike:
        print(f"in all of them: {alike}")
    if {*left_out} - {*same}:
        print(f"for want of room without {', '.join(name for name in left_out if name not in same)}; --csv has all")
    if shown < count:
        print(f"and {count - shown:,} more; --limit 0 shows all")
    if count:
        _print_empty(columns, chosen)
        answers.helps_next(f"alexflow show {short_id(columns['key'][0])}", options.storage)


def _print_empty(columns: dict[str, list[Any]], chosen: Collection[str]) -> None:
    """Name the chosen values that no output has: a path is most likely misspelt."""
    for name in chosen:
        if all(value is None for value in columns[name]):
            print(f"alexflow: the column {name} is empty: no output of these tasks has its path", file=sys.stderr)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return one_line(_ID.sub(lambda found: short_id(found[0]), value)) if isinstance(value, str) else str(value)


def _cell_for_people(name: str, value: Any) -> str:
    if value is None or name not in _COST:
        several = json_or_text(value) if isinstance(value, str) and value.startswith("[") else None
        if isinstance(several, list) and len(several) > 1 and isinstance(several[0], str):
            return f"{one_line(_cell(name, several[0]), _LONGEST_CELL)} and {len(several) - 1:,} more"
        return one_line(_cell(name, value), _LONGEST_CELL)
    if name == "peak_rss_bytes":
        return answers.size(value)
    return _cell(name, value) if name == "finished" else duration(value)
