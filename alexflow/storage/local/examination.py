"""Verification of one file: compared with its digest record, and moved to the quarantine if it is damaged."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress

from alexflow.storage.digest import record_of_parts
from alexflow.storage.files import read_parts
from alexflow.storage.local import digest_store
from alexflow.storage.local.staging_area import make_reserved
from alexflow.storage.verification import Examined, examined


def examine_file(fd: int, base: str, key: str, *, quarantine: bool) -> Examined:
    """Read an open file, in chunks, and compare it with its digest records."""
    records = digest_store.read(fd, base, key)
    status = os.fstat(fd)
    actual = record_of_parts(read_parts(fd))
    with suppress(OSError):  # another user's file; a verification is no use of an output, by which gc would go
        os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns))
    return examined(key, actual, records, lambda: set_aside(base, key, fd) if quarantine else "")


def set_aside(base: str, key: str, fd: int) -> str:
    """Move an output into the quarantine.

    Args:
        base: the storage's directory.
        key: the output.
        fd: the open file that was found to be damaged; if there is another one by now, that one stays.

    Returns:
        Its path there; empty if it could not be moved, because it is gone, or the storage is read-only.
    """
    path = f"{base}/{key}"
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    inside = os.path.dirname(f"quarantine/{when}-{os.urandom(4).hex()}/{key}")
    try:
        if not os.path.samestat(os.stat(path), os.fstat(fd)):
            return ""
        moved_to = f"{make_reserved(base, inside)}/{os.path.basename(key)}"
        _move(path, moved_to)
    except OSError:
        return ""
    return moved_to


def _move(path: str, to: str) -> None:
    try:
        os.rename(path, to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        import shutil  # deferred: it is seldom needed

        shutil.copy2(path, to)  # a part of the storage that is on another disk
        os.unlink(path)
