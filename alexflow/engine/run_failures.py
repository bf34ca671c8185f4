"""The report of what failed in a run, and of what did not run because of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

from alexflow.errors import TaskError, TaskFailed
from alexflow.failures import FailedTask, FailureReport
from alexflow.hooks import as_cause, class_name, text_of

#: Tasks that did not run, and failures, that are reported between two turns of the event loop: some millisecond.
SKIPPED_PER_TURN, FAILURES_PER_TURN = 2048, 32


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


def as_task_error(task_id: str, error: Exception) -> TaskError:
    """Return a failed task's error as a TaskError: that of a dynamic task may be any error of its children."""
    if isinstance(error, TaskError):
        return error
    name, text = class_name(type(error)), text_of(error)
    failed = TaskFailed(task_id, error_type=name, error_message=text, traceback=f"{name}: {text}")
    failed.__cause__ = as_cause(error)
    return failed
