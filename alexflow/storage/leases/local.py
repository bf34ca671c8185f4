"""Leases on a directory: the operating system's locks on ranges of one file, and signs of life in it.

The file, ``.alexflow-leases``, is there while engines are. Each takes a *seat*, a number, by locking a byte that stands
for it, and has a region of the file's (endless) range to itself. A byte in there stands for an output: the engine holds
the output while it has the byte of its own region locked. Alone, it locks its whole region, and so holds everything at
the cost of one call; when another one comes it lets go of all but what it is at work on, without letting go of that for
a moment.

Whoever wants an output locks its own byte for it first, and then looks whether another engine has locked the one in
its region. Of two who do so at once at least one sees the other; perhaps both do, and both try again a little later.

The kernel takes a dead engine's locks away with it, so that what it held can be taken at once. An engine that is
stopped keeps them. Therefore each changes its counter in the file every third of ``ttl``, and who finds an output
locked by an engine whose counter has stayed the same for ``ttl`` passes it over. That is why each has its own region:
no lock has to be taken away from anybody. When the stopped one goes on it may still run what it was running, and finds
the outputs published.

What was rejected, and what it costs: docs/design/leases.md.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator

from alexflow.identity.blake2 import blake2b
from alexflow.storage.leases.interface import Leases, Wanted
from alexflow.storage.leases.patience import Patience
from alexflow.storage.leases.rangelocks import (
    bytes_held_by_others,
    is_held_by_others,
    release_range,
    take_range,
)
from alexflow.storage.newfile import open_above

FILE = ".alexflow-leases"

#: Engines on one storage at once.
SEATS = 1024

_REGION = 1 << 51  # outputs are told apart by as many bits of a digest; two that share a byte only wait for each other
_SEATS_BEGIN = 1 << 62  # a byte per seat, behind the regions
_SIGN = 8  # bytes of a sign of life

#: How often to look again for a seat, and how soon: the last engine to leave holds them all while it removes the file.
_TRIES, _RETRY = 100, 0.01


class LocalLeases(Leases):
    """Leases by the operating system's locks.

    Args:
        directory: the storage's.
        ttl: as for :class:`Leases`.
        clock: gives monotonic seconds.
    """

    def __init__(self, directory: str, ttl: float, clock: Callable[[], float] = time.monotonic):
        super().__init__(ttl)
        self._path = f"{directory}/{FILE}"
        self._clock = clock
        self._patience = Patience(ttl, clock)
        self._fd = -1
        self._seat = 0
        self._counter = 0
        self._renewed = 0.0

    async def join(self) -> None:
        self._fd, self._seat = await self._sit_down()
        self._counter = int.from_bytes(os.urandom(_SIGN - 1), "little")  # nobody has seen it in this seat
        self._give_sign()
        take_range(self._fd, self._region, _REGION)
        self.everything = not self.others_here()
        if not self.everything:
            release_range(self._fd, self._region, _REGION)

    def others_here(self) -> bool:
        return next(self._others(), None) is not None

    async def keep_only(self, keys: Iterable[str]) -> None:
        self.everything = False
        end = self._region + _REGION
        # downwards: what is left of the region then stays the first of the locks that the kernel goes through
        for byte in sorted(map(self._byte, keys), reverse=True):
            if byte + 1 < end:
                release_range(self._fd, byte + 1, end - byte - 1)
            end = byte
        if end > self._region:
            release_range(self._fd, self._region, end - self._region)

    async def take(self, wanted: Wanted) -> set[str]:
        for keys in wanted.values():
            for key in keys:
                take_range(self._fd, self._byte(key))
        held = await self.held_elsewhere(wanted)
        for task_id in held:
            self.release(wanted[task_id])
        return wanted.keys() - held

    async def held_elsewhere(self, wanted: Wanted) -> set[str]:
        others = [seat for seat in self._others() if not self._is_lost(seat)]
        held: set[str] = set()
        for seat in others:
            region = seat * _REGION
            for task_id, keys in wanted.items():
                if task_id not in held and any(is_held_by_others(self._fd, region + _place(key)) for key in keys):
                    held.add(task_id)
        return held

    def release(self, keys: Iterable[str]) -> None:
        for key in keys:
            release_range(self._fd, self._byte(key))

    async def renew(self) -> bool:
        since = self._clock() - self._renewed
        if since >= self.ttl / 3:
            self._give_sign()
        return since >= self.ttl

    async def leave(self) -> None:
        self.everything = False
        fd, self._fd = self._fd, -1
        if fd >= 0:
            try:
                release_range(fd, _SEATS_BEGIN + self._seat)
                if take_range(fd, _SEATS_BEGIN, SEATS) and _is_at(self._path, fd):  # nobody sits, and nobody can now
                    os.unlink(self._path)
            finally:
                os.close(fd)

    # -- the file

    @property
    def _region(self) -> int:
        return self._seat * _REGION

    def _byte(self, key: str) -> int:
        return self._seat * _REGION + _place(key)

    async def _sit_down(self) -> tuple[int, int]:
        """A descriptor of the file, and a seat."""
        for _ in range(_TRIES):
            fd = open_above(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                for seat in range(SEATS):
                    if take_range(fd, _SEATS_BEGIN + seat):
                        if _is_at(self._path, fd):
                            return fd, seat
                        break  # it has been removed meanwhile; another one may be there
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)
            await asyncio.sleep(_RETRY)
        raise OSError(errno.EUSERS, os.strerror(errno.EUSERS), self._path)

    def _others(self) -> Iterator[int]:
        """Seats that other engines have."""
        return (byte - _SEATS_BEGIN for byte in bytes_held_by_others(self._fd, _SEATS_BEGIN, SEATS))

    def _give_sign(self) -> None:
        self._counter += 1
        os.pwrite(self._fd, self._counter.to_bytes(_SIGN, "little"), self._seat * _SIGN)
        self._renewed = self._clock()

    def _is_lost(self, seat: int) -> bool:
        return self._patience.is_lost(seat, os.pread(self._fd, _SIGN, seat * _SIGN))


def _place(key: str) -> int:
    """Where in a region an output is."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little") % _REGION


def _is_at(path: str, fd: int) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False
