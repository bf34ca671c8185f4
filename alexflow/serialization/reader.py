"""The table of nodes back to a graph, from the first node to the last: what a node refers to is already there."""

from __future__ import annotations

from typing import Any

from alexflow.model import AbstractTask
from alexflow.serialization.declared_outputs import check_keys_of
from alexflow.serialization.decode import ValueReader, make, parts
from alexflow.serialization.decoders import TAGS
from alexflow.serialization.fault import DocumentFault, user_code_fault
from alexflow.serialization.resolve import TASK, Resolver


class GraphReader:
    """Rebuilds the tasks of one document."""

    def __init__(self, resolver: Resolver):
        self._tasks: dict[str, AbstractTask] = {}
        self._values = ValueReader(resolver, self._tasks, TAGS)

    def read(self, root: Any, nodes: Any) -> Any:
        """The value at the root; raises DocumentFault."""
        if type(nodes) is not list:
            raise DocumentFault(f"expected a list, not {type(nodes).__name__}").at("nodes")
        for index, node in enumerate(nodes):
            try:
                self._read_node(node)
            except DocumentFault as fault:
                raise fault.at(f"nodes[{index}]") from fault.__cause__
        return self._values.read_at(root, "root")

    def _read_node(self, node: Any) -> None:
        node_id, name, fields = parts(node, ("id", "class", "fields"))
        if type(node_id) is not str:
            raise DocumentFault(f"expected a string, not {type(node_id).__name__}").at(".id")
        if node_id in self._tasks:
            raise DocumentFault(f"{node_id!r} is the id of an earlier node").at(".id")
        cls = self._values.resolve(name, TASK)
        task = make(cls, self._values.read_fields(fields, cls))
        _check_id(task, node_id, name)
        if self._values.resolver.is_bounded:
            check_keys_of(task)
        self._tasks[node_id] = task


def _check_id(task: AbstractTask, node_id: str, name: str) -> None:
    try:
        task_id = task.task_id
    except BaseException as error:  # IdentityError, or what the user's class raises
        raise user_code_fault(f"the id of this {name} cannot be computed: ", error).at(".id") from error
    if node_id != task_id and not (node_id.startswith(f"{task_id}#") and node_id[len(task_id) + 1 :].isdecimal()):
        raise DocumentFault(
            f"the document was written with the id {node_id!r}, but {name} with these fields is {task_id!r} now; "
            f"the class, or its version, has changed since"
        ).at(".id")
