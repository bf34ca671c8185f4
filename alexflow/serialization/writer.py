"""A graph to the table of its nodes: each task once, after the tasks that it refers to.

Every task is looked at once and nothing recurses from task to task, so that neither the depth of a graph nor the number
of paths through it matters. A task is known again by being the same object; one that is merely equal is written out,
and shares the node if there is no difference.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from alexflow.errors import DocumentError
from alexflow.identity import qualified_name
from alexflow.model import AbstractTask
from alexflow.serialization.encode import Reference, ValueWriter
from alexflow.serialization.encoders import form_of
from alexflow.serialization.fault import DocumentFault

_packb = msgspec.msgpack.Encoder().encode


class _Frame:
    """A task whose fields are written and whose references are being followed."""

    def __init__(self, task: AbstractTask | None, fields: dict[str, Any], references: list[Reference]):
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

    def _take_references(self) -> list[Reference]:
        references, self._values.references = self._values.references, []
        return references

    def _follow(self, references: list[Reference]) -> None:
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
