"""The monotonic clock of another machine: what it says is not what this one's says."""

from __future__ import annotations

import math

#: Seconds that a message takes at most, unless a clock has stood still.
LONGEST_ON_ITS_WAY = 10.0


class RemoteClock:
    """Learns by how much it differs from this machine's clock, from the messages that come.

    The message that was quickest is the nearest to the truth. The clock of a machine that was suspended stood still:
    from then on all messages seem to be much quicker, or slower.
    """

    def __init__(self) -> None:
        self._ahead = math.inf  # seconds by which this machine's clock is ahead

    def compare(self, sent: float, came: float) -> None:
        """Note when a message was sent, by its clock, and when it came, by this machine's."""
        ahead = came - sent
        if ahead < self._ahead or ahead > self._ahead + LONGEST_ON_ITS_WAY:
            self._ahead = ahead

    def here(self, moment: float) -> float:
        """Return a moment of its clock as one of this machine's."""
        return moment + self._ahead
