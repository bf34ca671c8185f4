"""The name in a search that found nothing which no recorded task has: it may be a slip of the pen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from alexflow.hooks import suggestion
from alexflow.record.conditions import FieldCondition
from alexflow.record.fields import NO_SUCH_FIELD, value_at
from alexflow.record.leaves import leaves
from alexflow.record.record import Record

#: Tasks whose fields are known where a condition fits none.
_LOOKED_AT = 1_000


def unknown_name(
    record: Record, cls: str | None, conditions: Sequence[FieldCondition], *, takes_values: bool = False
) -> str:
    """Return a text for the class, or the field of a condition, that no task has; "" if all are known.

    Args:
        record: the record.
        cls: the class that was named.
        conditions: those that were given.
        takes_values: whether a condition may have been meant as a value of an output, without the path in it.
    """
    some = list(islice(record.entries(cls), _LOOKED_AT))
    if cls is not None and not some:
        known = {entry.cls.rpartition(".")[2] for entry in islice(record.entries(), _LOOKED_AT)}
        return f"no class of a recorded task is called {cls}{suggestion(cls, known)}"
    for path, value in ((each.path, each.value) for each in conditions if some):
        if all(value_at(entry.fields, path) is NO_SUCH_FIELD for entry in some):
            name = ".".join(path)
            known = {known for entry in some for known in (*entry.fields, *dict(leaves(entry.fields)))}
            inside = sorted(each for each in known if each.endswith(f".{name}"))
            hint = f"; did you mean {inside[0]}?" if inside else suggestion(name, known)
            if takes_values and not hint and isinstance(value, str) and "." in value:
                hint = f"; a value of an output has the path in its JSON behind a colon, {name}={value}:PATH"
            return f"no task has a field {name!r}{hint}"
    return ""
