"""Tasks of alexflow under luigi's scheduler; a task is complete for luigi if alexflow has stored its outputs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from alexflow.executors.attempt import aattempt, attempt
from alexflow.executors.deferred_outputs import publish_deferred
from alexflow.formats.libraries import need
from alexflow.legacy.completeness import generated, is_complete, keys_in
from alexflow.model import AbstractTask, DynamicTask, Workflow, flatten, keys_of, task_behind
from alexflow.model.class_info import class_info
from alexflow.model.deferred import deferred_keys
from alexflow.serialization import from_json, to_json
from alexflow.storage import Storage, Transaction

__all__ = ["run_job", "run_workflow", "to_luigi"]

luigi: Any = need("luigi", "luigi")  # its types are for its own users' tasks only


def run_job(
    task: AbstractTask | Sequence[AbstractTask], storage: Storage, n_jobs: int = 1, log_level: str = "ERROR"
) -> None:
    """Make the outputs of a task, or of several, exist, on luigi's local scheduler.

    Args:
        task: the task or tasks to run.
        storage: the storage of outputs.
        n_jobs: luigi's ``workers``.
        log_level: luigi's ``log_level``.

    Raises:
        RuntimeError: a task was not completed; luigi's log says why.
    """
    tasks = [to_luigi(each, storage) for each in (task if isinstance(task, Sequence) else [task])]
    luigi.build(tasks, workers=n_jobs, log_level=log_level, local_scheduler=True)
    for each in tasks:
        if not each.complete():
            raise RuntimeError(f"{each.alexflow_id} is not completed; luigi's log says why (log_level='INFO' for more)")


def run_workflow(workflow: Workflow, n_jobs: int = 1) -> None:
    """:func:`run_job` for the tasks of a workflow, and those behind its artifacts, in the workflow's own storage."""
    if workflow.storage is None:
        raise ValueError("the workflow has no storage; give it one")
    run_job(workflow.to_task_list(), workflow.storage, n_jobs)


def to_luigi(task: AbstractTask, storage: Storage) -> AlexflowTask:
    """A task of alexflow as a task of luigi, which others can require."""
    document = to_json(Workflow({"task": task}, storage=storage)).decode()
    return AlexflowTask(alexflow_id=task.task_id, document=document)


class AlexflowTask(luigi.Task):  # type: ignore[misc]  # luigi has types for itself only
    """A task of alexflow. Its inputs become requirements while it runs, and only if they are missing.

    Attributes:
        alexflow_id: the task's id, by which luigi distinguishes it.
        document: the task and its storage (:func:`alexflow.serialize`).
    """

    alexflow_id = luigi.Parameter()
    document = luigi.Parameter(significant=False, visibility=luigi.parameter.ParameterVisibility.HIDDEN)

    def complete(self) -> bool:
        return is_complete(*self._opened())

    def run(self) -> Iterator[list[AlexflowTask]]:
        task, storage = self._opened()
        yield [to_luigi(source, storage) for source in _missing(task, storage)]
        if isinstance(task, DynamicTask):
            yield from _run_dynamic(task, storage)
        elif class_info(type(task)).run_is_async:
            asyncio.run(aattempt(task, Transaction(storage)))
        else:
            attempt(task, Transaction(storage))

    def _opened(self) -> tuple[AbstractTask, Storage]:
        workflow: Workflow = from_json(self.document)
        storage = workflow.storage
        assert storage is not None  # it was put in with the task
        storage.prepare()
        return workflow.tasks["task"], storage


def _run_dynamic(task: DynamicTask, storage: Storage) -> Iterator[list[AlexflowTask]]:
    """Publish the outputs of a dynamic task, and those stored for it, when all tasks that it gives are done."""
    transaction = Transaction(storage)
    try:
        tasks = generated(task, storage, transaction)
        yield [to_luigi(given, storage) for given in tasks]
        transaction.publish_all()
    finally:  # luigi calls run() again from the beginning if a requirement was not complete
        transaction.discard_all()
    deferred = {key: kept_as for given in tasks for key, kept_as in deferred_keys(given, given.output()).items()}
    asyncio.run(publish_deferred(storage, deferred))


def _missing(task: AbstractTask, storage: Storage) -> list[AbstractTask]:
    tree = task.input()
    there = storage.exists_many(keys_in(tree))
    missing = [task_behind(output) for output in flatten(tree) if not there.issuperset(keys_of(output))]
    return list({source.task_id: source for source in missing}.values())
