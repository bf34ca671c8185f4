"""What 1.x called things that have moved since, in documents and ids. What has not moved bears its own name."""

from __future__ import annotations

from typing import Any

#: Names of today, and those of 1.x. Classes of 1.x itself say theirs in ``__former_name__``, which ids go by, too.
_FORMER = {
    "alexflow.formats.binary:BinaryOutput": "alexflow.core:BinaryOutput",
    "alexflow.formats.json:JSONOutput": "alexflow.core:JSONOutput",
    "alexflow.formats.serializable:SerializableOutput": "alexflow.core:SerializableOutput",
    "alexflow.legacy.outputs:BinaryOutput": "alexflow.core:BinaryOutput",
    "alexflow.legacy.outputs:JSONOutput": "alexflow.core:JSONOutput",
    "alexflow.legacy.outputs:SerializableOutput": "alexflow.core:SerializableOutput",
    "alexflow.legacy.tasks:AbstractTask": "alexflow.core:AbstractTask",
    "alexflow.legacy.tasks:DynamicTask": "alexflow.core:DynamicTask",
    "alexflow.legacy.tasks:Task": "alexflow.core:Task",
    "alexflow.legacy.tasks:WrapperTask": "alexflow.core:WrapperTask",
    "alexflow.legacy.workflow:Workflow": "alexflow.core:Workflow",
    "alexflow.model.output:Output": "alexflow.core:Output",
    "alexflow.model.task:ResourceSpec": "alexflow.core:ResourceSpec",
    "alexflow.model.workflow:Workflow": "alexflow.core:Workflow",
    "alexflow.storage.local:LocalStorage": "alexflow.adapters.storage.local_storage:LocalStorage",
}


def former_name(thing: Any) -> str:
    """``module:name`` as 1.x writes it: the name within a class or function is not told."""
    own = vars(thing).get("__former_name__")
    if own is not None:
        return ":".join(own.rsplit(".", 1))
    name = f"{thing.__module__}:{thing.__name__}"
    return _FORMER.get(name, name)
