"""Whether what is stored is what was published.

``Storage.examine`` looks at one output, as the storage knows best; here is what goes through many, a few in memory at a
time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from alexflow.errors import OutputNotFound
from alexflow.storage.background import in_thread
from alexflow.storage.digest import record_of

if TYPE_CHECKING:
    from alexflow.storage.interface import Storage

#: Outputs that are examined together.
BATCH = 64


@dataclass(frozen=True, slots=True)
class Digest:
    """What an output's bytes are known by.

    Attributes:
        size: how many bytes.
        value: BLAKE2b-128 of them, as 32 hexadecimal digits.
    """

    size: int
    value: str


@dataclass(frozen=True, slots=True)
class Examined:
    """What one output was found to be.

    Attributes:
        key: its key.
        verdict: ``good``: it is what was published. ``damaged``: it is not. ``unrecorded``: nothing was recorded when
            it was published, so that nobody can tell.
        actual: what is stored.
        expected: what was published; None if nothing was recorded.
        moved_to: where it was moved to, out of the way; empty if it was not.
    """

    key: str
    verdict: Literal["good", "damaged", "unrecorded"]
    actual: Digest
    expected: Digest | None = None
    moved_to: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found in a storage.

    Attributes:
        good: how many outputs are what was published.
        damaged: those that are not.
        unrecorded: how many there is no digest of, such as those of older versions.
        missing: keys that were asked for, under which nothing is stored.
    """

    good: int
    damaged: tuple[Examined, ...]
    unrecorded: int
    missing: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was damaged, and nothing missing. What has no digest counts as neither."""
        return not self.damaged and not self.missing


def read_record(record: bytes) -> Digest:
    """What a record (:mod:`alexflow.storage.digest`) says."""
    return Digest(int.from_bytes(record[1:9], "little"), record[9:].hex())


def unrecorded(key: str, data: bytes) -> Examined:
    """What is to be said of bytes of which nothing was recorded."""
    return Examined(key, "unrecorded", read_record(record_of(data)))


def verify(storage: Storage, keys: Iterable[str] | None, prefix: str, *, quarantine: bool) -> Verification:
    """Examine many, one after the other."""
    tally = _Tally(named=keys is not None)
    for key in storage.list(prefix=prefix) if keys is None else keys:
        tally.count(key, _examine(storage, key, quarantine))
    return tally.told()


async def averify(storage: Storage, keys: Iterable[str] | None, prefix: str, *, quarantine: bool) -> Verification:
    """:func:`verify`, for the event loop: some at a time."""
    tally = _Tally(named=keys is not None)
    async for batch in _batches(storage.alist(prefix) if keys is None else keys):
        for key, examined in zip(batch, await storage.aexamine_many(batch, quarantine=quarantine), strict=True):
            tally.count(key, examined)
    return tally.told()


async def _batches(keys: AsyncIterator[str] | Iterable[str]) -> AsyncIterator[list[str]]:
    batch: list[str] = []
    if isinstance(keys, AsyncIterator):
        async for key in keys:
            batch.append(key)
            if len(batch) == BATCH:
                yield batch
                batch = []
    else:
        rest: Iterator[str] = iter(keys)
        while len(batch := list(islice(rest, BATCH))) == BATCH:
            yield batch
    if batch:
        yield batch


async def examine_all(storage: Storage, keys: Sequence[str], *, quarantine: bool) -> list[Examined | None]:
    """Examine some, one after the other, in a thread."""
    return await in_thread(lambda: [_examine(storage, key, quarantine) for key in keys])


def _examine(storage: Storage, key: str, quarantine: bool) -> Examined | None:
    try:
        return storage.examine(key, quarantine=quarantine)
    except OutputNotFound:
        return None


class _Tally:
    def __init__(self, *, named: bool):
        self._named = named  # else what is not there any more was removed since it was listed
        self._good = 0
        self._unrecorded = 0
        self._damaged: list[Examined] = []
        self._missing: list[str] = []

    def count(self, key: str, examined: Examined | None) -> None:
        if examined is None:
            if self._named:
                self._missing.append(key)
        elif examined.verdict == "good":
            self._good += 1
        elif examined.verdict == "unrecorded":
            self._unrecorded += 1
        else:
            self._damaged.append(examined)

    def told(self) -> Verification:
        return Verification(self._good, tuple(self._damaged), self._unrecorded, tuple(self._missing))
