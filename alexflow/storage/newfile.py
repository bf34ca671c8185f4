"""Files that are not at their final name yet, and how they get there."""

from __future__ import annotations

import errno
import itertools
import os
from dataclasses import dataclass

_DESCRIPTORS = "/proc/self/fd"  # where an unnamed file can be linked from

#: The flag of ``open`` that makes an unnamed file; None where there is none, or no way to name it later.
UNNAMED_FILE: int | None = getattr(os, "O_TMPFILE", None) if os.path.isdir(_DESCRIPTORS) else None

#: Begins the names of files that are on their way; nothing that is listed.
TEMPORARY = ".alexflow-tmp-"

CHUNK = 1024 * 1024  # bytes, when streaming

_NO_UNNAMED_FILES = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS})
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})

_temporary_names = itertools.count()


@dataclass(slots=True)
class NewFile:
    """An open file that is not at its final name yet: without a name, or with a temporary one."""

    fd: int
    name: str | None

    def close(self) -> None:
        """Let go of it; what has not been linked is gone."""
        os.close(self.fd)
        if self.name is not None:
            os.unlink(self.name)
            self.name = None


def open_new(directory: str) -> NewFile:
    """A new empty file in a directory, open for writing and reading."""
    if UNNAMED_FILE is not None:
        try:
            return NewFile(os.open(directory, os.O_RDWR | UNNAMED_FILE | os.O_CLOEXEC, 0o644), None)
        except OSError as error:
            if error.errno not in _NO_UNNAMED_FILES:
                raise
    name = f"{directory}/{TEMPORARY}{os.getpid()}-{next(_temporary_names)}-{os.urandom(4).hex()}"
    return NewFile(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), name)


def link(file: NewFile, path: str, *, replace: bool) -> bool:
    """Give a complete file its final name, at once; False if there is one already, unless ``replace`` is set."""
    if replace:
        return _replace(file, path)
    try:
        if file.name is None:
            os.link(f"{_DESCRIPTORS}/{file.fd}", path, src_dir_fd=file.fd, follow_symlinks=True)
        else:
            os.link(file.name, path)
    except FileExistsError:
        _refuse_directory(path)
        return False
    except OSError as error:
        if file.name is None or error.errno not in _NO_LINKS:
            raise
        if os.path.exists(path):  # no hard links here: the best that is left
            return False
        os.rename(file.name, path)
        file.name = None
    return True


def _replace(file: NewFile, path: str) -> bool:
    if file.name is None:
        name = f"{os.path.dirname(path)}/{TEMPORARY}{os.getpid()}-{next(_temporary_names)}-{os.urandom(4).hex()}"
        os.link(f"{_DESCRIPTORS}/{file.fd}", name, src_dir_fd=file.fd, follow_symlinks=True)
        file.name = name
    os.replace(file.name, path)
    file.name = None
    return True


def write_unnamed(directory: str, data: bytes) -> int | None:
    """The descriptor of a new file with ``data`` in it, without a name; None where there are no unnamed files.

    With :func:`link_unnamed` the short way to a published file: what most outputs take.
    """
    if UNNAMED_FILE is None:
        return None
    try:
        fd = os.open(directory, os.O_WRONLY | UNNAMED_FILE | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if error.errno not in _NO_UNNAMED_FILES:
            raise
        return None
    try:
        write_all(fd, data)
    except OSError:
        os.close(fd)
        raise
    return fd


def link_unnamed(fd: int, path: str) -> bool:
    """Give the file its name, and close it; False if there is one of that name already."""
    try:
        # src_dir_fd makes Python call linkat with AT_SYMLINK_FOLLOW; the path is absolute, so it is not looked at
        os.link(f"{_DESCRIPTORS}/{fd}", path, src_dir_fd=fd, follow_symlinks=True)
    except FileExistsError:
        _refuse_directory(path)
        return False
    finally:
        os.close(fd)
    return True


def _refuse_directory(path: str) -> None:
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path) from None


def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data``, however many calls it takes."""
    written = os.write(fd, data)
    if written < len(data):
        view = memoryview(data)
        while written < len(data):
            written += os.write(fd, view[written:])


def read_all(fd: int, at_first: int, at: int | None = None) -> bytes:
    """Read to the end, from ``at`` if given; ``at_first`` is how much is read before asking how much there is."""
    if at is not None:
        os.lseek(fd, at, os.SEEK_SET)
    data = os.read(fd, at_first)
    if len(data) < at_first:  # of a file on a disk, that is all
        return data
    parts = [data]
    rest = os.fstat(fd).st_size - len(data)
    while more := os.read(fd, max(rest, 0) + 1):
        parts.append(more)
        rest -= len(more)
    return b"".join(parts)
