"""``Workflow``: named tasks, and named outputs worth keeping, as one thing to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from alexflow.errors import DefinitionError
from alexflow.frozen import Frozen, allow_frozen_subclasses, frozen_dataclass, set_field
from alexflow.hooks import a_thing
from alexflow.model.serializer import serialize
from alexflow.model.task import AbstractTask, task_behind
from alexflow.model.tree import InOut, flatten

if TYPE_CHECKING:
    from alexflow.storage import Storage


@frozen_dataclass
class Workflow(Frozen):
    """Tasks and artifacts by name.

    Attributes:
        tasks: the tasks to run.
        artifacts: outputs (or trees of outputs) of interest; they are made even if none of the tasks needs them.
        storage: the storage to use when the call names none.
    """

    tasks: Mapping[str, AbstractTask]
    artifacts: Mapping[str, InOut] = field(default_factory=dict)
    storage: Storage | None = None

    def __init__(
        self,
        tasks: Mapping[str, AbstractTask],
        artifacts: Mapping[str, InOut] | None = None,
        storage: Storage | None = None,
    ) -> None:
        set_field(self, "tasks", tasks)
        set_field(self, "artifacts", {} if artifacts is None else artifacts)
        set_field(self, "storage", storage)
        self.__post_init__()

    def __post_init__(self) -> None:
        for name in ("tasks", "artifacts"):
            value = getattr(self, name)
            if not isinstance(value, Mapping):
                raise DefinitionError(
                    f"Workflow.{name} must be a dict by name, not {a_thing(type(value).__qualname__)}: "
                    f"Workflow({name}={{'a name': …}})"
                )

    def to_task_list(self) -> list[AbstractTask]:
        """All tasks, each once: the named ones, and the ones behind the artifacts."""
        tasks = {task.task_id: task for task in self.tasks.values()}
        for output in flatten(dict(self.artifacts)):
            task = task_behind(output)
            tasks.setdefault(task.task_id, task)
        return list(tasks.values())

    def serialize(self) -> dict[str, Any]:
        """The workflow as plain data for ``json.dumps``; ``alexflow.deserialize`` reads it.

        Raises:
            DocumentError: a value cannot be written; the message begins with the path to it.
        """
        return serialize(self)


allow_frozen_subclasses(Workflow)
