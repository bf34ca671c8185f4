"""Live progress in the cell of a notebook: a table that is drawn again in place, and folds into its first line."""

from __future__ import annotations

import sys
from html import escape
from importlib import import_module
from typing import Any

from alexflow.progress import text
from alexflow.progress.tally import Progress, Tally
from alexflow.progress.view import View, closing_lines

#: Classes that have a row; the busiest ones, if there are more.
MAX_CLASSES = 20

_BAR = (
    "<div style='width:9em;height:.7em;border-radius:4px;background:rgba(128,128,128,.25)'>"
    "<div style='width:{share:.0f}%;height:100%;border-radius:4px;background:{colour}'></div></div>"
)


class CellDisplay(View):
    """Draws the state of a run into the output of the cell that runs it.

    Notebooks show it as HTML, and what knows no HTML as a line of text.
    """

    interval = 0.5

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, progress: Progress, now: float) -> None:
        if progress.classes:  # else there is nothing to run, and the summary is enough
            self._draw(_open(progress, now), text.line(progress, now))

    def close(self, progress: Progress, now: float) -> None:
        lines = closing_lines(progress, now)
        if lines:
            self._draw(_folded(progress, now, lines[0]), "\n".join(lines))

    def _draw(self, html: str, plain: str) -> None:
        bundle = {"text/html": html, "text/plain": f"alexflow: {plain}"}
        if self._handle is None:
            display: Any = import_module("IPython.display").display  # it is there: this is its kernel
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def has_cells() -> bool:
    """Whether code runs in a kernel, whose front end shows HTML; a terminal with IPython shows none."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = None if get_ipython is None else get_ipython()
    return getattr(shell, "kernel", None) is not None


def _open(progress: Progress, now: float) -> str:
    elapsed = "" if progress.started is None else f", {text.duration(now - progress.started)}"
    head = f"{text.counts(progress.total(), progress.cached)}{elapsed}"
    return f"<details open><summary>{escape(head)}</summary>{_table(progress, now)}{_failures(progress)}</details>"


def _folded(progress: Progress, now: float, verdict: str) -> str:
    is_open = " open" if progress.total().failed else ""
    inside = f"{_table(progress, now)}{_failures(progress)}"
    return f"<details{is_open}><summary><b>{escape(verdict)}</b></summary>{inside}</details>"


def _table(progress: Progress, now: float) -> str:
    tallies = list(progress.classes.values())
    names = text.short_names(progress.classes)
    if len(tallies) > MAX_CLASSES:
        tallies = sorted(tallies, key=lambda tally: (not (tally.under_way or tally.failed), -tally.worked))
    rows = "".join(_row(names[tally.name], tally, now) for tally in tallies[:MAX_CLASSES])
    rest = len(tallies) - MAX_CLASSES
    more = f"<tr><td colspan='5'>{rest:,} more classes</td></tr>" if rest > 0 else ""
    return f"<table>{rows}{more}</table>"


def _row(name: str, tally: Tally, now: float) -> str:
    colour = "#cf222e" if tally.failed else "#2da44e"
    share = 100 * tally.done / max(tally.planned, tally.done, 1)
    said = [text.rate(tally.rate(now))] if tally.under_way else [text.duration(tally.worked)] if tally.worked else []
    said += [f"{count:,} {word}" for count, word in ((tally.under_way, "under way"), (tally.failed, "failed")) if count]
    said += [f"{tally.retried:,} retried"] if tally.retried else []
    said += [text.reported(tally)]
    cells = (f"{tally.done:,}/{tally.planned:,}", ", ".join(filter(None, said)))
    bar = _BAR.format(share=share, colour=colour)
    texts = "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in cells)
    return f"<tr><td style='text-align:left'><b>{escape(name)}</b></td><td>{bar}</td>{texts}</tr>"


def _failures(progress: Progress) -> str:
    lines = [text.failure(failed)[:400] for failed in progress.failures[-3:]]
    return f"<pre>{escape(chr(10).join(lines))}</pre>" if lines else ""
