"""Columns: the preimages of a line whose tasks are of one class, field by field, and tables of the ids among them.

What the preimages have in common is written once, and the values of each field one after the other. A field that holds
outputs, or a list or tuple of them, is a *table*: ids of one class's outputs differ in the 40 hexadecimal digits of a
digest, so it has what is before and behind these, once, and the digests as bytes. What was hashed is made of it
again: the fields of a task, without those that it has not, in the order of their names.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate, chain, pairwise
from operator import attrgetter, itemgetter
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from alexflow.identity import packb
from alexflow.identity.digest import DIGEST_SIZE

#: What holds the outputs of a table: a field itself, or a list or tuple there.
HELD_IN = ("output", "list", "tuple")

_DIGITS = 2 * DIGEST_SIZE
_DIGEST = re.compile(r"\.([0-9a-f]{40})")
_form_of, _second = attrgetter("__canonical_form__"), itemgetter(1)

Count = Annotated[int, Meta(ge=0)]

#: The items of an :class:`IdTable`, as they are written.
TableItems = tuple[str, int, int | list[int], str, str, bytes]


class IdTable(Struct, frozen=True, array_like=True):
    """A field that holds outputs whose ids begin and end in the same way.

    Attributes:
        name: the field's.
        held_in: what holds them, a place in :data:`HELD_IN`.
        counts: how many each task has, or one number for all.
        before: what is before the digests.
        ending: what is behind them.
        digests: one after the other, 20 bytes each.
    """

    name: str
    held_in: Annotated[int, Meta(ge=0, lt=len(HELD_IN))]
    counts: Count | tuple[Count, ...]
    before: str
    ending: str
    digests: bytes

    def values(self, tasks: int) -> list[Any]:
        """Return the canonical value of each task.

        Raises:
            ValueError: the table does not fit the number of tasks.
        """
        whole, digits = len(self.digests) // DIGEST_SIZE, self.digests.hex()
        counts = (self.counts,) * tasks if isinstance(self.counts, int) else self.counts
        ends = (0, *accumulate(counts))
        ids = [
            ("output", f"{self.before}{digits[at : at + _DIGITS]}{self.ending}")
            for at in range(0, whole * _DIGITS, _DIGITS)
        ]
        if len(ends) != tasks + 1 or ends[-1] != whole or len(digits) != whole * _DIGITS:
            raise ValueError("packed preimages are damaged: a table does not fit its tasks")
        if self.held_in == 0:
            return ids
        return [(HELD_IN[self.held_in], ids[begin:end]) for begin, end in pairwise(ends)]


def table_of(name: str, values: Sequence[Any], held_in: int, left_out: str) -> TableItems | None:
    """Return the items of a table for a field of some tasks; None if it cannot be written as one.

    Args:
        name: the field's.
        values: of the tasks: outputs, or lists or tuples of which one begins with an output.
        held_in: what holds outputs in them.
        left_out: the beginning of ids that are in no table.
    """
    counts: int | list[int] = 1
    outputs: Iterable[Any] = values
    if held_in:
        each = list(map(len, values))
        counts = each[0] if each.count(each[0]) == len(each) else each
        outputs = chain.from_iterable(values)
    try:
        ids = list(map(_second, map(_form_of, outputs)))
        digest = _DIGEST.search(ids[0])
    except (AttributeError, TypeError, IndexError):  # not all are outputs, an id is not known yet, or there are none
        return None
    if digest is None or ids[0].startswith(left_out) or "\n" in ids[0]:
        return None
    begin, end = digest.span(1)
    before, ending = ids[0][:begin], ids[0][end:]
    each_digits = list(map(itemgetter(slice(begin, end)), ids))
    digits = "".join(each_digits)
    try:
        digests = unhexlify(digits)
    except ValueError:
        return None
    if len(digits) != _DIGITS * len(ids) or digits.lower() != digits:  # upper case is another text
        return None
    between = (
        f"{ending}\n{before}"  # a line break, of which the first id has none: so no two ids are mistaken for others
    )
    if f"{before}{between.join(each_digits)}{ending}" != "\n".join(ids):
        return None
    return name, held_in, counts, before, ending, digests


class _Columns(Struct, frozen=True, array_like=True):
    """The id spec, the version, and the values of fields."""

    spec: str | None
    version: str | int | None
    values: dict[str, list[Any]]


@cache
def _columns() -> msgspec.msgpack.Decoder[_Columns]:
    """Return what decodes them; an engine, which only writes, does without."""
    return msgspec.msgpack.Decoder(_Columns)


def preimages_in(data: bytes, tables: Sequence[IdTable], tasks: int) -> list[bytes]:
    """Return the preimages of tasks that are written in columns.

    Raises:
        ValueError, msgspec.DecodeError: they are damaged.
    """
    columns = _columns().decode(data)
    values = columns.values | {table.name: table.values(tasks) for table in tables}
    if any(len(column) != tasks for column in values.values()):
        raise ValueError("packed preimages are damaged: a column is too short")
    names = sorted(values)
    rows = zip(*(values[name] for name in names), strict=True) if names else ((),) * tasks
    named = ({name: value for name, value in zip(names, row, strict=True) if value is not None} for row in rows)
    return [packb((columns.spec, columns.version, fields)) for fields in named]
