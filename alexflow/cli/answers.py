"""Answers on standard output: for people, with colours on terminals, or as JSON.

The first line is the answer; details follow. The command that helps next goes to standard error, so that it is seen on
a terminal and is in no pipe.
"""

from __future__ import annotations

import io
import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from alexflow.progress.text import counted as counted
from alexflow.progress.text import size as size

Cells = Sequence[str]

#: Rows of a table for people, unless others are asked for.
_MOST_ROWS = 50


def print_json(data: Any) -> None:
    """Print data as one JSON document."""
    import msgspec  # deferred: here and below, help needs none of it

    _write(msgspec.json.format(msgspec.json.encode(data), indent=2))


def print_json_line(data: Any) -> None:
    """Print data as one line of JSON."""
    import msgspec

    _write(msgspec.json.encode(data))


def _write(line: bytes) -> None:
    """Write to the real standard output: ``sys.stdout`` is standard error where a command answers in JSON."""
    assert sys.__stdout__ is not None
    sys.__stdout__.buffer.write(line + b"\n")


def write_as_data() -> None:
    """Write UTF-8 from now on, whatever the locale says, unless a terminal shows it: another program reads it."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8")


def helps_next(command: str, storage: str | None = None) -> None:
    """Show the command that helps next, on the storage that was named."""
    sys.stdout.flush()
    if storage is not None:
        command = f"{command} --storage {shlex.quote(storage)}"
    print(_painted(f"next: {command}", "2", sys.stderr), file=sys.stderr)


def headline(text: str, *, good: bool | None = None) -> None:
    """Print the answer: green or red where it is good or bad news, bold otherwise."""
    print(_painted(text, {None: "1", True: "32", False: "31"}[good], sys.stdout))


def rows_shown(limit: int | None) -> int | None:
    """The rows of a table for people, for what ``--limit`` has: None for all."""
    return _MOST_ROWS if limit is None else limit or None


def print_table(
    columns: Cells, rows: Iterable[Cells], *, right: Iterable[str] = (), optional: Sequence[str] = ()
) -> list[str]:
    """Print rows below their columns' names.

    Args:
        columns: the names.
        rows: as many texts each.
        right: columns that are aligned at their right.
        optional: columns that are left out, one after the other, where a terminal is too narrow for all.

    Returns:
        The columns that were left out.
    """
    cells = [[*row] for row in rows]
    if not cells:
        return []
    aligned, kept = set(right), columns
    if sys.stdout.isatty():
        kept, cells = _narrowed(columns, cells, aligned, optional)
    _print_rows(kept, cells, aligned)
    return [name for name in columns if name not in kept]


def _print_rows(columns: Cells, rows: list[list[str]], aligned: set[str]) -> None:
    lines = stacked(columns, rows, aligned) if sys.stdout.isatty() else None
    if lines is not None:
        print("\n".join(lines))
        return
    if sys.stdout.isatty() and _print_rich_table(columns, rows, aligned):
        return
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    for cells in [columns, *rows]:
        parts = [
            cell.rjust(width) if name in aligned else cell.ljust(width)
            for name, cell, width in zip(columns, cells, widths, strict=True)
        ]
        print("  ".join(parts).rstrip())


def _narrowed(
    columns: Cells, rows: list[list[str]], right: Collection[str], optional: Sequence[str]
) -> tuple[Cells, list[list[str]]]:
    """Leave out as many optional columns as the table has to lack to fit; none if it does not fit without them."""
    kept, few = columns, rows
    for name in ("", *optional):
        place = [index for index, each in enumerate(kept) if each != name]
        kept, few = [kept[index] for index in place], [[row[index] for index in place] for row in few]
        if stacked(kept, few, right) is None:
            return kept, few
    return columns, rows


def stacked(columns: Cells, rows: Iterable[Cells], right: Collection[str]) -> list[str] | None:
    """Return the lines of a table that is too wide for the terminal: the first cell, the others below it.

    A table whose words would be broken is of no use: an id in three pieces cannot be copied.

    Returns:
        None if the words of all columns fit beside one another.
    """
    width, rows = shutil.get_terminal_size().columns, [*rows]
    if sum(_narrowest(columns, rows, right)) + 2 * (len(columns) - 1) <= width:
        return None
    lines: list[str] = []
    for first, *others in rows:
        named = ", ".join(f"{name} {cell}" for name, cell in zip(columns[1:], others, strict=True) if cell)
        below = textwrap.wrap(named, max(20, width - 2), break_long_words=False, break_on_hyphens=False)
        lines += [first, *(f"  {line}" for line in below)]
    return lines


def _narrowest(columns: Cells, rows: Iterable[Cells], right: Collection[str]) -> list[int]:
    """Return the width of each column's longest word, and of those at the right their longest cell."""
    widths = []
    for name, *cells in zip(columns, *rows, strict=True):
        words = [name, *cells] if name in right else [name, *(word for cell in cells for word in cell.split())]
        widths.append(max(map(len, words)))
    return widths


def _widths(columns: Cells, rows: Sequence[Cells], right: Collection[str]) -> list[int]:
    """Return the widths of columns on the terminal, which has room for their words: what is left goes by need."""
    least = _narrowest(columns, rows, right)
    lacking = [
        max(map(len, cells)) - width for cells, width in zip(zip(columns, *rows, strict=True), least, strict=True)
    ]
    room = min(shutil.get_terminal_size().columns - sum(least) - 2 * (len(least) - 1), sum(lacking))
    return [width + room * lacks // max(1, sum(lacking)) for width, lacks in zip(least, lacking, strict=True)]


def _print_rich_table(columns: Cells, rows: Sequence[Cells], right: set[str]) -> bool:
    try:
        from rich.console import Console  # deferred: an extra, and slow to load
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, width in zip(columns, _widths(columns, rows, right), strict=True):
        table.add_column(name, justify="right" if name in right else "left", width=width, no_wrap=name in right)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False, no_color=not _has_colours(sys.stdout)).print(table)
    return True


def _has_colours(file: Any) -> bool:
    return file.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _painted(text: str, style: str, file: Any) -> str:
    return f"\033[{style}m{text}\033[0m" if _has_colours(file) else text


def iso(moment: datetime) -> str:
    """Format a moment as ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
