"""Leases on a directory: the operating system's locks on ranges of one file, and heartbeats in it.

The file, ``.alexflow-leases``, is there while engines are open. A process takes a *seat* in it: a number, and
a region of the file's range in which a byte stands for each output. It holds an output while it has the byte of its
own region locked. The engines of one process share its seat, and keep a common table of holders.

A process that wants an output locks its own byte for it first, and then looks whether another process has locked the
byte in its region. Of two that do so at once at least one sees the other; perhaps both do, and both try again a little
later.

The kernel takes a dead process's locks away with it, so that what it held can be taken at once. A process that is
stopped keeps them. Therefore each changes its counter in the file every third of ``ttl``, and one that finds an output
locked by a process whose counter has stayed the same for ``ttl`` passes it over. That is why each has its own region:
no lock has to be taken away from anybody. When the stopped one goes on it may still run what it was running, and finds
the outputs published.

An engine whose loop was closed while it was open has no work any more, and releases everything (``loops``).

What was rejected, and what it costs: docs/design/leases.md.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import time
import weakref
from collections.abc import Callable, Iterable

from alexflow.storage.leases import Holder, Leases, NoLeases, Wanted
from alexflow.storage.liveness import FailureDetector
from alexflow.storage.local.lock_file import AVAILABLE, LEASES_FILE
from alexflow.storage.local.seat import Seat, Seats

#: Attempts to find a seat, and the seconds between them: the last engine to leave holds them all while it removes the
#: file.
_TRIES, _RETRY = 100, 0.01

_OF_THIS_PROCESS = Seats()
_numbers = itertools.count()


class LocalLeases(Leases):
    """Leases by the operating system's locks.

    Args:
        directory: the storage's.
        ttl: as for :class:`Leases`.
        clock: gives monotonic seconds.
        seats: those of the process.
    """

    rests_at_once = True

    def __init__(
        self,
        directory: str,
        ttl: float,
        clock: Callable[[], float] = time.monotonic,
        seats: Seats = _OF_THIS_PROCESS,
    ):
        super().__init__(ttl)
        self.clock = clock
        self.detector = FailureDetector(ttl, clock)  #: With other processes.
        self.number = next(_numbers)
        self.heartbeat = 0  #: Of life, for engines of this process.
        self.places: set[int] = set()  #: Of outputs that this engine holds.
        self._path = f"{directory}/{LEASES_FILE}"
        self._seats = seats
        self._seat: Seat | None = None
        self._renewed = 0.0
        self._watched: weakref.ref[asyncio.AbstractEventLoop] | None = None  # the loop with which everything ends

    async def join(self) -> None:
        for _ in range(_TRIES):
            if self.join_now():
                return
            await asyncio.sleep(_RETRY)
        raise NoLeases(errno.EUSERS, os.strerror(errno.EUSERS), self._path)

    def join_now(self) -> bool:
        self._seat = self._seat or self._seats.of(self._path, self)
        if not self._seat.enter(self):
            return False
        self._renewed = self.clock()
        self.heartbeat += 1
        loop = asyncio.get_running_loop()
        if self._watched is None or self._watched() is not loop:
            self._watched = weakref.ref(loop)
            rest_when_closed(loop, self)
        return True

    @property
    def _sat_at(self) -> Seat:
        if self._seat is None:
            raise RuntimeError("leases have to be joined first")
        return self._seat

    def has_peers(self) -> bool:
        return self._sat_at.has_peers()

    def parts(self) -> int:
        return self._sat_at.parts()

    async def keep_only(self, keys: Iterable[str]) -> None:
        self.everything = False
        self._sat_at.keep_only(self, keys)

    async def take(self, wanted: Wanted) -> set[str]:
        return self._sat_at.take(self, wanted)

    async def held_by_peers(self, wanted: Wanted) -> set[str]:
        return self._sat_at.held_by_peers(self, wanted)

    async def holders(self, wanted: Wanted) -> list[Holder]:
        return self._sat_at.holders(self, wanted)

    def known_holders(self, wanted: Wanted) -> list[Holder]:
        return [] if self._seat is None else self._seat.holders(self, wanted)

    def release(self, keys: Iterable[str]) -> None:
        self._sat_at.release(self, keys)

    async def renew(self) -> bool:
        since = self.clock() - self._renewed
        if since >= self.ttl / 3:
            self._renewed = self.clock()
            self.heartbeat += 1
        self._sat_at.renew(self)
        return since >= self.ttl

    def rest(self) -> None:
        self.everything = False
        if self._seat is not None:
            self._seat.leave(self)

    async def leave(self) -> None:
        self.everything = False
        seat, self._seat = self._seat, None
        if seat is not None:
            self._seats.give_back(seat, self)


def leases_on(directory: str, ttl: float) -> LocalLeases | None:
    """An engine's leases on a directory; None where the system has no locks for them."""
    return LocalLeases(directory, ttl) if AVAILABLE else None


_DAY = 86_400.0  # seconds

_guards: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[_Guard]] = weakref.WeakKeyDictionary()


class _Guard:
    """Lives as long as its loop is open."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = weakref.ref(loop)
        self.leases: weakref.WeakSet[Leases] = weakref.WeakSet()
        self()

    def __call__(self) -> None:
        """Wait another day."""
        loop = self._loop()
        if loop is not None and not loop.is_closed():
            loop.call_later(_DAY, self)

    def __del__(self) -> None:
        for leases in list(self.leases):
            leases.rest()


def rest_when_closed(loop: asyncio.AbstractEventLoop, leases: Leases) -> None:
    """Call ``leases.rest()`` when the loop is closed, if they are still there."""
    reference = _guards.get(loop)
    guard = reference() if reference is not None else None
    if guard is None:
        guard = _Guard(loop)
        _guards[loop] = weakref.ref(guard)
    guard.leases.add(leases)
