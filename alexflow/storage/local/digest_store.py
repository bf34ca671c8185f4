"""Digest records of outputs in a directory, stored with the files themselves.

A digest is an extended attribute of the file, ``user.alexflow``, set before the file gets its name. So a complete
output always has it, whichever process publishes, replaces or removes, and wherever one crashes; there is nothing to
keep in step, to compact or to look up. A file that is given another key, too, has a second attribute for that.

Where a file system has no such attributes (NFS before 4.2, some FUSE ones, macOS as seen from Python), a *sidecar*
takes their place: ``.alexflow/digests/KEY``, a line for each attempt to publish, written before the output gets its
name. Whichever of those attempts won, its line is there, so bytes that match one of the lines are good.

Rejected: one log of digests for each storage or process. A record costs a microsecond less than an attribute, but then
each reader follows the logs of all the others, every removal leaves something to clean up, and a log has to be
rewritten while others append to it.
"""

from __future__ import annotations

import errno
import os
from binascii import crc32
from collections.abc import Callable, Iterable

from alexflow.blocks_briefly import blocks_briefly
from alexflow.storage.digest import has_no_key, is_for_key, is_record, with_key
from alexflow.storage.files import open_above
from alexflow.storage.keys import RESERVED
from alexflow.storage.local.staging_area import make_reserved

ATTRIBUTE = "user.alexflow"

_SIDECARS = f"{RESERVED}/digests"

# of a file system; and of a file that a task's library has made read-only
_NO_ATTRIBUTES = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM, errno.EACCES})
_NO_ATTRIBUTE = _NO_ATTRIBUTES | {getattr(errno, "ENODATA", errno.ENOTSUP)}

_set: Callable[[int, str, bytes], None] | None = getattr(os, "setxattr", None)
_get: Callable[[int, str], bytes] | None = getattr(os, "getxattr", None)


def write(fd: int, record: bytes, base: str, key: str) -> None:
    """Store the digest record of the file that will be ``key`` in the storage ``base``."""
    if _set is not None:
        try:
            _set(fd, ATTRIBUTE, record)
            return
        except OSError as error:
            if error.errno not in _NO_ATTRIBUTES:
                raise
    write_sidecar(base, key, record)


def read(fd: int, base: str, key: str) -> list[bytes]:
    """The digest records of an open file: none, one, or one for each attempt to publish it."""
    record = _attribute(fd)
    if record is None:
        return _read(f"{base}/{_SIDECARS}/{key}")
    if not is_record(record):
        return []
    return [record] if has_no_key(record) or is_for_key(record, key) else [record, *_for_other_keys(fd)]


def _attribute(fd: int) -> bytes | None:
    if _get is not None:
        try:
            return _get(fd, ATTRIBUTE)
        except OSError as error:
            if error.errno not in _NO_ATTRIBUTE:
                raise
    return None


def _for_other_keys(fd: int) -> list[bytes]:
    names = [name for name in os.listxattr(fd) if name.startswith(f"{ATTRIBUTE}.")]
    records = [os.getxattr(fd, name) for name in names]
    return [record for record in records if is_record(record)]


def write_for_copy(path: str, base: str, key: str, target: str, to: str) -> bool:
    """Store an output's digest record for a second key of its file.

    Args:
        path: the file.
        base: its storage's directory.
        key: its key there.
        target: the directory of the storage where it will be.
        to: the key there.

    Returns:
        False if it cannot be stored, so that the second key needs a file of its own.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        record = _attribute(fd)
        if record is None:
            for noted in _read(f"{base}/{_SIDECARS}/{key}"):
                write_sidecar(target, to, with_key(noted, to))
            return True
        return not is_record(record) or has_no_key(record) or is_for_key(record, to) or _set_another(fd, record, to)
    finally:
        os.close(fd)


def _set_another(fd: int, record: bytes, key: str) -> bool:
    assert _set is not None  # there is one already
    try:
        _set(fd, f"{ATTRIBUTE}.{crc32(key.encode()):08x}", with_key(record, key))
    except OSError:
        return False
    return True


def forget(base: str, keys: Iterable[str]) -> None:
    """Remove the sidecars of outputs that have been removed, if there are any."""
    if os.path.isdir(f"{base}/{_SIDECARS}"):
        for key in keys:
            try:
                os.unlink(f"{base}/{_SIDECARS}/{key}")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue


@blocks_briefly("a small file: it costs less than a thread would")
def write_sidecar(base: str, key: str, record: bytes) -> None:
    """Store a digest record in a sidecar, where the file can have no attribute."""
    path = f"{base}/{_SIDECARS}/{key}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        fd = open_above(path, flags)
    except FileNotFoundError:
        make_reserved(base, os.path.dirname(f"digests/{key}"))
        fd = open_above(path, flags)
    try:
        # begins with a line's end, too: what came before may have been torn off by a crash
        line = b"\n" + record.hex().encode() + b"\n"
        if os.write(fd, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(fd)


@blocks_briefly("a small file: it costs less than a thread would")
def _read(path: str) -> list[bytes]:
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return []
    records: list[bytes] = []
    for line in lines:
        try:
            record = bytes.fromhex(line.decode("ascii"))
        except ValueError:  # torn off
            continue
        if is_record(record):
            records.append(record)
    return records
