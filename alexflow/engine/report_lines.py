"""The lines of the record for what tasks report: all at first, then as many as say something, and the last one.

A training of days reports ten times a second. A curve needs no more than some hundred points: a report is written if at
least a twentieth of the time since the attempt began has passed since the one before, and when the attempt ends.
"""

from __future__ import annotations

from collections.abc import Callable

from alexflow.executors.task_report import TaskReport

#: Reports of an attempt that are written in any case.
WRITTEN_IN_ANY_CASE = 20

#: After those, the part of an attempt's time for which one stands.
PART_OF_THE_TIME = 0.05

#: Takes a task, the number of its attempt, and a report that is to be written.
WriteReport = Callable[[str, int, TaskReport], None]


class _Attempt:
    """The reports of one attempt that have been written."""

    __slots__ = ("began", "number", "unwritten", "written", "written_at")

    def __init__(self, number: int, began: float):
        self.number = number
        self.began = began
        self.written = 0
        self.written_at = began
        self.unwritten: TaskReport | None = None


class ReportLines:
    """Chooses what is written of what tasks report.

    Args:
        write: writes it.

    Attributes:
        attempts: those that have reported and have not ended, by task.
    """

    def __init__(self, write: WriteReport):
        self._write = write
        self.attempts: dict[str, _Attempt] = {}

    def add(self, task_id: str, number: int, report: TaskReport) -> None:
        """Note a report."""
        attempt = self.attempts.get(task_id)
        if attempt is None or attempt.number != number:
            self.ended(task_id)
            attempt = self.attempts[task_id] = _Attempt(number, report.at)
        since = report.at - attempt.written_at
        if attempt.written < WRITTEN_IN_ANY_CASE or since >= PART_OF_THE_TIME * (report.at - attempt.began):
            attempt.written += 1
            attempt.written_at = report.at
            attempt.unwritten = None
            self._write(task_id, number, report)
        else:
            attempt.unwritten = report

    def ended(self, task_id: str) -> None:
        """Write the last report of an attempt that has ended."""
        attempt = self.attempts.pop(task_id, None)
        if attempt is not None and attempt.unwritten is not None:
            self._write(task_id, attempt.number, attempt.unwritten)
