"""Since when a storage has not answered: the deadline of what comes next begins there, and not anew with each request.

Whatever is done with a storage is many requests. If each of them waited for the whole deadline, one after the other, a
run on a storage that cannot be reached would end after many deadlines.
"""

from __future__ import annotations

#: An outage of which nothing has been heard for so long may be over: the next request has its whole deadline.
FORGOTTEN_AFTER = 1.0  # seconds

#: What a request gets at least, though the outage has lasted for the whole deadline.
LEAST = 0.5  # seconds

#: After so many deadlines a request has its whole deadline again, whatever the outage: the storage may be slow by now.
AT_MOST = 2


class Outage:
    """What the requests of one connection know of its storage. All times are the event loop's."""

    def __init__(self) -> None:
        self._was_reached = False  # else a client may be opening, which takes as long as it takes
        self._since: float | None = None
        self._trying = 0  # requests that have failed and are tried again
        self._last = 0.0  # when one of these was given up

    def deadline(self, now: float, seconds: float) -> float:
        """When a request that begins now has to be given up."""
        is_forgotten = not self._trying and now - self._last > FORGOTTEN_AFTER
        if self._since is not None and (is_forgotten or now - self._since > AT_MOST * seconds):
            self._since = None
        if self._since is None:
            return now + seconds
        return max(self._since + seconds, now + min(LEAST, seconds))

    def begins(self, since: float) -> None:
        """A request that was sent at ``since`` has not been answered for the first time, and is tried again."""
        self._trying += 1
        if self._since is None and self._was_reached:
            self._since = since

    def is_left(self, now: float) -> None:
        """A request that was tried again has come to its end, well or not."""
        self._trying -= 1
        self._last = now

    def is_over(self) -> None:
        """The storage has answered."""
        self._was_reached = True
        self._since = None
