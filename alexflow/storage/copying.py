"""Copies between storages and keys, without moving the bytes where the storages can share them.

On one file system a copy is a second name of the file. Within one object store the server makes it. Otherwise the bytes
pass through this process, a piece at a time, and are compared with their digest record. In each case a copy appears
as everything else does: complete, and only where there is nothing yet.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Literal

from alexflow.arguments import check_whole, wrong_argument
from alexflow.errors import OutputDamaged, OutputNotFound
from alexflow.storage.background import in_thread
from alexflow.storage.carried_record import CarryRecord, record_carrier
from alexflow.storage.files import CHUNK_BYTES, is_file, storage_error
from alexflow.storage.interface import Storage
from alexflow.storage.keys import check_key, check_keys
from alexflow.storage.layered.cache import CacheStorage
from alexflow.storage.layered.prefix import PrefixStorage
from alexflow.storage.local import LocalStorage, digest_store
from alexflow.storage.local.read import MAX_INLINE_BYTES
from alexflow.storage.storage_checks import check_storage

#: The result for one key: both names lead to one file; the copy is a file of its own; an object existed and was kept.
Copied = Literal["linked", "copied", "existed"]

#: Objects that are looked for at once.
LOOKUP_BATCH = 1000

#: Errors of a file system that cannot give a file a second name.
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})


@dataclass(frozen=True, slots=True)
class Copies:
    """The progress of copying, and in the end its result.

    Attributes:
        copied: how many outputs are in the target now that were not before.
        existed: how many were there, and stay what they are.
        total: how many there are to be; None while that is not known.
        missing: keys that were asked for, under which nothing is stored.
        damaged: keys of what is not what was published, and is not copied.
    """

    copied: int = 0
    existed: int = 0
    total: int | None = None
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()


def copy(
    source: Storage,
    target: Storage,
    keys: Iterable[str] | None = None,
    *,
    prefix: str = "",
    progress: Callable[[Copies], object] | None = None,
    concurrency: int = 16,
) -> Copies:
    """Copy outputs of one storage to another.

    What is in the target already stays what it is, so copying that was interrupted is simply done again. The record of
    what is copied goes along, with the runs that made it.

    ::

        copy(LocalStorage("results"), open_storage("s3://bucket/results"), progress=print)

    Args:
        source: where they are.
        target: where they are to be, too, under the same keys; a ``PrefixStorage`` puts something before them.
        keys: which; by default all.
        prefix: how their keys begin, where ``keys`` is not given.
        progress: called with the progress from time to time, from another thread.
        concurrency: how many are copied at once.

    Raises:
        StorageError: one of the two refused; what was copied is there.
    """
    from alexflow.storage.sync import wait_for  # deferred: asyncio

    _check(source, target, keys, progress, concurrency)
    source.prepare()
    target.prepare()
    return wait_for(acopy(source, target, keys, prefix=prefix, progress=progress, concurrency=concurrency))


async def acopy(
    source: Storage,
    target: Storage,
    keys: Iterable[str] | None = None,
    *,
    prefix: str = "",
    progress: Callable[[Copies], object] | None = None,
    concurrency: int = 16,
) -> Copies:
    """:func:`copy`, for the event loop, on which ``progress`` is called."""
    from alexflow.storage.background import for_each  # deferred, as above

    _check(source, target, keys, progress, concurrency)
    done = Copies()

    def report(so_far: Copies) -> None:
        nonlocal done
        done = so_far
        if progress is not None:
            progress(done)

    async def one(key: str) -> None:
        try:
            first = await acopy_object(source, key, target) != "existed"
        except OutputDamaged:
            report(replace(done, damaged=(*done.damaged, key)))
        except OutputNotFound:
            if keys is not None:  # else it has been removed since it was listed
                report(replace(done, missing=(*done.missing, key)))
        else:
            report(replace(done, copied=done.copied + first, existed=done.existed + (not first)))

    carry: CarryRecord | None = None
    async for batch in _batches(source, keys, prefix):
        there = await target.aexists_many(batch)
        if there:
            report(replace(done, existed=done.existed + len(there)))
        rest = [key for key in batch if key not in there]
        if rest:
            if carry is None:
                carry = await in_thread(partial(record_carrier, source, target))
            await in_thread(partial(carry, rest))  # first, so that no output is seen without it
        await for_each(rest, one, min(concurrency, len(rest)))
    report(replace(done, total=done.copied + done.existed))
    return done


async def _batches(source: Storage, keys: Iterable[str] | None, prefix: str) -> AsyncIterator[list[str]]:
    if keys is not None:
        remaining = iter(dict.fromkeys(check_keys(keys)))
        while batch := list(islice(remaining, LOOKUP_BATCH)):
            yield batch
        return
    batch = []
    async for key in source.alist(prefix):
        batch.append(key)
        if len(batch) == LOOKUP_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def copy_object(source: Storage, key: str, target: Storage, to: str | None = None) -> Copied:
    """Copy an object to a key of another storage, or of the same one.

    Args:
        source: where it is.
        key: what it is stored under.
        target: where it is to be, too.
        to: the key there; by default the same.

    Raises:
        OutputNotFound: nothing is stored under ``key``.
        StorageError: one of the two refused.
    """
    source, key, target, to = *_behind(source, key), *_behind(target, key if to is None else to)
    if isinstance(source, LocalStorage) and isinstance(target, LocalStorage):
        linked = _link(source, key, target, to)
        if linked is not None:
            return linked
    return _stream(source, key, target, to)


async def acopy_object(source: Storage, key: str, target: Storage, to: str | None = None) -> Copied:
    """:func:`copy_object`, for the event loop."""
    source, key, target, to = *_behind(source, key), *_behind(target, key if to is None else to)
    if not isinstance(source, LocalStorage) or not isinstance(target, LocalStorage):
        copied = await target.acopy_from(source, key, to)
        if copied is not None:
            return "copied" if copied else "existed"
        if await source.asize(key) <= MAX_INLINE_BYTES:
            return "copied" if await target.awrite(to, await source.checking().aread(key)) else "existed"
    return await in_thread(partial(copy_object, source, key, target, to))


async def areplace_object(source: Storage, key: str, target: Storage, to: str) -> None:
    """:func:`acopy_object`, in place of what is there.

    Raises:
        OutputNotFound: nothing is stored under ``key``.
        StorageError: one of the two refused.
    """
    await in_thread(partial(_stream, source, key, target, to, replace=True))


def _behind(storage: Storage, key: str) -> tuple[Storage, str]:
    """The storage that holds the key, and its name there."""
    check_key(key)
    while True:
        if isinstance(storage, PrefixStorage):
            key = f"{storage.prefix}/{key}"
            storage = storage.storage
        elif isinstance(storage, CacheStorage):
            storage = storage.storage
        else:
            return storage, key


def _check(source: object, target: object, keys: object, progress: object, concurrency: object) -> None:
    for storage in (source, target):
        check_storage(storage, "copy")
    if keys is not None and (isinstance(keys, str) or not isinstance(keys, Iterable)):
        raise wrong_argument("keys", keys, "several keys, such as a list of them")
    if progress is not None and not callable(progress):
        raise wrong_argument("progress", progress, "a function")
    check_whole("concurrency", concurrency)


def _stream(source: Storage, key: str, target: Storage, to: str, *, replace: bool = False) -> Copied:
    with source.checking().reader(key) as found:
        staging = target.open_staging(to)
        try:
            shutil.copyfileobj(found, staging.file, CHUNK_BYTES)
        except BaseException:
            staging.abandon()
            raise
    return "copied" if target.publish(staging.finish(), replace=replace) else "existed"


def _link(source: LocalStorage, key: str, target: LocalStorage, to: str) -> Copied | None:
    """Give one file both names; None where that is not possible."""
    path, known = target.path_of(to), source.path_of(key)
    try:
        if not is_file(known):
            raise OutputNotFound(key, source.base_path)
        if os.path.lexists(path):
            return "existed"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not digest_store.write_for_copy(known, source.base_path, key, target.base_path, to):
            return None
        os.link(known, path, follow_symlinks=False)
    except FileExistsError:
        return "existed"
    except FileNotFoundError:
        raise OutputNotFound(key, source.base_path) from None
    except OSError as error:
        if error.errno in _NO_LINKS:
            return None
        raise storage_error("link", path, error) from error
    return "linked"
