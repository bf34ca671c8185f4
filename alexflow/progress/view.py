"""Views of progress: the interface, and plain lines of text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TextIO

from alexflow.progress import text
from alexflow.progress.tally import Progress
from alexflow.progress.writing import write_text

#: Time between two lines where there is no terminal.
SECONDS_BETWEEN_LINES = 5.0


class View(ABC):
    """Shows progress somewhere. Called from one thread at a time."""

    #: Seconds between two calls of :meth:`show`.
    interval: float

    @abstractmethod
    def show(self, progress: Progress, now: float) -> None:
        """Show the current state."""

    @abstractmethod
    def close(self, progress: Progress, now: float) -> None:
        """Show the outcome."""


class Lines(View):
    """Prints a line when something has changed, at most every few seconds. A quicker run gets its summary only."""

    interval = SECONDS_BETWEEN_LINES

    def __init__(self, file: TextIO):
        self._file = file
        self._last = ""
        self._failures = 0

    def show(self, progress: Progress, now: float) -> None:
        if progress.started is None or progress.finished is not None:
            return
        self._show_failures(progress)
        state = text.counts(progress.total(), progress.cached)
        if state != self._last:
            self._last = state
            self._print(text.line(progress, now))

    def close(self, progress: Progress, now: float) -> None:
        self._show_failures(progress)
        for line in closing_lines(progress, now):
            self._print(line)

    def _show_failures(self, progress: Progress) -> None:
        for failed in progress.failures[self._failures :]:
            self._print(text.failure(failed))
        self._failures = len(progress.failures)

    def _print(self, line: str) -> None:
        write_text(self._file, f"alexflow: {line}\n" if not line.startswith(" ") else f"{line}\n")


def closing_lines(progress: Progress, now: float) -> list[str]:
    """Return the summary; none for a graph that was refused, or stopped before it was known: its exception says it."""
    end, total = progress.finished, progress.total()
    if end is None or end.outcome == "cancelled":
        is_said = bool(progress.classes)
    else:
        is_said = end.outcome != "error" or bool(total.done or total.failed)
    return text.summary(progress, now) if is_said else []
