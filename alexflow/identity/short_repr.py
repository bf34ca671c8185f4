"""A short ``repr`` for messages, which does not fail on long or deep values."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence


class _ShortRepr(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to print more than 4,300 decimal digits
        return super().repr_int(x, level) if x.bit_length() < _LONG else f"<an integer of {x.bit_length()} bits>"


_LONG = 4096

#: A secret, wherever values are shown.
SECRET_SHOWN = "***"

_short_repr = _ShortRepr()
_short_repr.maxstring = _short_repr.maxother = _short_repr.maxlong = 80

#: The ``repr`` of a value, without the middle of long values and the inside of deep ones.
short_repr = _short_repr.repr

#: A path of more steps is shown by this many of its first and of its last ones.
_STEPS_SHOWN = 5


def path_text(steps: Sequence[str]) -> str:
    """The path that these steps make; of a long one both ends, and the number of steps."""
    if len(steps) <= 3 * _STEPS_SHOWN:
        return "".join(steps)
    return f"{''.join(steps[:_STEPS_SHOWN])}…{''.join(steps[-_STEPS_SHOWN:])} ({len(steps):,} steps)"
