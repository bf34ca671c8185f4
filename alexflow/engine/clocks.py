"""The two clocks: one says what time it is, and may be set; the other only goes on, and all processes share it."""

import time

#: Seconds that lie between two looks at a clock, unless this process was made to wait in between.
_AT_ONCE = 20e-6

#: Times that they are read again at most: on a machine on which nothing happens at once, the last time has to do.
_MOST_REPEATED = 3


def both_clocks() -> tuple[float, float]:
    """Return the time, in seconds since 1970, and the same moment in seconds of the monotonic clock."""
    before, now, clock = _read()
    for _ in range(_MOST_REPEATED):
        if clock - before < _AT_ONCE:
            break
        before, now, clock = _read()
    return now, clock


def _read() -> tuple[float, float, float]:
    return time.monotonic(), time.time(), time.monotonic()
