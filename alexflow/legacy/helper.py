"""The functions of ``alexflow.helper``."""

from __future__ import annotations

from typing import Any, TypeVar

from alexflow.executors.attempt import bind
from alexflow.legacy.completeness import is_complete
from alexflow.model import AbstractTask, DynamicTask, Output, Workflow, flatten, task_behind
from alexflow.storage import Storage

__all__ = [
    "assign_storage_to_output",
    "exists_output",
    "generate_task",
    "is_completed",
    "load_output",
    "remove_output",
    "run_task",
    "workflow_to_task_map",
]

InOutT = TypeVar("InOutT", bound=Any)


def assign_storage_to_output(output: InOutT, storage: Storage) -> InOutT:
    """The same tree of outputs, bound to a storage."""
    bound: InOutT = bind(output, storage)
    return bound


def is_completed(task: AbstractTask, storage: Storage) -> bool:
    """Whether all outputs of a task exist. A dynamic task without outputs is done when the tasks that it gives are."""
    return is_complete(task, storage)


def run_task(task: AbstractTask, storage: Storage) -> Any:
    """Call a task's ``run`` in this process, whether its inputs exist or not."""
    return task.run(bind(task.input(), storage), bind(task.output(), storage))  # type: ignore[attr-defined]


def generate_task(task: DynamicTask, storage: Storage) -> Any:
    """Call a dynamic task's ``generate`` in this process."""
    return task.generate(bind(task.input(), storage), bind(task.output(), storage))


def remove_output(output: Output[Any], storage: Storage) -> None:
    """Remove the stored data of an output, if there are any."""
    output.assign_storage(storage).remove()


def load_output(output: Output[Any], storage: Storage) -> Any:
    """The stored value of an output."""
    return output.assign_storage(storage).load()


def exists_output(output: Output[Any], storage: Storage) -> bool:
    """Whether an output is stored."""
    return output.assign_storage(storage).exists()


def workflow_to_task_map(workflow: Workflow) -> dict[str, dict[str, Any]]:
    """All tasks of a workflow and the tasks behind them by id, each with the ids of its direct dependencies."""
    found: dict[str, dict[str, Any]] = {}
    pending = list(workflow.tasks.values())
    for task in pending:  # grows
        if task.task_id not in found:
            sources = [task_behind(output) for output in flatten(task.input())]
            needs = list(dict.fromkeys(source.task_id for source in sources))
            found[task.task_id] = {"task_id": task.task_id, "dependent_task_ids": needs, "task": task}
            pending += sources
    return found
