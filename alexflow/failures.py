"""The failures of a run, as plain data and as a text for people.

This module is below the errors, because the exception that ends a run carries the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from alexflow.frozen import Frozen, set_field
from alexflow.html_repr import MAX_CELL, html_text, shown_safely

#: Kinds of failure of which one is shown in full.
KINDS_SHOWN = 5

#: Tasks that are named if there are many.
NAMES_SHOWN = 3


@dataclass(init=False, eq=False, repr=False)
class Attempt(Frozen):
    """A failed attempt at a task.

    Attributes:
        error: the error, in one line.
        kind: the class of the :class:`~alexflow.errors.TaskError`.
        ended: the time of its end, in seconds since the epoch.
        seconds: its duration; 0 if that is not known, as when a worker died.
        worker: the process id of the worker that it ran in; 0 if it ran in the engine's process.
        host: the machine of that worker, as its agent says it; "" for the engine's own.
    """

    error: str
    kind: str
    ended: float
    seconds: float = 0.0
    worker: int = 0
    host: str = ""

    def __init__(
        self, error: str, kind: str, ended: float, seconds: float = 0.0, worker: int = 0, host: str = ""
    ) -> None:
        set_field(self, "error", error)
        set_field(self, "kind", kind)
        set_field(self, "ended", ended)
        set_field(self, "seconds", seconds)
        set_field(self, "worker", worker)
        set_field(self, "host", host)

    def __str__(self) -> str:
        from datetime import datetime  # deferred: `import alexflow` does without

        when = f"{datetime.fromtimestamp(self.ended):%H:%M:%S}"  # in the reader's time zone
        took = f", {self.seconds:.3g} s" if self.seconds else ""
        where = f", worker {self.worker}" if self.worker else ""
        where += f" on {self.host}" if self.host else ""
        return f"{when}{took}{where}: {self.error}"


@dataclass(init=False, eq=False, repr=False)
class FailedTask(Frozen):
    """A task that failed for good.

    Attributes:
        task_id: its id.
        task: its class and parameters, for people.
        kind: the class of its error, as in :mod:`alexflow.errors`.
        message: the error, in one line.
        text: its error in full, with the traceback and the end of the task's output.
        attempts: its attempts, the last 20 at most.
        skipped: ids of the tasks that did not run because of it; empty where the failure stopped the run.
    """

    task_id: str
    task: str
    kind: str
    message: str
    text: str
    attempts: tuple[Attempt, ...]
    skipped: tuple[str, ...]

    def __init__(
        self,
        task_id: str,
        task: str,
        kind: str,
        message: str,
        text: str,
        attempts: tuple[Attempt, ...],
        skipped: tuple[str, ...],
    ) -> None:
        set_field(self, "task_id", task_id)
        set_field(self, "task", task)
        set_field(self, "kind", kind)
        set_field(self, "message", message)
        set_field(self, "text", text)
        set_field(self, "attempts", attempts)
        set_field(self, "skipped", skipped)

    @property
    def group(self) -> tuple[str, str]:
        """Task class and type of exception: one failure of a group stands for all of them."""
        what = self.message.partition(":")[0] if self.kind == "TaskFailed" else self.kind
        return self.task_id.rpartition(".")[0], what

    def __repr__(self) -> str:
        return f"<FailedTask {self.task_id}: {self.message[:MAX_CELL]}>"

    def __str__(self) -> str:
        lines = [self.text]
        if len(self.attempts) > 1:
            lines += ["  attempts:", *(f"    {attempt}" for attempt in self.attempts)]
        if self.skipped:
            lines.append(f"  did not run because of it: {_names(self.skipped)}")
        return "\n".join(lines)


@dataclass(init=False, eq=False, repr=False)
class FailureReport(Frozen):
    """The failures of a run. ``str()`` gives a text; of many failures it shows one of each kind in full.

    Attributes:
        failures: the tasks that failed.
        not_started: ids of tasks that did not run because the run was stopped.
    """

    failures: tuple[FailedTask, ...] = ()
    not_started: tuple[str, ...] = ()

    def __init__(self, failures: tuple[FailedTask, ...] = (), not_started: tuple[str, ...] = ()) -> None:
        set_field(self, "failures", failures)
        set_field(self, "not_started", not_started)

    @property
    def skipped(self) -> tuple[str, ...]:
        """Ids of all tasks that did not run."""
        return (*(task_id for failed in self.failures for task_id in failed.skipped), *self.not_started)

    @property
    def headline(self) -> str:
        """The numbers of tasks that failed and of tasks that did not run."""
        failed = "1 task failed" if len(self.failures) == 1 else f"{len(self.failures):,} tasks failed"
        skipped = sum(len(failed.skipped) for failed in self.failures) + len(self.not_started)
        them = "it" if len(self.failures) == 1 else "them"
        return failed + (f", {skipped:,} that need {them} or came later did not run" if skipped else "")

    def __repr__(self) -> str:
        return f"<FailureReport: {self.headline if self.failures else 'no task failed'}>"

    def __str__(self) -> str:
        return "\n\n".join([self.headline, *self._kinds()]) if self.failures else "no task failed"

    @shown_safely
    def _repr_html_(self) -> str:
        return html_text(str(self))

    def _kinds(self) -> Iterator[str]:
        groups: dict[tuple[str, str], list[FailedTask]] = {}
        for failed in self.failures:
            groups.setdefault(failed.group, []).append(failed)
        for number, ((name, what), alike) in enumerate(groups.items()):
            if number < KINDS_SHOWN:
                yield str(alike[0]) + _others(alike[1:])
            else:
                yield f"{len(alike):,} × {name}: {what}; the first is {alike[0].task_id}"


def _others(alike: list[FailedTask]) -> str:
    return f"\n{len(alike):,} more of this kind: {_names(failed.task_id for failed in alike)}" if alike else ""


def _names(task_ids: Iterable[str]) -> str:
    names = list(task_ids)
    rest = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")
