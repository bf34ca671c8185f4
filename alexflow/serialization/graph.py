"""Graphs to tables of nodes, and back: each task once, after the tasks that it refers to.

A graph is neither written nor read by recursion from task to task, so neither its depth nor the number of paths through
it matters. The writer recognizes a task by being the same object. A task that is merely equal is written again, and
shares the node if the two do not differ. The reader goes through the table once: a node's references are already there.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from alexflow.errors import DocumentError
from alexflow.identity import qualified_name
from alexflow.model import AbstractTask
from alexflow.model.function_task import constructor_of
from alexflow.serialization.declared_outputs import check_keys_of
from alexflow.serialization.decode import ValueReader, make, parts
from alexflow.serialization.decoders import TAGS
from alexflow.serialization.encode import NodeReference, ValueWriter
from alexflow.serialization.encoders import form_of
from alexflow.serialization.fault import DocumentFault, user_code_fault
from alexflow.serialization.resolve import TASK, Resolver

_packb = msgspec.msgpack.Encoder().encode


class _Frame:
    """A task whose fields are written and whose references are being followed."""

    def __init__(self, task: AbstractTask | None, fields: dict[str, Any], references: list[NodeReference]):
        self.task = task
        self.fields = fields
        self.references = references[::-1]  # taken from the end


class GraphWriter:
    """Collects the nodes of one document.

    Attributes:
        nodes: the table so far.
    """

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self._values = ValueWriter(form_of)
        # by id(), not by equality: equal tasks may differ in fields that are not significant. The tasks are kept, for
        # a metadata `encode` may have made them for us only, and id() is good as long as its object lives.
        self._written: dict[int, tuple[AbstractTask, str]] = {}
        self._open: set[int] = set()
        self._by_content: dict[bytes, str] = {}
        self._variants: dict[str, int] = {}

    def write(self, root: Any) -> Any:
        """The data for a value, after nodes for all tasks that it refers to.

        Raises:
            DocumentError: something cannot be written.
        """
        try:
            data = self._values.write(root)
        except DocumentFault as fault:
            raise fault.as_error(_start_of_path(root)) from fault.__cause__
        self._follow(self._take_references())
        return data

    def _take_references(self) -> list[NodeReference]:
        references, self._values.references = self._values.references, []
        return references

    def _follow(self, references: list[NodeReference]) -> None:
        stack = [_Frame(None, {}, references)]
        while stack:
            frame = stack[-1]
            while frame.references:
                holder, slot, task = frame.references[-1]
                written = self._written.get(id(task))
                if written is None:
                    stack.append(self._begin(task))
                    break
                holder[slot] = written[1]
                frame.references.pop()
            else:
                stack.pop()
                if frame.task is not None:
                    self._finish(frame.task, frame.fields)

    def _begin(self, task: AbstractTask) -> _Frame:
        name = type(task).__qualname__
        if id(task) in self._open:
            raise DocumentError(f"{name}: the task refers to itself, directly or through others")
        self._open.add(id(task))
        try:
            fields = self._values.write_fields(task)
        except DocumentFault as fault:
            raise fault.as_error(name) from fault.__cause__
        return _Frame(task, fields, self._take_references())

    def _finish(self, task: AbstractTask, fields: dict[str, Any]) -> None:
        node = {"id": task.task_id, "class": qualified_name(type(task)), "fields": fields}
        content = blake2b(_packb(node), digest_size=16).digest()
        node_id = self._by_content.get(content)
        if node_id is None:
            node_id = self._by_content[content] = node["id"] = self._free_id(task.task_id)
            self.nodes.append(node)
        self._open.discard(id(task))
        self._written[id(task)] = task, node_id

    def _free_id(self, task_id: str) -> str:
        """The task's id, followed by ``#2``, ``#3``… for further tasks of that id.

        Those are wrappers, and equal tasks that differ in fields that are not significant.
        """
        count = self._variants[task_id] = self._variants.get(task_id, 0) + 1
        return task_id if count == 1 else f"{task_id}#{count}"


def _start_of_path(root: Any) -> str:
    if isinstance(root, AbstractTask):
        return ""  # what is wrong with a task names the task
    return type(root).__qualname__ if hasattr(type(root), "__dataclass_fields__") else "root"


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
        task = make(constructor_of(cls), self._values.read_fields(fields, cls))
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
