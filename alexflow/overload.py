"""Errors that say: not now, but later. The engine raises one, and a task the other."""

from __future__ import annotations

from math import inf

from alexflow.error_base import AlexflowError


class Overloaded(AlexflowError):
    """An engine has too much to do for a request, of which nothing was begun; for HTTP it is a 429 or 503.

    Attributes:
        queued: tasks that wait and go before it.
        retry_after: seconds after which there is probably room.
    """

    def __init__(self, queued: int, retry_after: float):
        self.queued, self.retry_after = queued, retry_after
        super().__init__(queued, retry_after)  # the text is made when it is asked for: thousands may be refused

    def __str__(self) -> str:
        return f"{self.queued} tasks wait already; try again after {self.retry_after:.3g} s"


class RetryAfter(AlexflowError):
    """Raised in ``run``: the service behind the task wants no further call for some seconds, as a 429 says.

    The task starts again after that, which costs none of its retries. Its tags with a
    :class:`~alexflow.limits.RateLimit` (and the key of that) are paused until then, so that no other task calls either.

    Attributes:
        seconds: from now on.
    """

    def __init__(self, seconds: float):
        if not isinstance(seconds, int | float) or not 0 <= seconds < inf:
            raise ValueError(f"RetryAfter takes a number of seconds of at least 0, not {seconds!r}")
        self.seconds = seconds
        super().__init__(f"not before {seconds:.3g} s have passed")
