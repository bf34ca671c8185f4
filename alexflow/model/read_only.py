"""The refusal to store into an input: its bytes are another task's."""

from __future__ import annotations

from typing import Any

from alexflow.errors import DefinitionError


def stored_by_reader(output: Any, reader: Any) -> DefinitionError:
    """Make the error for a task that stores into what it reads.

    Args:
        output: the input.
        reader: the task that is running.
    """
    cls, method = type(reader).__qualname__, "generate" if hasattr(type(reader), "generate") else "run"
    return DefinitionError(
        f"{cls}.{method} stores into its input {_name_in(output, reader)}, which it can only read; "
        f"store into what {cls}.output() gives: output.store(...)"
    )


def _name_in(output: Any, reader: Any) -> str:
    """Name an input by the field that holds it, if one does, and its key."""
    key: str = output.key
    for name, value in vars(reader).items():
        values = value if isinstance(value, list | tuple) else (value,)
        if any(getattr(each, "key", None) == key for each in values):
            return f"{name} ({key})"
    return key
