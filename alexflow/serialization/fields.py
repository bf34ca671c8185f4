"""Rules for the fields of a dataclass in a document."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any, NamedTuple

from alexflow.model import Output, no_default
from alexflow.model.class_info import field_info


class FieldRule(NamedTuple):
    """One field that the constructor takes.

    Attributes:
        name: its name.
        significant: whether equality and ids depend on it.
        none_first: whether None, if it is allowed, comes before the default for a missing value.
        allows_none: whether it may be None.
        encode: ``metadata["encode"]``: from the value to one that a document can hold.
        decode: ``metadata["decode"]``: back.
        secret: whether no document may have its value.
        default: a function that gives the default, None if the field has none.
    """

    name: str
    significant: bool
    none_first: bool
    allows_none: bool
    encode: Callable[[Any], Any] | None
    decode: Callable[[Any], Any] | None
    secret: bool
    default: Callable[[], Any] | None

    def when_missing(self) -> Any:
        """The value of a field that a document does not name; MISSING leaves it to the constructor.

        None comes first if ids depend on the field: they leave None out, so a field that was added to the class later,
        and is None, keeps the id that the document was written with. (An output leaves out its defaults too.)

        Raises:
            LookupError: the field is required.
        """
        if self.none_first and self.allows_none:
            return None
        if self.default is not None:
            return MISSING
        if self.allows_none:
            return None
        raise LookupError(self.name)

    def is_default(self, value: Any) -> bool:
        """Whether leaving the value out of a document would bring it back."""
        if self.default is None:
            return False
        default = self.default()
        # types first, and `is True`: == of foreign values may give an array, or raise
        return value is default or (type(value) is type(default) and (value == default) is True)


def rules_of(cls: type, without: frozenset[str] = frozenset()) -> Mapping[str, FieldRule]:
    """The rules of a dataclass's fields, in the constructor's order, ``without`` some that are stored elsewhere."""
    fields = (field for field in dataclasses.fields(cls) if field.init and field.name not in without)
    return {field.name: _rule(field, cls) for field in fields}


def _rule(field: dataclasses.Field[Any], cls: type) -> FieldRule:
    info = field_info(field, cls)
    return FieldRule(
        name=field.name,
        significant=field.compare,
        none_first=field.compare and not issubclass(cls, Output),
        allows_none=info.allows_none,
        encode=info.encode,
        decode=info.decode,
        secret=info.secret,
        default=_default(field),
    )


def _default(field: dataclasses.Field[Any]) -> Callable[[], Any] | None:
    if field.default_factory is not MISSING:
        return field.default_factory
    default = field.default
    return None if default is MISSING or default is no_default else lambda: default


#: Fields of an output that have a part of their own in a document, or (its storage) none.
OUTPUT_PLACES = frozenset({"src_task", "key", "storage", "ephemeral"})
