"""Progress on a terminal, with rich: a line per task class that is redrawn. Import it only where it is shown."""

from __future__ import annotations

import sys
from typing import TextIO

import rich.live
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from alexflow.record import wording
from alexflow.record.display import View, closing_lines
from alexflow.record.progress import Progress, Tally

BAR_WIDTH = 24

#: Lines of the terminal that are left to others.
MARGIN = 4


class Live(View):
    """Redraws itself in place, and leaves the summary behind.

    While it is there, what this process prints appears above it; that ends with it.
    """

    interval = 0.1

    def __init__(self, file: TextIO):
        self._console = Console(file=file)
        self._live: rich.live.Live | None = None

    def show(self, progress: Progress, now: float) -> None:
        if not progress.classes:
            return  # nothing to run: a summary says it all
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
    """A line per task class, those at work first where there is no room for all; the total; the latest failure."""
    names = wording.short_names(progress.classes)
    tallies = list(progress.classes.values())
    room = max(height - 2, 1)
    if len(tallies) > room:
        tallies = sorted(tallies, key=lambda tally: not (tally.under_way or tally.failed))[:room]
    table = Table.grid(padding=(0, 2))
    for tally in tallies:
        table.add_row(*_row(names[tally.name], tally, now))
    parts: list[RenderableType] = [table, Text(_total(progress, now), "dim")]
    if progress.failures:
        parts.append(Text(wording.failure(progress.failures[-1]), "red", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _row(name: str, tally: Tally, now: float) -> list[RenderableType]:
    return [
        Text(name, "bold"),
        ProgressBar(total=max(tally.planned, 1), completed=tally.done, width=BAR_WIDTH),
        Text(f"{tally.done:,}/{tally.planned:,}", justify="right"),
        Text(wording.rate(tally.rate(now)), "cyan", justify="right"),
        Text(f"{tally.under_way:,} under way" if tally.under_way else "", "green"),
        Text(f"{tally.failed:,} failed" if tally.failed else "", "red"),
        Text(f"{tally.retried:,} retried" if tally.retried else "", "yellow"),
    ]


def _total(progress: Progress, now: float) -> str:
    elapsed = wording.duration(now - progress.started) if progress.started is not None else ""
    return f"{wording.counts(progress.total(), progress.cached)}, {elapsed}"
