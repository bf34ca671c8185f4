"""``run_job`` and ``run_workflow`` of 1.x, on the engine of today."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from alexflow.engine.run import run
from alexflow.errors import RunFailed
from alexflow.model import AbstractTask, Workflow
from alexflow.storage import Storage

__all__ = ["Termination", "run_job", "run_workflow"]


class Termination(Exception):
    """Raised by ``run_job`` with several processes when a task has failed."""


def run_job(
    task: AbstractTask | Sequence[AbstractTask],
    storage: Storage,
    n_jobs: int = 1,
    resources: Mapping[str, int] | None = None,
    context: Any = None,
) -> None:
    """Make the outputs of a task, or of several, exist.

    Args:
        task: the task or tasks to run.
        storage: the storage of outputs.
        n_jobs: number of worker processes; with one, tasks run one after the other in this process.
        resources: limits on the number of tasks with a tag that run at once.
        context: without effect: workers are started in one way only.

    Raises:
        Termination: a task failed in a worker process.
        Exception: the exception of a task in this process.
    """
    if context is not None:
        warnings.warn("`context` has no effect: alexflow starts its workers itself", DeprecationWarning, stacklevel=2)
    try:
        run(
            list(task) if isinstance(task, Sequence) else task,
            storage=storage,
            workers=n_jobs,
            limits=resources,
            executor="process" if n_jobs > 1 else "thread",
            progress=False,
        )
    except RunFailed as failed:
        first = failed.exceptions[0]
        if n_jobs == 1 and isinstance(first.__cause__, Exception):
            raise first.__cause__ from failed
        raise Termination(f"Raised error on {first}") from failed


def run_workflow(
    workflow: Workflow, n_jobs: int = 1, resources: Mapping[str, int] | None = None, context: Any = None
) -> None:
    """:func:`run_job` for the tasks of a workflow, and those behind its artifacts, in the workflow's own storage.

    Raises:
        Termination: a task failed in a worker process.
        Exception: the exception of a task in this process.
    """
    if workflow.storage is None:
        raise ValueError("the workflow has no storage; give it one")
    run_job(workflow.to_task_list(), workflow.storage, n_jobs, resources, context)
