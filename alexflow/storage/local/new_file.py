"""New files that are not at their final name yet, and their linking to it."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from alexflow.blocks_briefly import blocks_briefly
from alexflow.forks import this_process
from alexflow.storage.descriptors import Permit, claimed
from alexflow.storage.files import above_standard, open_above, write_all
from alexflow.storage.local.staging_area import STAGING, make_reserved, temporary_name

_PROCESS = "/proc/self"
_DESCRIPTORS = f"{_PROCESS}/fd"  # where an unnamed file can be linked from

#: The flag of ``open`` that makes an unnamed file; None where there is none, or no way to name it later.
UNNAMED_FILE: int | None = getattr(os, "O_TMPFILE", None) if os.path.isdir(_DESCRIPTORS) else None

_FLAGS = 0 if UNNAMED_FILE is None else os.O_WRONLY | os.O_CLOEXEC | UNNAMED_FILE

_NO_UNNAMED_FILES = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS})
_NOT_NAMED = frozenset({errno.EBADF, errno.ENOTDIR, errno.ENOENT})  # by the directory of a process, as it is held open
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class NewFile:
    """An open file that is not at its final name yet: without a name, or with one in the staging directory.

    Attributes:
        fd: its descriptor.
        base: the storage's directory.
        name: its path, if it has a name.
        record: what is to be recorded of what was written to it.
        process: that to which it belongs; a fork of that leaves it as it is.
        permit: that under which it was opened, if any.
    """

    __slots__ = ("base", "fd", "name", "permit", "process", "record")

    def __init__(self, fd: int, base: str, name: str | None) -> None:
        self.fd = fd
        self.base = base
        self.name = name
        self.record = b""
        self.process = this_process.generation
        self.permit: Permit | None = claimed()

    @blocks_briefly("a small file: it costs less than a thread would")
    def close(self) -> None:
        """Close the file; if it has not been linked, it is gone."""
        os.close(self.fd)
        if self.permit is not None:
            self.permit.release()
        if self.name is not None and self.process == this_process.generation:
            with suppress(OSError):  # then it is stale, and swept in time
                os.unlink(self.name)
            self.name = None


@blocks_briefly("a small file: it costs less than a thread would")
def open_new(base: str, directory: str) -> NewFile:
    """A new empty file for a directory of the storage ``base``, open for writing and reading."""
    if UNNAMED_FILE is not None:
        try:
            return NewFile(open_above(directory, os.O_RDWR | UNNAMED_FILE | os.O_CLOEXEC), base, None)
        except OSError as error:
            if error.errno not in _NO_UNNAMED_FILES:
                raise
    if not os.path.isdir(directory):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), directory)
    name = f"{base}/{STAGING}/{temporary_name()}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        fd = open_above(name, flags)
    except FileNotFoundError:
        make_reserved(base, "staging")
        fd = open_above(name, flags)
    return NewFile(fd, base, name)


@blocks_briefly("a small file: it costs less than a thread would")
def link(file: NewFile, path: str, *, replace: bool) -> bool:
    """Give a complete file its final name, at once; False if there is one already, unless ``replace`` is set."""
    if replace:
        return _replace(file, path)
    try:
        if file.name is None:
            _link_descriptor(file.fd, path)
        else:
            os.link(file.name, path)
    except FileExistsError:
        _refuse_what_is_no_file(path)
        # a server of NFS may have made the link, and its answer was lost: asked again, it finds our own; see link(2)
        return file.name is not None and _is_at(file, path)
    except OSError as error:
        if file.name is None or error.errno not in _NO_LINKS:
            raise
        if os.path.exists(path):  # no hard links here: the best that is left
            return False
        os.rename(file.name, path)
        file.name = None
    return True


def _is_at(file: NewFile, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fd), os.stat(path))
    except FileNotFoundError:  # it was there a moment ago; the caller looks for it once more
        return False


@blocks_briefly("a small file: it costs less than a thread would")
def _replace(file: NewFile, path: str) -> bool:
    if file.name is None:
        name = f"{file.base}/{STAGING}/{temporary_name()}"
        try:
            try:
                _link_descriptor(file.fd, name)
            except FileNotFoundError:
                make_reserved(file.base, "staging")
                _link_descriptor(file.fd, name)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return _remove_and_link(file.fd, path)
        file.name = name
    os.replace(file.name, path)
    file.name = None
    return True


@blocks_briefly("a small file: it costs less than a thread would")
def _remove_and_link(fd: int, path: str) -> bool:
    """Replace a file on another disk than the staging area, from where nothing can be renamed to it.

    Between the two steps the output is absent, as any that is removed.
    """
    while True:
        with suppress(FileNotFoundError):
            os.unlink(path)
        with suppress(FileExistsError):  # another publisher came between
            _link_descriptor(fd, path)
            return True


def _link_descriptor(fd: int, path: str) -> None:
    """Give an unnamed file a name.

    The name of its descriptor is looked up in ``/proc/self``, held open, as ``fd/N``. Code that closes descriptors
    of others may put another directory in its place; then there is no such name in it.
    """
    name = f"fd/{fd}"
    try:
        os.link(name, path, src_dir_fd=_opened.get(_PROCESS) or _process(), follow_symlinks=True)
    except OSError as error:
        if error.errno not in _NOT_NAMED or _is_ours(_process()):
            raise
        _opened.clear()
        os.link(name, path, src_dir_fd=_process(), follow_symlinks=True)


_opened: dict[str, int] = {}  # the directory of this process: to find it for each file takes 1 to 3 µs


def _process() -> int:
    known = _opened.get(_PROCESS)
    if known is None:
        own = open_above(_PROCESS, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        known = _opened.setdefault(_PROCESS, own)
        if known != own:  # another thread was first
            os.close(own)
    return known


def _is_ours(fd: int) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(_PROCESS))
    except OSError:
        return False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_opened.clear)  # it is the parent's that are named there


def at_open(file: NewFile) -> str:
    """A path by which the file can be opened once more."""
    return file.name or f"{_DESCRIPTORS}/{file.fd}"


def write_unnamed(directory: str, data: bytes) -> int | None:
    """The descriptor of a new file with ``data`` in it, without a name; None where there are no unnamed files.

    With :func:`link_unnamed` the short way to a published file: what most outputs take.
    """
    if UNNAMED_FILE is None:
        return None
    try:
        fd = os.open(directory, _FLAGS, 0o644)
    except OSError as error:
        if error.errno not in _NO_UNNAMED_FILES:
            raise
        return None
    if fd <= 2:
        fd = above_standard(fd)
    try:
        write_all(fd, data)
    except OSError:
        os.close(fd)
        raise
    return fd


def link_unnamed(fd: int, path: str) -> bool:
    """Give the file its name; False if there is one of that name already."""
    try:
        os.link(f"fd/{fd}", path, src_dir_fd=_opened.get(_PROCESS) or _process(), follow_symlinks=True)
    except FileExistsError:
        _refuse_what_is_no_file(path)
        return False
    except OSError as error:
        if error.errno not in _NOT_NAMED:
            raise
        _link_descriptor(fd, path)
    return True


def _refuse_what_is_no_file(path: str) -> None:
    """Another output may have been first. A directory, a pipe, a link is none, and would be for ever in the way."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:  # it has just been removed
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path) from None
    if not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, "what is there is not a file; remove it", path) from None
