"""The answer to a run: bound outputs, counts, and a report of what failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from alexflow.errors import RunFailed, TaskError, TaskFailed
from alexflow.failures import FailedTask, FailureReport
from alexflow.frozen import Frozen, set_field
from alexflow.hooks import as_cause, class_name, text_of
from alexflow.html_repr import MAX_ROWS, html_table, shown, shown_safely
from alexflow.model import flatten

NOTHING_FAILED = FailureReport()

#: Tasks that did not run, and failures, that are reported between two turns of the event loop: some millisecond.
SKIPPED_PER_TURN, FAILURES_PER_TURN = 2048, 32

#: Failures that a notebook shows of a result; its report has all.
FAILURES_SHOWN = 10


@dataclass(init=False, eq=False, repr=False)
class Result(Frozen):
    """A run that is over.

    Attributes:
        output: the target's outputs in the target's shape, bound to the storage: for a task the tree of its
            ``output()``, for a list of tasks a list of those, for a workflow a dict by name.
        ran: how many tasks ran for this run.
        cached: how many were done already.
        failures: one error per task that failed (only with ``on_error="continue"``; else ``RunFailed`` is raised).
        skipped_tasks: ids of tasks that did not run because others failed.
        seconds: how long it took.
        report: the failures for people and programs: ``print(result.report)``.
        shared: how many of the target's tasks ran for another request, which had asked before.
        run_id: the run's id in events and the record; "" if nothing had to be asked.
    """

    output: Any
    ran: int
    cached: int
    failures: Sequence[TaskError]
    skipped_tasks: Sequence[str]
    seconds: float
    report: FailureReport = NOTHING_FAILED
    shared: int = 0
    run_id: str = ""

    def __init__(
        self,
        output: Any,
        ran: int,
        cached: int,
        failures: Sequence[TaskError],
        skipped_tasks: Sequence[str],
        seconds: float,
        report: FailureReport = NOTHING_FAILED,
        shared: int = 0,
        run_id: str = "",
    ) -> None:
        set_field(self, "output", output)
        set_field(self, "ran", ran)
        set_field(self, "cached", cached)
        set_field(self, "failures", failures)
        set_field(self, "skipped_tasks", skipped_tasks)
        set_field(self, "seconds", seconds)
        set_field(self, "report", report)
        set_field(self, "shared", shared)
        set_field(self, "run_id", run_id)

    @property
    def failed(self) -> int:
        """The number of tasks that failed."""
        return len(self.failures)

    @property
    def skipped(self) -> int:
        """The number of tasks that did not run because others failed."""
        return len(self.skipped_tasks)

    @property
    def ok(self) -> bool:
        """Whether every target's output was seen to exist."""
        return not self.failures and not self.skipped_tasks

    def raise_for_failures(self) -> None:
        """Raise :class:`RunFailed` if tasks failed."""
        if self.failures:
            raise run_failed(self.failures, self.report)

    def __repr__(self) -> str:
        return f"<Result: {self}>"  # one line, however many outputs there are

    @shown_safely
    def _repr_html_(self) -> str:
        failures = [("failed", f"{error.task_id}: {error.message}") for error in self.failures[:FAILURES_SHOWN]]
        outputs = (("output", shown(output)) for output in flatten(self.output))
        return html_table(str(self), [*failures, *islice(outputs, MAX_ROWS + 1)])

    def __str__(self) -> str:
        parts = [f"{self.ran} ran", f"{self.cached} cached"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.skipped:
            parts.append(f"{self.skipped} skipped")
        return f"{', '.join(parts)} in {self.seconds:.2f} s"


async def report_on(
    failed: Sequence[tuple[str, Exception]], skipped: Sequence[tuple[str, str]]
) -> tuple[list[TaskError], tuple[str, ...], FailureReport]:
    """Compose the report; for very many tasks in several turns of the event loop.

    Args:
        failed: tasks that failed, each with its error.
        skipped: ids of tasks that did not run, each with the id of the failed task that it needs, or ``""``.

    Returns:
        The errors of the former, the ids of the latter, and the report.
    """
    import asyncio  # deferred: where nothing has to run, nothing loads it

    because: defaultdict[str, list[str]] = defaultdict(list)
    names: list[str] = []
    for start in range(0, len(skipped), SKIPPED_PER_TURN):
        if start:
            await asyncio.sleep(0)
        for task_id, failed_id in skipped[start : start + SKIPPED_PER_TURN]:
            because[failed_id].append(task_id)
            names.append(task_id)
    errors: list[TaskError] = []
    failed_tasks: list[FailedTask] = []
    for task_id, cause in failed:
        if len(errors) % FAILURES_PER_TURN == FAILURES_PER_TURN - 1:
            await asyncio.sleep(0)
        error = as_task_error(task_id, cause)
        errors.append(error)
        failed_tasks.append(_failed_task(task_id, error, because.pop(task_id, ())))
    not_started = tuple(chain.from_iterable(because.values()))
    return errors, tuple(names), FailureReport(tuple(failed_tasks), not_started)


def _failed_task(task_id: str, error: TaskError, skipped: Sequence[str]) -> FailedTask:
    return FailedTask(
        task_id, error.summary, type(error).__name__, error.message, str(error), error.history, tuple(skipped)
    )


def run_failed(failures: Sequence[TaskError], report: FailureReport) -> RunFailed:
    """Make the exception for a run with failed tasks."""
    error = RunFailed(report.headline, list(failures))
    error.report = report
    return error


def as_task_error(task_id: str, error: Exception) -> TaskError:
    """Return a failed task's error as a TaskError: that of a dynamic task may be any error of its children."""
    if isinstance(error, TaskError):
        return error
    name, text = class_name(type(error)), text_of(error)
    failed = TaskFailed(task_id, error_type=name, error_message=text, traceback=f"{name}: {text}")
    failed.__cause__ = as_cause(error)
    return failed
