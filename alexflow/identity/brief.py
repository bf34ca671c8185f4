"""A value as it stands in a message: short, and never itself a reason to fail."""

from __future__ import annotations

import reprlib


class _Brief(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write more than 4,300 decimal digits
        return super().repr_int(x, level) if x.bit_length() < _LONG else f"<an integer of {x.bit_length()} bits>"


_LONG = 4096

_brief = _Brief()
_brief.maxstring = _brief.maxother = _brief.maxlong = 80

#: The ``repr`` of a value, with the middle left out of what is long and the inside of what is deep.
brief = _brief.repr
