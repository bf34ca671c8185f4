"""``Storage``: a flat space of keys whose objects are absent or complete.

Writing has two steps. ``stage`` writes bytes where they are not visible; ``publish`` makes them visible under their
key, at once and whole, unless another publisher was first. The engine publishes only after ``run`` has returned.

Each operation has two forms: ``async`` for the event loop, blocking for worker processes and threads. The asynchronous
one is required; the blocking one waits for it, on an event loop in the background. An adapter overrides the blocking
form where it does better without a loop: a local disk needs neither loop nor thread for a small file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal

from alexflow.arguments import wrong_argument
from alexflow.errors import UnknownStorage
from alexflow.storage.key_checks import check_arguments, parameters_of
from alexflow.type_vars import T

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from pathlib import Path

    from alexflow.storage.appended_place import AppendedPlace
    from alexflow.storage.async_streams import AsyncReader, AsyncWriter
    from alexflow.storage.leases import Leases
    from alexflow.storage.reserved import ReservedSpace, Space
    from alexflow.storage.staged import Mode, Staged, Staging
    from alexflow.storage.verification import Examined, KnownDigest, Verification


#: Whether reads are compared with digest records; ``"strict"``: objects without a record are refused, too.
Check = bool | Literal["strict"]


def check_check(check: object) -> None:
    """Check a value that users give for ``check``.

    Raises:
        UnknownStorage: it is neither a bool nor "strict".
    """
    if not isinstance(check, bool) and check != "strict":
        raise wrong_argument("check", check, "True, False or 'strict'", UnknownStorage)


class Storage(ABC):
    """A place where outputs live.

    Keys are checked (:func:`alexflow.storage.keys.check_key`) before a public method begins, in each adapter, also in
    those that are made elsewhere: see :mod:`alexflow.storage.key_checks`. So an adapter's methods are given only keys
    that stay below its root; a caller with another gets ``InvalidKey``. A class that hands every key on to another
    storage may say ``checks_keys=False``.
    """

    def __init_subclass__(cls, *, checks_keys: bool = True, **options: Any) -> None:
        super().__init_subclass__(**options)
        if checks_keys:
            check_arguments(cls, _WITH_KEYS)

    #: Whether only this process can reach it, so that worker processes cannot.
    process_local: ClassVar[bool] = False

    #: Whether it answers a few questions in microseconds, so that the event loop may ask them itself.
    answers_at_once: ClassVar[bool] = False

    @property
    def case_sensitive(self) -> bool:
        """Whether keys that differ only by case are different objects."""
        return True

    def prepare(self) -> None:  # noqa: B027  # most have nothing to prepare
        """Prepare the storage for use; called once before a run.

        Raises:
            UnknownStorage: it cannot be used as described.
        """

    def check_writable(self) -> None:  # noqa: B027  # many find out only by publishing
        """Check that outputs can be published; called once a task has to run, before any does.

        Raises:
            StorageDenied: it is read-only, or permission is missing.
            StorageFull: nothing more fits.
        """

    def checking(self) -> Storage:
        """The same storage, comparing whatever is read with its digest record, if it can."""
        return self

    def with_read_cache(self) -> Storage:
        """The same storage for a process that runs tasks, with a cache of what it has published or read lately."""
        return self

    def invalidate(self) -> None:  # noqa: B027  # most keep nothing
        """Empty the read cache (:meth:`with_read_cache`): outputs may have been replaced."""

    def leases(self, ttl: float) -> Leases | None:
        """An engine's leases on outputs of this storage; None where no other engine could make them."""
        return None

    def reserved(self, space: Space) -> ReservedSpace | None:
        """The files of one kind that are kept with this storage, beside its outputs; None where there is no room."""
        return None

    def reserved_below(self, space: Space) -> Iterator[ReservedSpace]:
        """All such spaces that say something of outputs seen here, the one that is written to first."""
        own = self.reserved(space)
        if own is not None:
            yield own

    # -- blocking: the asynchronous operations, waited for; an adapter that does better without a loop overrides them

    def _wait(self, operation: Coroutine[Any, Any, T]) -> T:
        """The result of an asynchronous operation of this storage, for a thread that may block."""
        from alexflow.storage.sync import wait_for  # deferred: asyncio, of no use to most worker processes

        return wait_for(operation)

    def exists_many(self, keys: Sequence[str]) -> set[str]:
        """The subset of ``keys`` that is stored, found in as few round trips as possible."""
        return self._wait(self.aexists_many(keys))

    def read(self, key: str) -> bytes:
        """The stored bytes.

        Raises:
            OutputNotFound: nothing is stored under ``key``.
        """
        return self._wait(self.aread(key))

    def stage(self, key: str, data: bytes) -> Staged:
        """Stage ``data``, without making it visible."""
        return self._wait(self.astage(key, data))

    @abstractmethod
    def read_staged(self, staged: Staged) -> bytes:
        """The bytes of ``staged``, before it is published."""

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        """Make staged bytes visible under their key, whole, at once.

        Returns:
            False if the key existed already (and ``replace`` is not set): the first publisher wins.
        """
        return self._wait(self.apublish(staged, replace=replace))

    def discard(self, staged: Staged) -> None:
        """Forget staged bytes."""
        self._wait(self.adiscard(staged))

    def remove_many(self, keys: Iterable[str]) -> None:
        """Remove the objects under ``keys``; keys that do not exist are skipped."""
        self._wait(self.aremove_many(tuple(keys)))

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[str]:
        """All keys that begin with ``prefix``, in no order."""

    def size(self, key: str) -> int:
        """Bytes stored under ``key``.

        Raises:
            OutputNotFound: nothing is stored under ``key``.
        """
        return self._wait(self.asize(key))

    def version(self, key: str) -> Any:
        """A value that changes (``!=``) when the object under ``key`` is replaced; None if there is none."""
        return self._wait(self.aversion(key))

    def modified(self, key: str) -> float | None:
        """The time when the object under ``key`` was published, in seconds since 1970; None if there is none.

        Also None where a storage keeps no times; then outputs have no age (``max_age``).
        """
        return self._wait(self.amodified(key))

    def write(self, key: str, data: bytes, *, replace: bool = False) -> bool:
        """Stage and publish at once. Returns as :meth:`publish`."""
        return self.publish(self.stage(key, data), replace=replace)

    def examine(self, key: str, *, quarantine: bool = True) -> Examined:
        """Read an object and compare it with the digest record of its publication.

        A storage that records nothing finds that everything is ``unrecorded``.

        Args:
            key: what to look at.
            quarantine: whether to move it out of the way if it is damaged, so that it counts as not stored.

        Raises:
            OutputNotFound: nothing is stored under ``key``.
        """
        from alexflow.storage.verification import examined_unrecorded  # deferred: few programs verify

        return examined_unrecorded(key, self.read(key))

    def verify(
        self,
        keys: Iterable[str] | None = None,
        *,
        prefix: str = "",
        quarantine: bool = True,
        known: KnownDigest | None = None,
    ) -> Verification:
        """:meth:`examine` many outputs: those under ``keys``, else all whose keys begin with ``prefix``.

        Memory is needed for what is damaged or missing, whatever the number of outputs.

        ::

            found = LocalStorage("results").verify()
            print(found.good, found.damaged)

        Args:
            keys: what to look at.
            prefix: how their keys begin, where ``keys`` is not given.
            quarantine: whether to move damaged ones out of the way; the next run computes them again.
            known: gives the digest of an output that the storage itself has none of, such as in a copy without extended
                attributes; one that is damaged by it stays where it is.
        """
        from alexflow.storage.verification import verify  # deferred, as above

        return verify(self, keys, prefix, quarantine=quarantine, known=known)

    def quarantined(self) -> Iterator[str]:
        """The keys of outputs that were found damaged and moved to the quarantine, in no order, perhaps several times.

        Something else may be stored under such a key by now.
        """
        return iter(())

    def sweep(self, older_than: float = 3600.0) -> int:
        """Remove stale files, left half written by processes that crashed; each run sweeps some of them.

        Args:
            older_than: seconds. Whatever its age, what a living process of this machine writes is left alone; what
                another machine writes is left alone for a week.

        Returns:
            How much was removed.
        """
        return 0

    # -- streams and paths (alexflow/storage/streams.py lists what an adapter has to override, and what it may leave)

    def reader(self, key: str) -> BinaryIO:
        """The stored object, open for reading; can be sought in. To be closed, best by ``with``.

        Raises:
            OutputNotFound: nothing is stored under ``key``.
        """
        import io  # deferred: here and below, few tasks need it

        return io.BytesIO(self.read(key))

    def writer(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A stream to what will be stored under ``key``.

        It is published when its ``with`` block is left (inside ``run``: when ``run`` has returned), and forgotten when
        that is left by an exception.
        """
        from alexflow.storage.streams import writer

        return writer(self, key)

    def path(self, key: str, mode: Mode = "r") -> AbstractContextManager[Path]:
        """A local path for libraries that want the name of a file.

        For reading (``"r"``) it is the stored file, or a copy where there is no file; it is not to be written to, and
        is of no use after the ``with`` block. For writing (``"w"``) it is a name in an otherwise empty directory; what
        is there when the block is left is published as a stream is.

        Raises:
            OutputNotFound: nothing is stored under ``key``.
            StorageError: nothing was written.
        """
        from alexflow.storage.streams import path

        return path(self, key, mode)

    def open_staging(self, key: str) -> Staging:
        """A stream to what will be staged."""
        from alexflow.storage.streams import InScratch

        return InScratch(self, key)

    def staged_reader(self, staged: Staged) -> BinaryIO:
        """The bytes of ``staged``, before it is published, open for reading."""
        import io

        return io.BytesIO(self.read_staged(staged))

    def stage_path(self, key: str, path: Path) -> Staged:
        """Take a complete file from a :meth:`scratch` directory; it is the storage's from now on, which may move it."""
        from alexflow.storage.streams import stage_path

        return stage_path(self, key, path)

    def appended_place(self, key: str) -> AppendedPlace:
        """The place of the file to which parts of ``key`` are appended while its task runs.

        Raises:
            StorageError: there is none.
        """
        from alexflow.storage.appended_place import temporary_place

        return temporary_place(repr(self), key)

    def scratch(self) -> AbstractContextManager[Path]:
        """A new directory on a local disk, removed in the end: for files that are on their way to or from here."""
        from alexflow.storage.streams import scratch

        return scratch()

    def local_path(self, key: str) -> str | None:
        """The file behind ``key``, for reading only; None where there is none on this machine.

        Raises:
            OutputNotFound: nothing is stored under ``key``; not raised by storages without files.
        """
        return None

    # -- on the event loop

    @abstractmethod
    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        """:meth:`exists_many`, for the event loop."""

    @abstractmethod
    async def aread(self, key: str) -> bytes:
        """:meth:`read`, for the event loop."""

    @abstractmethod
    async def astage(self, key: str, data: bytes) -> Staged:
        """:meth:`stage`, for the event loop."""

    @abstractmethod
    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        """:meth:`publish`, for the event loop."""

    @abstractmethod
    async def adiscard(self, staged: Staged) -> None:
        """:meth:`discard`, for the event loop."""

    @abstractmethod
    async def aremove_many(self, keys: Iterable[str]) -> None:
        """:meth:`remove_many`, for the event loop."""

    @abstractmethod
    def alist(self, prefix: str = "") -> AsyncIterator[str]:
        """:meth:`list`, for the event loop."""

    @abstractmethod
    async def asize(self, key: str) -> int:
        """:meth:`size`, for the event loop."""

    @abstractmethod
    async def aversion(self, key: str) -> Any:
        """:meth:`version`, for the event loop."""

    async def amodified(self, key: str) -> float | None:
        """:meth:`modified`, for the event loop."""
        return None

    async def awrite(self, key: str, data: bytes, *, replace: bool = False) -> bool:
        """:meth:`write`, for the event loop."""
        return await self.apublish(await self.astage(key, data), replace=replace)

    async def acopy_from(self, source: Storage, key: str, to: str) -> bool | None:
        """Store a copy of another storage's object, or of an own one, where there is a better way than through here.

        Returns:
            True if it is stored now, False if there was one under ``to`` already; None if there is no such way.

        Raises:
            OutputNotFound: nothing is stored under ``key``.
        """
        return None

    async def acheck_writable(self) -> None:
        """:meth:`check_writable`, for the event loop."""
        self.check_writable()

    async def aexamine(self, key: str, *, quarantine: bool = True) -> Examined:
        """:meth:`examine`, for the event loop."""
        from alexflow.storage.verification import examined_unrecorded  # deferred, as above

        return examined_unrecorded(key, await self.aread(key))

    async def aexamine_many(self, keys: Sequence[str], *, quarantine: bool = True) -> Sequence[Examined | None]:
        """:meth:`aexamine` some; None where nothing is stored."""
        from alexflow.storage.verification import examine_all  # deferred, as above

        return await examine_all(self, keys, quarantine=quarantine)

    async def averify(
        self,
        keys: Iterable[str] | None = None,
        *,
        prefix: str = "",
        quarantine: bool = True,
        known: KnownDigest | None = None,
    ) -> Verification:
        """:meth:`verify`, for the event loop."""
        from alexflow.storage.verification import averify  # deferred, as above

        return await averify(self, keys, prefix, quarantine=quarantine, known=known)

    async def asweep(self, older_than: float = 3600.0) -> int:
        """:meth:`sweep`, for the event loop."""
        return 0

    def areader(self, key: str) -> AbstractAsyncContextManager[AsyncReader]:
        """:meth:`reader`, for the event loop."""
        from alexflow.storage.async_streams import areader

        return areader(partial(self.aread, key))

    def awriter(self, key: str) -> AbstractAsyncContextManager[AsyncWriter]:
        """:meth:`writer`, for the event loop."""
        from alexflow.storage.async_streams import awriter

        return awriter(partial(self.writer, key))

    def apath(self, key: str, mode: Mode = "r") -> AbstractAsyncContextManager[Path]:
        """:meth:`path`, for the event loop."""
        from alexflow.storage.async_streams import in_threads

        return in_threads(partial(self.path, key, mode))


#: The parameters that hold keys, by method.
_WITH_KEYS = {
    name: parameters
    for name, method in vars(Storage).items()
    if not name.startswith("_") and isinstance(method, FunctionType) and (parameters := parameters_of(method))
}
check_arguments(Storage, _WITH_KEYS)
