"""The two clocks: one says what time it is, and may be set; the other only goes on, and all processes share it."""

import time

#: Seconds that lie between two looks at a clock, unless this process was made to wait in between.
_AT_ONCE = 20e-6

#: Times that they are read at most: on a machine on which nothing happens at once, the last time has to do.
_MOST_READINGS = 4


def both_clocks() -> tuple[float, float]:
    """Return the time, in seconds since 1970, and the same moment in seconds of the monotonic clock."""
    for _ in range(_MOST_READINGS):
        before, now, clock = time.monotonic(), time.time(), time.monotonic()
        if clock - before < _AT_ONCE:
            break
    return now, clock
