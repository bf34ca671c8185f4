"""Publishes in processes of their own, each to be killed at some system call.

``python -m tests.faults.publisher_process KEY SIZE [named] [notes] [replace] [fsync] [stream] [path]``

For each line, a storage's path, it forks. The child says its process id, waits for a line, publishes, and ends without
any of Python's own tidying up; then its parent says how it ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import tempfile

from alexflow import LocalStorage
from alexflow.storage.local import digest_store, new_file

PR_SET_PTRACER = 0x59616D61
ANY_PROCESS = ctypes.c_ulong(2**64 - 1)


def content(size: int, filler: bytes) -> bytes:
    """Return the bytes that are published."""
    return filler * size


def main(key: str, size: str, *how: str) -> None:
    """Publish, as the arguments say."""
    if "named" in how:
        new_file.UNNAMED_FILE = None
    if "notes" in how:
        digest_store._set = digest_store._get = None
    data = content(int(size), b"2" if "replace" in how else b"1")
    with tempfile.TemporaryDirectory() as elsewhere:  # what is loaded on demand is loaded now
        publish(LocalStorage(elsewhere), key, data, how)
    while place := read_line():
        child = os.fork()
        if child == 0:
            storage = LocalStorage(place, fsync="fsync" in how)
            with contextlib.suppress(OSError, AttributeError):  # not Linux, or nobody who forbids it
                ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANY_PROCESS, 0, 0, 0)  # whoever comes may look
            say(os.getpid())
            read_line()
            publish(storage, key, data, how)
            os._exit(0)
        say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def publish(storage: LocalStorage, key: str, data: bytes, how: tuple[str, ...]) -> None:
    if "stream" in how:
        with storage.writer(key) as file:
            file.write(data)
    elif "path" in how:
        with storage.path(key, "w") as path:
            path.write_bytes(data)
    else:
        storage.write(key, data, replace="replace" in how)


def say(number: int) -> None:
    os.write(1, b"%d\n" % number)


def read_line() -> str:
    """A line, and nothing that comes after it: the next one is for another process."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"\n", b""):
        line += byte
    return line.decode()


if __name__ == "__main__":
    main(*sys.argv[1:])
