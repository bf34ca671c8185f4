"""``Run``: what the record says of one request to an engine."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from alexflow.html_repr import html_table, shown_safely
from alexflow.record.entry import iso
from alexflow.record.lines import WITHIN

#: How a run ended; ``unknown``: its engine was killed, or it is still going on.
RunOutcome = Literal["done", "failed", "cancelled", "error", "unknown"]


def shell_line(command: Sequence[str], directory: str) -> str:
    """Return the line for a shell that starts the program of a run once more; empty if its command is not known."""
    words = shlex.join(command)
    return f"cd {shlex.quote(directory)} && {words}" if words and directory else words


class RunAttempt(NamedTuple):
    """An attempt that failed.

    Attributes:
        task_id: the task.
        at: when.
        attempt: its number, from 1 on.
        is_last: whether the task was given up after it.
        error: the message.
        traceback: of the task's own code.
        stdout: the end of what it printed.
        stderr: the same for standard error.
        worker: the process.
        host: its machine.
    """

    task_id: str
    at: datetime
    attempt: int
    is_last: bool
    error: str
    traceback: str
    stdout: str
    stderr: str
    worker: int
    host: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**self._asdict(), "at": iso(self.at)}


class RunReport(NamedTuple):
    """Progress that a task has reported while it ran.

    Attributes:
        task_id: the task.
        at: when.
        attempt: the number of the attempt, from 1 on.
        step: the step that was done; None if it did not say.
        of: how many there are; None if it did not say.
        values: what else it reported.
    """

    task_id: str
    at: datetime
    attempt: int
    step: int | None
    of: int | None
    values: dict[str, None | bool | int | float | str]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**self._asdict(), "at": iso(self.at)}


def outermost(runs: Sequence[Run]) -> list[Run]:
    """Return the runs without those that tasks of others among them have asked for."""
    ids = {run.id for run in runs}
    return [run for run in runs if run.within not in ids]


@dataclass(frozen=True)
class Run:
    """One request to an engine in which anything ran or failed.

    Attributes:
        id: unique, and sortable by time.
        command: the command line of the process.
        directory: its working directory.
        user: the user that ran it.
        host: the machine.
        pid: the process.
        targets: ids of tasks and keys of outputs that were asked for, at most 20.
        options: the engine's options that are not defaults.
        attributes: those of the request.
        python: the version of Python.
        version: alexflow's version.
        environment: packages' digest, platform, git commit.
        started: when it was requested.
        ended: when it was over; None if its engine was killed, or it is still going on.
        outcome: how it ended.
        ran: number of tasks that ran.
        cached: number of those that were there.
        failed: number of those that failed.
        skipped: number of those that did not run because of that.
        attempts: the attempts that failed.
        skipped_tasks: ids of tasks that were skipped, at most 100.
        cancelled_tasks: ids of tasks that were under way for it alone when it was cancelled, or failed; at most 100.
        error: what ended it, if that was no task.
    """

    id: str
    command: tuple[str, ...]
    directory: str
    user: str
    host: str
    pid: int
    targets: tuple[str, ...]
    options: dict[str, Any]
    attributes: dict[str, Any]
    python: str
    version: str
    environment: dict[str, Any]
    started: datetime
    ended: datetime | None
    outcome: RunOutcome
    ran: int
    cached: int
    failed: int
    skipped: int
    attempts: tuple[RunAttempt, ...]
    skipped_tasks: tuple[str, ...]
    cancelled_tasks: tuple[str, ...]
    error: str

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self.outcome}, {self.ran} ran, {self.cached} cached, {self.failed} failed>"

    @shown_safely
    def _repr_html_(self) -> str:
        counts = ", ".join(f"{getattr(self, name)} {name}" for name in ("ran", "cached", "failed", "skipped"))
        facts = [("outcome", self.outcome), ("tasks", counts), ("started", str(self.started)), ("host", self.host)]
        return html_table(f"run {self.id}", [("command", " ".join(self.command)), *facts])

    @property
    def within(self) -> str | None:
        """The id of the run of the task that has asked for this one; None if no task has."""
        within = self.attributes.get(WITHIN)
        return within if isinstance(within, str) else None

    @property
    def seconds(self) -> float | None:
        """The duration; 0 if the clock was set back by more than that."""
        return None if self.ended is None else max(0.0, (self.ended - self.started).total_seconds())

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data: times are ISO 8601 in UTC, durations seconds."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return plain | {
            "command": list(self.command),
            "targets": list(self.targets),
            "started": iso(self.started),
            "ended": iso(self.ended),
            "seconds": self.seconds,
            "attempts": [attempt.to_json() for attempt in self.attempts],
            "skipped_tasks": list(self.skipped_tasks),
            "cancelled_tasks": list(self.cancelled_tasks),
        }
