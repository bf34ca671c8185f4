"""The catalog of the users' tasks that are wanted: their descriptions, and the tasks that make outputs."""

from __future__ import annotations

from typing import Any

from alexflow.errors import OutputConflict
from alexflow.graph.describe import Described
from alexflow.hooks import exact_name
from alexflow.model import Output


class Catalog:
    """The descriptions of users' tasks, as long as the scheduler has them.

    Attributes:
        tasks: wanted tasks that are not done, described.
        producers: for keys that do not begin with the id of the task that makes them, that id. No two tasks can claim
            one of the other keys, so this is seldom anything. Kept until no run is under way.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, Described] = {}
        self.producers: dict[str, str] = {}

    def claim_key(self, key: str, output: Output[Any]) -> None:
        """Record which task produces a key.

        Raises:
            OutputConflict: another task does.
        """
        task_id = exact_name(output, "src_task_id", output.src_task_id)
        if not key.startswith(task_id):
            maker = self.producers.setdefault(key, task_id)
            if maker != task_id:
                raise OutputConflict(key, (maker, task_id))
