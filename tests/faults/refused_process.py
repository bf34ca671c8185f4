"""Does something with a storage in processes of their own, each to be refused some system call.

``python -m tests.faults.refused_process WHAT``; for each line, a storage's path, it forks. The child says its process
id, waits for a line, does it, and ends with a code that tells how that went.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from alexflow import LocalStorage
from alexflow.errors import OutputNotFound, StorageDenied, StorageError, StorageFull
from alexflow.storage import CacheStorage, PrefixStorage, Storage, Transaction
from alexflow.storage.copying import copy_object
from alexflow.storage.interface import Storage as Base
from alexflow.storage.local import digest_store, new_file
from alexflow.storage.local.read import MAX_INLINE_BYTES
from tests.faults.publisher_process import ANY_PROCESS, PR_SET_PTRACER, read_line, say

LARGE = MAX_INLINE_BYTES + 1

OLD = b"0" * 1000  # what is there under "old"

DONE, FULL, DENIED, NOT_FOUND, OTHER, RAW, WITHOUT_PATH = range(7)


class InScratch(LocalStorage):
    """An adapter that takes streams as adapters of others do: by way of a scratch directory."""

    open_staging = Base.open_staging


def write(size: int, **how: object) -> Callable[[LocalStorage], object]:
    return lambda storage: storage.write("dir/key", b"1" * size, **how)  # type: ignore[arg-type]


def stream(storage: Storage) -> None:
    with storage.writer("dir/key") as file:
        file.write(b"1" * LARGE)
        file.flush()
        file.truncate(LARGE)


def by_path(storage: Storage) -> None:
    with storage.path("dir/key", "w") as path:
        path.write_bytes(b"1" * LARGE)


def read_path(storage: Storage) -> None:
    with storage.path("old") as path:
        try:
            found = path.read_bytes()
        except OSError:  # it is the reader who is refused
            return
        assert found == OLD


def read_back(storage: LocalStorage) -> None:
    transaction = Transaction(storage)
    stream(transaction)
    with transaction.reader("dir/key") as file:
        assert len(file.read()) == LARGE
    transaction.publish_all()


def damaged(storage: LocalStorage) -> None:
    try:
        with open(storage.path_of("other"), "r+b") as file:
            file.write(b"?")
    except OSError:  # it is not the storage that is refused
        return
    storage.verify()


def cached(storage: LocalStorage) -> None:
    through = CacheStorage(storage, f"{storage.base_path}-copies", max_bytes=1000)
    through.prepare()
    assert through.read("old") == OLD
    read_path(through)
    stream(through)
    through.remove_many(["old"])


def prepare(storage: LocalStorage) -> None:
    storage.prepare()
    storage.check_writable()
    storage.exists_many(["old"])


WAYS: dict[str, Callable[[LocalStorage], object]] = {
    "small": write(20),
    "large": write(LARGE),
    "named": write(LARGE),
    "notes": write(20),
    "replace": write(20, replace=True),
    "replace, named": write(LARGE, replace=True),
    "fsync": write(20),
    "async": lambda storage: asyncio.run(storage.awrite("dir/key", b"1" * LARGE)),
    "stream": stream,
    "stream, named": stream,
    "stream, scratch": lambda storage: stream(InScratch(storage.base_path)),
    "path": by_path,
    "path, prefix": lambda storage: by_path(PrefixStorage(storage, "part")),
    "read back": read_back,
    "read": lambda storage: storage.read("old"),
    "read, path": read_path,
    "copy": lambda storage: copy_object(storage, "old", storage, "dir/key"),
    "remove": lambda storage: storage.remove_many(["old", "other", "none"]),
    "sweep": lambda storage: storage.sweep(0),
    "damaged": damaged,
    "cache": cached,
    "prepare": prepare,
}


def main(what: str) -> None:
    if "named" in what:
        new_file.UNNAMED_FILE = None
    if "notes" in what:
        digest_store._set = digest_store._get = None
    random.random()
    with tempfile.TemporaryDirectory() as elsewhere:  # what is loaded on demand is loaded now
        place = LocalStorage(f"{elsewhere}/s", fsync="fsync" in what)
        fill(place)
        with suppress(StorageError):
            WAYS[what](place)
    while path := read_line():
        child = os.fork()
        if child == 0:
            with suppress(OSError, AttributeError):  # not Linux, or nobody who forbids it
                ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANY_PROCESS, 0, 0, 0)
            storage = LocalStorage(path, fsync="fsync" in what)
            say(os.getpid())
            read_line()
            os._exit(outcome(WAYS[what], storage))
        say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def fill(storage: LocalStorage) -> None:
    """Store the outputs that are there before: two, and stale files."""
    storage.prepare()
    storage.write("old", OLD)
    storage.write("other", OLD)
    litter = Path(storage.base_path, ".alexflow/staging/left")
    litter.parent.mkdir(parents=True, exist_ok=True)
    litter.touch()
    os.utime(litter, (0, 0))


def outcome(do: Callable[[LocalStorage], object], storage: LocalStorage) -> int:
    try:
        do(storage)
    except (StorageFull, StorageDenied) as error:
        if not error.path or error.path not in str(error):
            return WITHOUT_PATH
        return FULL if isinstance(error, StorageFull) else DENIED
    except OutputNotFound:
        return NOT_FOUND
    except StorageError:
        return OTHER
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        return RAW
    return DONE


if __name__ == "__main__":
    main(*sys.argv[1:])
