"""``alexflow table CLASS [NAME=ENDING:PATH …] [CONDITION …]``."""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from alexflow.cli import answers
from alexflow.cli.find import print_unknown
from alexflow.cli.recorded import record_of, short_id, when
from alexflow.cli.wrong_use import WrongUse
from alexflow.record.conditions import FieldCondition, read_condition
from alexflow.record.table import columns_of, frame_of

#: A value of an output: an equals sign, and a colon behind it. A condition on a text with a colon is one with ``~=``.
_VALUE = re.compile(r"(?P<name>[^=!<>~:]+)=(?P<place>[^=].*:.*)", re.DOTALL)


def execute(options: argparse.Namespace) -> int:
    """Print a row for each task; 1 if there is none."""
    record = record_of(options)
    values, wanted = _sorted_words(options.words)
    entries = record.entries_that(options.cls, wanted)
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
        _print(columns, count, options)
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


def _print(columns: dict[str, list[Any]], count: int, options: argparse.Namespace) -> None:
    answers.headline(answers.counted(count, "task"), good=None if count else False)
    shown = min(count, options.limit) if options.limit else count
    cells = {name: [_cell(name, value) for value in values[:shown]] for name, values in columns.items()}
    numbers = [name for name, values in columns.items() if any(isinstance(value, int | float) for value in values)]
    answers.print_table(tuple(cells), list(zip(*cells.values(), strict=True)), right=numbers)
    if shown < count:
        print(f"and {count - shown:,} more; --limit 0 shows all")
    if count:
        answers.helps_next(f"alexflow show {short_id(columns['key'][0])}", options.storage)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return short_id(value) if isinstance(value, str) else str(value)
