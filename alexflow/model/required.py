"""``no_default``: marks a required field that is declared after fields with defaults.

The base's own fields are keyword-only, so ``X: Output[int]`` does not need it. It stays for code in the older style,
``X: NoDefaultVar[Output] = no_default``.
"""

from __future__ import annotations

from typing import Annotated, Any

from alexflow.type_vars import T


class NoDefault:
    """The type of :data:`no_default`."""

    def __repr__(self) -> str:
        return "no_default"

    def __reduce__(self) -> str:
        return "no_default"  # the one instance, by its name in this module


#: Default of a field that must be given; leaving it out is a TypeError that names the field.
no_default: Any = NoDefault()

#: ``NoDefaultVar[T]`` is ``T``, for a field whose default is :data:`no_default`.
NoDefaultVar = Annotated[T, "required"]
