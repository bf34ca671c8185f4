"""Verification: comparing stored outputs with what was published.

``Storage.examine`` looks at one output, as the storage knows best; here is what goes through many, a few in memory at a
time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, Protocol

from alexflow.errors import OutputNotFound, StorageError, StorageUnavailable, UnknownStorage
from alexflow.storage.background import in_thread
from alexflow.storage.digest import RECORD_DIGEST_BYTES, judge, record_of

#: Outputs that are examined together.
VERIFY_BATCH = 64


@dataclass(frozen=True, slots=True)
class Digest:
    """The size and digest of an output's bytes.

    Attributes:
        size: how many bytes.
        value: BLAKE2b-128 of them, as 32 hexadecimal digits.
    """

    size: int
    value: str


@dataclass(frozen=True, slots=True)
class Examined:
    """The result of verifying one output.

    Attributes:
        key: its key.
        verdict: ``good``: it is what was published. ``damaged``: it is not. ``misplaced``: it was published under
            another key. ``unrecorded``: it has no digest record, so it cannot be judged.
            ``unreadable``: it could not be read.
        actual: what is stored; None if it could not be read.
        expected: what was published; None if nothing was recorded.
        moved_to: where it was moved to, out of the way; empty if it was not.
        trouble: why it could not be read.
    """

    key: str
    verdict: Literal["good", "damaged", "misplaced", "unrecorded", "unreadable"]
    actual: Digest | None
    expected: Digest | None = None
    moved_to: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of verifying a storage.

    Attributes:
        good: how many outputs are what was published.
        damaged: those that are not, at least not of what was published under their keys.
        unrecorded: how many there is no digest of, such as those of older versions.
        missing: keys that were asked for, under which nothing is stored.
        unreadable: those that could not be read, and directories that could not be listed.
    """

    good: int
    damaged: tuple[Examined, ...]
    unrecorded: int
    missing: tuple[str, ...]
    unreadable: tuple[Examined, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was damaged, missing or unreadable. What has no digest counts as none of these."""
        return not (self.damaged or self.missing or self.unreadable)


#: The digest of an output that a storage has none of, from elsewhere, such as a record; None if it is not known there.
KnownDigest = Callable[[str], Digest | None]


class Examinable(Protocol):
    """The operations of a storage from which the verification of many outputs is made."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """All keys that begin with ``prefix``."""
        ...

    def alist(self, prefix: str = "") -> AsyncIterator[str]:
        """:meth:`list`, for the event loop."""
        ...

    def examine(self, key: str, *, quarantine: bool = True) -> Examined:
        """Compare one output with what was recorded of it."""
        ...

    async def aexamine_many(self, keys: Sequence[str], *, quarantine: bool = True) -> Sequence[Examined | None]:
        """Compare several outputs with what was recorded of them."""
        ...


def read_record(record: bytes) -> Digest:
    """The digest in a record (:mod:`alexflow.storage.digest`)."""
    return Digest(int.from_bytes(record[1:9], "little"), record[9 : 9 + RECORD_DIGEST_BYTES].hex())


def examined(key: str, actual: bytes, records: Sequence[bytes], set_aside: Callable[[], str]) -> Examined:
    """The result for an output.

    Args:
        key: its key.
        actual: the record of its bytes.
        records: what was recorded of it.
        set_aside: moves it out of the way; gives where it is then.
    """
    judgement = judge(records, actual, key)
    found = read_record(actual)
    if judgement == "unrecorded":
        return Examined(key, "unrecorded", found)
    if judgement in ("good", "keyless"):
        return Examined(key, "good", found, found)
    verdict: Literal["damaged", "misplaced"] = "damaged" if judgement == "damaged" else "misplaced"
    return Examined(key, verdict, found, read_record(records[-1]), set_aside())


def examined_unreadable(key: str, error: StorageError) -> Examined:
    """The result for an output that could not be read."""
    return Examined(key, "unreadable", None, trouble=str(error))


def examined_unrecorded(key: str, data: bytes) -> Examined:
    """The result for bytes without a digest record."""
    return Examined(key, "unrecorded", read_record(record_of(data)))


def verify(
    storage: Examinable, keys: Iterable[str] | None, prefix: str, *, quarantine: bool, known: KnownDigest | None
) -> Verification:
    """Examine many, one after the other."""
    tally = _Tally(keys is not None, known)
    try:
        for key in storage.list(prefix=prefix) if keys is None else keys:
            tally.count(key, _examine(storage, key, quarantine))
    except StorageError as error:
        tally.count_unlisted(error)
    return tally.result()


async def averify(
    storage: Examinable, keys: Iterable[str] | None, prefix: str, *, quarantine: bool, known: KnownDigest | None
) -> Verification:
    """:func:`verify`, for the event loop: some at a time."""
    tally = _Tally(keys is not None, known)
    try:
        async for batch in _batches(storage.alist(prefix) if keys is None else keys):
            for key, found in zip(batch, await storage.aexamine_many(batch, quarantine=quarantine), strict=True):
                tally.count(key, found)
    except StorageError as error:
        tally.count_unlisted(error)
    return tally.result()


async def _batches(keys: AsyncIterator[str] | Iterable[str]) -> AsyncIterator[list[str]]:
    batch: list[str] = []
    trouble: StorageError | None = None
    if isinstance(keys, AsyncIterator):
        try:
            async for key in keys:
                batch.append(key)
                if len(batch) == VERIFY_BATCH:
                    yield batch
                    batch = []
        except StorageError as error:  # outputs listed before are examined first
            trouble = error
    else:
        rest: Iterator[str] = iter(keys)
        while len(batch := list(islice(rest, VERIFY_BATCH))) == VERIFY_BATCH:
            yield batch
    if batch:
        yield batch
    if trouble is not None:
        raise trouble


async def examine_all(storage: Examinable, keys: Sequence[str], *, quarantine: bool) -> list[Examined | None]:
    """Examine some, one after the other, in a thread."""
    return await in_thread(lambda: [_examine(storage, key, quarantine) for key in keys])


def _examine(storage: Examinable, key: str, quarantine: bool) -> Examined | None:
    try:
        return storage.examine(key, quarantine=quarantine)
    except OutputNotFound:
        return None
    except StorageUnavailable:  # it is not about this one
        raise
    except StorageError as error:
        return examined_unreadable(key, error)


def _compared(examined: Examined, known: Digest | None) -> Examined:
    """Judge an output that the storage has no digest of by one that is known elsewhere; it stays where it is."""
    if known is None:
        return examined
    return replace(examined, verdict="good" if examined.actual == known else "damaged", expected=known)


class _Tally:
    def __init__(self, named: bool, known: KnownDigest | None):
        self._named = named  # else a missing output was removed since it was listed
        self._known = known
        self._good = 0
        self._unrecorded = 0
        self._damaged: list[Examined] = []
        self._missing: list[str] = []
        self._unreadable: list[Examined] = []

    def count(self, key: str, examined: Examined | None) -> None:
        if examined is None:
            if self._named:
                self._missing.append(key)
            return
        if examined.verdict == "unrecorded" and self._known is not None:
            examined = _compared(examined, self._known(key))
        if examined.verdict == "good":
            self._good += 1
        elif examined.verdict == "unrecorded":
            self._unrecorded += 1
        elif examined.verdict == "unreadable":
            self._unreadable.append(examined)
        else:
            self._damaged.append(examined)

    def count_unlisted(self, error: StorageError) -> None:
        """Count a listing that failed: a storage lists what it can before it raises."""
        if not error.path or isinstance(error, StorageUnavailable | UnknownStorage):
            raise error
        self._unreadable.append(examined_unreadable(error.path, error))

    def result(self) -> Verification:
        return Verification(
            self._good, tuple(self._damaged), self._unrecorded, tuple(self._missing), tuple(self._unreadable)
        )
