"""The whole graph of a target, also behind existing outputs, which runs and plans never look behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from alexflow.graph.describe import Defaults, Described, describe
from alexflow.hooks import exact_name, hook_failed
from alexflow.model import AbstractTask


class WholeGraph(NamedTuple):
    """All tasks behind targets, besides those that dynamic ones would give.

    Attributes:
        tasks: by id, described.
        readers: by id: the ids of the tasks that read something of it.
    """

    tasks: dict[str, Described]
    readers: dict[str, list[str]]


def walk(targets: Sequence[AbstractTask], defaults: Defaults) -> WholeGraph:
    """Describe all tasks behind targets."""
    tasks: dict[str, Described] = {}
    readers: dict[str, list[str]] = {}
    pending = list(targets)[::-1]
    while pending:
        task = pending.pop()
        try:
            task_id = exact_name(task, "task_id", task.task_id)
        except BaseException as error:
            hook_failed(task, "task_id", error)
        if task_id in tasks:
            continue
        tasks[task_id] = described = describe(task, defaults)
        for output in described.inputs.values():
            try:
                readers.setdefault(exact_name(output, "src_task_id", output.src_task_id), []).append(task_id)
                pending.append(cast(AbstractTask, output.src_task))
            except BaseException as error:
                hook_failed(output, "src_task", error)
    return WholeGraph(tasks, readers)
