"""The error that says: not now, but later."""

from __future__ import annotations

from alexflow.error_base import AlexflowError


class Overloaded(AlexflowError):
    """An engine has too much to do for a request, of which nothing was begun; for HTTP it is a 429 or 503.

    Attributes:
        queued: tasks that wait and go before it.
        retry_after: seconds after which there is probably room.
    """

    def __init__(self, queued: int, retry_after: float):
        self.queued, self.retry_after = queued, retry_after
        super().__init__(f"{queued} tasks wait already; try again after {retry_after:.3g} s")
