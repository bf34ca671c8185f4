"""The door for ``serialize()`` of tasks, outputs and workflows to the layer above, which knows the documents.

``alexflow/__init__.py`` registers the serializer. Importing it here instead would make the two packages import each
other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: From a value to its document.
Serializer = Callable[[Any], dict[str, Any]]

_serializer: Serializer | None = None


def register_serializer(serializer: Serializer) -> None:
    """Set the function behind ``serialize()``."""
    global _serializer
    _serializer = serializer


def serialize(value: Any) -> dict[str, Any]:
    """A document of a value, as :func:`alexflow.serialize` gives it."""
    if _serializer is None:
        raise RuntimeError("no serializer is registered; `import alexflow` registers one")
    return _serializer(value)
