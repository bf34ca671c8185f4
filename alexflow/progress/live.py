"""Live progress on a terminal, drawn by rich: a line per task class. Import it only to show it."""

from __future__ import annotations

import sys
from typing import TextIO

import rich.live
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from alexflow.progress import text
from alexflow.progress.tally import Progress, Tally
from alexflow.progress.view import View, closing_lines

BAR_WIDTH = 24

#: Lines of the terminal that are left free.
MARGIN = 4


class Live(View):
    """Redraws itself in place, and is replaced by the summary at the end.

    Until then, output of this process appears above it.
    """

    interval = 0.1

    def __init__(self, file: TextIO):
        self._console = Console(file=file)
        self._live: rich.live.Live | None = None

    def show(self, progress: Progress, now: float) -> None:
        if not progress.classes:
            return  # nothing to run: the summary is enough
        if self._live is None:
            self._live = rich.live.Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            )
            self._live.start()
        self._live.update(picture(progress, now, self._console.height - MARGIN), refresh=True)

    def close(self, progress: Progress, now: float) -> None:
        if self._live is not None:
            self._live.stop()
        for number, line in enumerate(closing_lines(progress, now)):
            style = "dim" if number else "bold red" if progress.total().failed else "bold"
            self._console.print(Text(line, style), soft_wrap=True)


def picture(progress: Progress, now: float, height: int) -> RenderableType:
    """Return a line per task class, active classes first if there is no room for all; the total; the latest failure."""
    names = text.short_names(progress.classes)
    tallies = list(progress.classes.values())
    room = max(height - 2, 1)
    if len(tallies) > room:
        tallies = sorted(tallies, key=lambda tally: not (tally.under_way or tally.failed))[:room]
    table = Table.grid(padding=(0, 2))
    for tally in tallies:
        table.add_row(*_row(names[tally.name], tally, now))
    parts: list[RenderableType] = [table, Text(_total(progress, now), "dim")]
    if progress.failures:
        parts.append(Text(text.failure(progress.failures[-1]), "red", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _row(name: str, tally: Tally, now: float) -> list[RenderableType]:
    return [
        Text(name, "bold"),
        ProgressBar(total=max(tally.planned, 1), completed=tally.done, width=BAR_WIDTH),
        Text(f"{tally.done:,}/{tally.planned:,}", justify="right"),
        Text(text.rate(tally.rate(now)), "cyan", justify="right"),
        Text(f"{tally.under_way:,} under way" if tally.under_way else "", "green"),
        Text(f"{tally.failed:,} failed" if tally.failed else "", "red"),
        Text(f"{tally.retried:,} retried" if tally.retried else "", "yellow"),
        Text(text.reported(tally), "dim", no_wrap=True, overflow="ellipsis"),
    ]


def _total(progress: Progress, now: float) -> str:
    elapsed = text.duration(now - progress.started) if progress.started is not None else ""
    return f"{text.counts(progress.total(), progress.cached)}, {elapsed}"
