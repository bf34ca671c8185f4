"""The tasks that ``force=`` selects: the named ones, and everything between them and the targets.

To find them, the whole graph is walked, also behind existing outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from alexflow.errors import DefinitionError, GraphError
from alexflow.graph.describe import Defaults
from alexflow.graph.walk import walk
from alexflow.hooks import SHORT_TEXT, hook_failed, repr_of
from alexflow.model import AbstractTask, Output

#: Values of ``force=``: tasks, task classes, or outputs (which stand for their tasks).
Forceable = AbstractTask | Output[Any] | type[AbstractTask]


def tasks_to_force(targets: Sequence[AbstractTask], named: Iterable[Forceable], defaults: Defaults) -> set[str]:
    """Ids of the tasks to run again.

    Raises:
        DefinitionError: a value is not a task, task class or output.
        GraphError: a named task is not part of the graph.
    """
    named = list(named)
    for name in named:
        _check_forceable(name)
    tasks, readers = walk(targets, defaults)
    forced: set[str] = set()
    for name in named:
        try:
            matching = [task_id for task_id, each in tasks.items() if _matches(each.task, task_id, name)]
        except BaseException as error:
            hook_failed(name, "task_id", error)
        if not matching:
            raise GraphError(f"force names {repr_of(name, SHORT_TEXT)}, which is not part of what was asked for")
        forced.update(matching)
    pending = list(forced)
    while pending:
        for reader in readers.get(pending.pop(), ()):
            if reader not in forced:
                forced.add(reader)
                pending.append(reader)
    return forced


def _check_forceable(name: Any) -> None:
    if isinstance(name, type) and issubclass(name, AbstractTask):
        return
    if not isinstance(name, AbstractTask | Output):
        what = repr_of(name, SHORT_TEXT)
        raise DefinitionError(f"force takes tasks, task classes or outputs, or True for the target itself, not {what}")


def _matches(task: AbstractTask, task_id: str, name: Forceable) -> bool:
    if isinstance(name, type):
        return isinstance(task, name)
    return bool(task_id == (name.src_task_id if isinstance(name, Output) else name.task_id))
