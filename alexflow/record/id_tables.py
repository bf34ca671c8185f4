"""Tables of the ids of outputs, for the preimages of a line.

Ids of one class's outputs differ in the 40 hexadecimal digits of a digest. So a table has what is before and behind
these, once, and the digests as bytes, one after the other. In the fields something short stands for the outputs: a
value of an extension type of MessagePack, which no canonical form has. The type is a place in :data:`HELD_IN`; the four
bytes are the number of the table and that of the outputs. What was hashed is made from both: decoded, the ids put in
again, and encoded as it was before.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.msgpack import Ext

from alexflow.identity import packb
from alexflow.identity.digest import DIGEST_SIZE

#: What holds outputs: a field itself, or a list or tuple there.
HELD_IN = ("output", "list", "tuple")

#: Tables of a line; what would need one more stays as it is.
MOST_TABLES = 16

_DIGITS = 2 * DIGEST_SIZE
_DIGEST = re.compile(r"\.([0-9a-f]{40})")
_form_of, _second = attrgetter("__canonical_form__"), itemgetter(1)


class IdTable(Struct, frozen=True, array_like=True):
    """The ids of outputs that begin and end in the same way.

    Attributes:
        before: what is before the digests.
        ending: what is behind them.
        digests: one after the other, 20 bytes each.
    """

    before: str
    ending: str
    digests: bytes


class NotAlikeError(Exception):
    """Outputs that were put into one table have ids that do not begin and end in the same way, or are not known."""


class _Filled:
    """A table of a line that is being made."""

    def __init__(self, number: int, before: str, ending: str):
        self.number = number
        self.before = before
        self.ending = ending
        self.forms: list[Any] = []
        self.values: dict[int, Ext] = {}  # by their count and the place

    def new_value(self, count: int, place: int) -> Ext:
        """Return what stands for outputs."""
        try:
            data = (count << 8 | self.number).to_bytes(4, "little")
        except OverflowError:  # some millions
            raise NotAlikeError from None
        value = self.values[count << 2 | place] = Ext(place, data)
        return value

    def items(self) -> tuple[str, str, bytes]:
        """Return the items of an :class:`IdTable`.

        Raises:
            NotAlikeError: the outputs do not belong into one table.
        """
        before, ending = self.before, self.ending
        try:
            ids = list(map(_second, self.forms))
            digits = list(map(itemgetter(slice(len(before), len(before) + _DIGITS)), ids))
            joined = "".join(digits)
            digests = unhexlify(joined)
        except (TypeError, ValueError):  # an id is not known yet, or has no digest
            raise NotAlikeError from None
        is_exact = len(digests) * 2 == _DIGITS * len(ids) and digests.hex() == joined  # upper case is another text
        if not is_exact or f"{before}{f'{ending}{before}'.join(digits)}{ending}" != "".join(ids):
            raise NotAlikeError
        return before, ending, digests


class IdTables:
    """Takes outputs out of the fields of tasks, for one line after the other.

    Args:
        left_out: the beginning of ids that stay where they are.

    Attributes:
        cls: the class of which outputs are kept.
    """

    def __init__(self, left_out: str):
        self._left_out = left_out
        self._mixed: set[tuple[type, str]] = set()  # fields whose outputs are not alike
        self.clear()

    def clear(self) -> None:
        """Begin the tables of a line."""
        self._tables: list[_Filled] = []
        self._of_class: dict[type, dict[str, _Filled | None]] = {}
        self.cls: type = object
        self._of_field: dict[str, _Filled | None] = {}

    def of_class(self, cls: type) -> None:
        """Have what is kept next come from the fields of a class."""
        self.cls = cls
        self._of_field = self._of_class.setdefault(cls, {})

    def keep(self, name: str, outputs: Sequence[Any], place: int) -> Ext | None:
        """Keep outputs, as :data:`~alexflow.model.made_from.KeepOutputs` says."""
        try:
            table = self._of_field[name]
        except KeyError:
            table = self._of_field[name] = self._table(name, outputs[0])
        if table is None:
            return None
        try:
            table.forms += map(_form_of, outputs)
        except AttributeError:  # not all are outputs
            self._mixed.add((self.cls, name))
            raise NotAlikeError from None
        count = len(outputs)
        return table.values.get(count << 2 | place) or table.new_value(count, place)

    def _table(self, name: str, first: Any) -> _Filled | None:
        """Return the table for a field; None if there is none."""
        form = first.__canonical_form__
        if form is None or form[1].startswith(self._left_out) or (self.cls, name) in self._mixed:
            return None
        digest = _DIGEST.search(form[1])
        if digest is None:
            return None
        before, ending = form[1][: digest.start(1)], form[1][digest.end() :]
        for table in self._tables:
            if (table.before, table.ending) == (before, ending):
                return table
        if len(self._tables) == MOST_TABLES:
            return None
        self._tables.append(_Filled(len(self._tables), before, ending))
        return self._tables[-1]

    def take(self) -> list[tuple[str, str, bytes]]:
        """Return the tables of the line, and begin those of the next.

        Raises:
            NotAlikeError: the outputs of a field are not alike; the line is to be made anew, without them.
        """
        tables, of_class = self._tables, self._of_class
        self.clear()
        items: list[tuple[str, str, bytes]] = []
        for table in tables:
            try:
                items.append(table.items())
            except NotAlikeError:
                for cls, fields in of_class.items():
                    self._mixed.update((cls, name) for name, found in fields.items() if found is table)
                raise
        return items


def preimages_in(data: bytes, tables: Sequence[IdTable]) -> list[bytes]:
    """Return the preimages that an array has without the ids of these tables.

    Raises:
        ValueError, msgspec.DecodeError: they are damaged.
    """
    digests = [table.digests.hex() for table in tables]
    ats = [0] * len(tables)

    def filled(code: int, value: memoryview) -> Any:
        number = int.from_bytes(value, "little")
        table, count = number & 0xFF, number >> 8
        if table >= len(tables) or not 0 <= code < len(HELD_IN):
            raise ValueError("packed preimages are damaged: a table is missing")
        at, end = ats[table], ats[table] + count * _DIGITS
        if end > len(digests[table]):
            raise ValueError("packed preimages are damaged: a table is too short")
        ats[table] = end
        before, digits, ending = tables[table].before, digests[table], tables[table].ending
        ids = [("output", f"{before}{digits[each : each + _DIGITS]}{ending}") for each in range(at, end, _DIGITS)]
        return (ids[0] if ids else ()) if code == 0 else (HELD_IN[code], ids)

    decode: Callable[[bytes], list[Any]] = msgspec.msgpack.Decoder(list[Any], ext_hook=filled).decode
    return [packb(parts) for parts in decode(data)]
