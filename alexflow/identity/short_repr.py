"""A value as it stands in a message: short, and never itself a reason to fail."""

from __future__ import annotations

import reprlib


class _ShortRepr(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write more than 4,300 decimal digits
        return super().repr_int(x, level) if x.bit_length() < _LONG else f"<an integer of {x.bit_length()} bits>"


_LONG = 4096

_short_repr = _ShortRepr()
_short_repr.maxstring = _short_repr.maxother = _short_repr.maxlong = 80

#: The ``repr`` of a value, with the middle left out of what is long and the inside of what is deep.
short_repr = _short_repr.repr
