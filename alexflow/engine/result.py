"""The answer to a run: bound outputs and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from alexflow.errors import RunFailed, TaskError
from alexflow.failures import FailureReport
from alexflow.frozen import Frozen
from alexflow.html_repr import MAX_ROWS, html_table, shown, shown_safely
from alexflow.model import flatten

NOTHING_FAILED = FailureReport()

#: Failures that a notebook shows of a result; its report has all.
FAILURES_SHOWN = 10


@dataclass(init=False, eq=False, repr=False)
class Result(Frozen):
    """A run that is over.

    Attributes:
        output: the target's outputs in the target's shape, bound to the storage: for a task the tree of its
            ``output()``, for a list of tasks a list of those, for a workflow a dict by name.
        ran: how many tasks ran for this run. What they themselves asked an engine for counts in runs of its own.
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
        state = self.__dict__  # half of the time of set_field
        state["output"] = output
        state["ran"] = ran
        state["cached"] = cached
        state["failures"] = failures
        state["skipped_tasks"] = skipped_tasks
        state["seconds"] = seconds
        state["report"] = report
        state["shared"] = shared
        state["run_id"] = run_id

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


def run_failed(failures: Sequence[TaskError], report: FailureReport) -> RunFailed:
    """Make the exception for a run with failed tasks."""
    error = RunFailed(report.headline, list(failures))
    error.report = report
    return error
