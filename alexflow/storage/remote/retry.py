"""Deadline, attempts, and the waiting in between.

Requests are retried on transient errors: the server is busy or the connection broke. An attempt may take
a third of the whole deadline, so that one connection that hangs does not use up all of it. Waiting doubles each time,
with a random factor, so that many requests refused together do not come back together.

The deadline is that of one request with all its attempts. It begins when the request may be sent, not while it waits
for others of this process; each MiB that is known to be on its way lengthens it, but not again with each attempt. If
the storage has not answered other requests lately, it begins with the first of those (``outage``).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from alexflow.errors import StorageDenied, StorageError, StorageFull, StorageUnavailable
from alexflow.storage.remote.backend_errors import describe_error, meaning_of
from alexflow.type_vars import T

#: An outage without a request for so long may be over: the next request has its whole deadline.
OUTAGE_FORGOTTEN_AFTER = 1.0  # seconds

#: The least time of a request, though the outage has lasted for the whole deadline.
MIN_SECONDS_IN_OUTAGE = 0.5  # seconds

#: After so many deadlines a request has its whole deadline again, whatever the outage: the storage may be slow by now.
MAX_DEADLINES_IN_OUTAGE = 2


class Outage:
    """The outages of one connection's storage. All times are the event loop's."""

    def __init__(self) -> None:
        self._was_reached = False  # else a client may be opening, which takes as long as it takes
        self._since: float | None = None
        self._trying = 0  # requests that have failed and are tried again
        self._last = 0.0  # when one of these was given up
        self._has_given_up = False  # a request, and none has been answered since

    def deadline(self, now: float, seconds: float) -> float:
        """The time at which a request that begins now is given up."""
        is_forgotten = not self._trying and now - self._last > OUTAGE_FORGOTTEN_AFTER
        if self._since is not None and (is_forgotten or now - self._since > MAX_DEADLINES_IN_OUTAGE * seconds):
            self._since = None
        if self._since is None:
            return now + seconds
        return max(self._since + seconds, now + min(MIN_SECONDS_IN_OUTAGE, seconds))

    @property
    def lasts(self) -> bool:
        """Whether the storage has not answered since a request was sent again, or has never answered one in time."""
        return self._since is not None or self._has_given_up

    def begins(self, since: float) -> None:
        """A request that was sent at ``since`` has not been answered for the first time, and is tried again."""
        self._trying += 1
        if self._since is None and self._was_reached:
            self._since = since

    def is_left(self, now: float) -> None:
        """A request that was tried again has come to its end, well or not."""
        self._trying -= 1
        self._last = now

    def is_given_up(self) -> None:
        """A request's deadline is over."""
        self._has_given_up = True

    def is_over(self) -> None:
        """The storage has answered."""
        self._was_reached = True
        self._since = None
        self._has_given_up = False


logger = logging.getLogger("alexflow.storage")

FIRST_DELAY = 0.1  # seconds
LONGEST_DELAY = 10.0  # seconds

#: The slowest transfer that counts as one that goes on.
MIN_BYTES_PER_SECOND = 1024 * 1024  # bytes/s

#: Attempts that a deadline leaves room for, if each of them hangs.
HANGING_ATTEMPTS = 3

_ERRORS: dict[str, type[StorageError]] = {"denied": StorageDenied, "full": StorageFull}


class RequestAttempt:
    """One attempt at a request."""

    def __init__(self, deadline: Deadline):
        self._deadline = deadline
        self._allowed = 0.0  # seconds

    def allow(self, size: int) -> None:
        """Give it the time that so many bytes may take."""
        more = size / MIN_BYTES_PER_SECOND
        self._allowed += more
        self._deadline.extend(more, self._allowed)


class Deadline:
    """The end of one request, and of its present attempt."""

    def __init__(self, seconds: float, end: float | None = None):
        self._loop = asyncio.get_running_loop()
        self.seconds = seconds
        self._end = self._loop.time() + seconds if end is None else end
        self._extended = 0.0
        self._timeout: asyncio.Timeout | None = None

    @property
    def left(self) -> float:
        """Seconds until its end; negative after it."""
        return self._end - self._loop.time()

    def attempt(self) -> asyncio.Timeout:
        """The bound on one attempt."""
        self._timeout = asyncio.timeout(max(0.0, min(self.left, self.seconds / HANGING_ATTEMPTS)))
        return self._timeout

    def extend(self, seconds: float, in_all: float) -> None:
        """Give the present attempt more time, and all of them together what one of them was given at most."""
        if in_all > self._extended:
            self._end += in_all - self._extended
            self._extended = in_all
        if self._timeout is not None:
            when = self._timeout.when()
            if when is not None:
                self._timeout.reschedule(when + seconds)


class RetryPolicy:
    """Retries requests until they succeed, fail for good, or reach their deadline.

    Args:
        where: the storage, as it may be shown.
        redact: takes secrets out of what back ends say.
        deadline: seconds for one request.
        slots: bounds how many attempts are under way.
        rng: where randomness comes from.
    """

    def __init__(
        self,
        where: str,
        redact: Callable[[str], str],
        deadline: float,
        slots: asyncio.Semaphore,
        rng: random.Random,
    ):
        self._where = where
        self._redact = redact
        self._seconds = deadline
        self._slots = slots
        self._rng = rng
        self._outage = Outage()

    @property
    def is_in_outage(self) -> bool:
        """Whether the storage has not answered lately, as far as requests have shown."""
        return self._outage.lasts

    async def request(self, operation: str, key: str, call: Callable[[RequestAttempt], Awaitable[T]]) -> T:
        """The result of ``call(attempt)``, retried on transient errors.

        Raises:
            FileNotFoundError: the back end has no such object.
            StorageUnavailable: it did not succeed before the deadline.
            StorageDenied: permission is missing.
            StorageFull: nothing more fits.
            StorageError: the back end refused.
        """
        tries = 0
        deadline: Deadline | None = None
        now = asyncio.get_running_loop().time
        try:
            while True:
                async with self._slots:
                    sent = now()
                    deadline = deadline or Deadline(self._seconds, self._outage.deadline(sent, self._seconds))
                    timeout = deadline.attempt()
                    try:
                        async with timeout:
                            result = await call(RequestAttempt(deadline))
                        self._outage.is_over()
                        return result
                    except StorageError:
                        raise
                    except Exception as error:
                        if timeout.expired():
                            trouble = "no answer"
                        else:
                            trouble = self._trouble(operation, key, error)
                tries += 1
                if tries == 1:
                    self._outage.begins(sent)
                await self._wait(operation, key, trouble, tries, deadline)
        finally:
            if tries:
                self._outage.is_left(now())

    def _trouble(self, operation: str, key: str, error: Exception) -> str:
        """The text of a transient error; any other error is raised."""
        meaning = meaning_of(error)
        if meaning != "passing":
            self._outage.is_over()
        if meaning == "absent":
            raise FileNotFoundError(key) from None
        text = self._redact(describe_error(error))
        if meaning == "passing":
            return text
        # the back end's error may hold secrets and need not survive pickling, so its text is used and it is not chained
        message = f"cannot {operation} {key!r} in {self._where}: {text}"
        raise _ERRORS.get(meaning, StorageError)(message, path=key) from None

    async def _wait(self, operation: str, key: str, trouble: str, tries: int, deadline: Deadline) -> None:
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (tries - 1)) * self._rng.uniform(0.5, 1.0)
        if delay >= deadline.left:
            await asyncio.sleep(max(0.0, deadline.left))
            self._outage.is_given_up()
            raise StorageUnavailable(operation, key, self._where, trouble, attempts=tries, seconds=deadline.seconds)
        logger.warning(
            "%s: cannot %s %r (attempt %d): %s; next attempt in %.1f s",
            *(self._where, operation, key, tries, trouble, delay),
        )
        await asyncio.sleep(delay)
