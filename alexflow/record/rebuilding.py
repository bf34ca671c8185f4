"""Live tasks made from the record: a document of the task and of those behind it, read as any other document."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from alexflow.errors import DocumentError, NotRecorded
from alexflow.model import AbstractTask
from alexflow.record.fields import FORM_TAG, SOURCE_TASK, references_in, secrets_in
from alexflow.record.rows import Row

#: The class of an output whose task has no record that says it.
_ANY_OUTPUT = "alexflow.model.output:Output"

#: The class of a source; the record does not say where its data are.
_SOURCE = "alexflow.sources.external:Source"

_PLACE_OF_CLASS = re.compile(r"^nodes\[\d+\]\.class: ")


def document_for(row: Row, row_of: Callable[[str], Row | None], *, with_secrets: bool = False) -> dict[str, Any]:
    """Return a document (docs/design/documents.md) of the task of a row.

    Args:
        row: the task.
        row_of: gives the row of another task by its id.
        with_secrets: whether the place of a secret is kept, so that no live task can be made of the document; else a
            task with one is refused.

    Raises:
        NotRecorded: the record lacks a task behind it.
    """
    nodes: dict[str, dict[str, Any]] = {}
    pending = [row]
    while pending:
        row_here = pending[-1]
        if row_here.task_id in nodes:
            pending.pop()
            continue
        fields = row_here.fields()
        if not with_secrets:
            _refuse_secrets(row_here, fields)
        behind = [_behind(reference, row_here, row_of) for reference in references_in(fields)]
        missing = [other for other in behind if other.task_id not in nodes]
        if missing:
            pending += missing
            continue
        nodes[row_here.task_id] = {"id": row_here.task_id, "class": row_here.cls, "fields": fields}
        pending.pop()
    root = {FORM_TAG: "task", "id": row.task_id}
    return {"format": "alexflow/graph", "version": 1, "root": root, "nodes": list(nodes.values())}


def _refuse_secrets(row: Row, fields: dict[str, Any]) -> None:
    """Refuse a task with a secret, which the record does not have.

    Raises:
        NotRecorded: names the field.
    """
    path = next(secrets_in(fields), None)
    if path is not None:
        raise NotRecorded(
            f"{row.cls.rpartition(':')[2]}.{path} is a secret, so {row.task_id} cannot be made again from the record; "
            f"make the task in Python, where the secret is known"
        )


def _behind(reference: dict[str, Any], row: Row, row_of: Callable[[str], Row | None]) -> Row:
    """Return the task that a field refers to; complete the reference to an output with its class."""
    task_id = reference["id"] if reference[FORM_TAG] == "task" else reference["task"]
    found = row_of(task_id)
    if found is None:
        raise NotRecorded(
            f"{row.task_id} has {task_id} among its fields, of which the record has nothing; "
            f"it was made before there was a record, or is a source"
        )
    if reference[FORM_TAG] == "output":
        known = _SOURCE if found.cls == SOURCE_TASK else _ANY_OUTPUT
        reference["class"] = dict(zip(found.keys, found.classes, strict=False)).get(reference["key"], known)
    return found


def rebuilt_task(row: Row, row_of: Callable[[str], Row | None]) -> AbstractTask:
    """Return the live task of a row; arguments and errors as for :func:`document_for`.

    Raises:
        DocumentError: a class cannot be imported, or is not what it was.
    """
    from alexflow.serialization import deserialize  # deferred: it imports what reading a record has no use for

    document = document_for(row, row_of)
    try:
        task: AbstractTask = deserialize(document)
    except DocumentError as error:
        reason = _PLACE_OF_CLASS.sub("", str(error))  # a place in a document that was made just now
        cls = row.cls.replace(":", ".")
        raise DocumentError(
            f"{cls} cannot be made from its record: {reason}; it takes code that has this class as it was"
        ) from error
    return task
