"""Publication of a key's file: written without a name, recorded, then linked, at once and whole.

``names`` is given where an output, and its name, is to be on the disk before it counts as published.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from alexflow.blocks_briefly import blocks_briefly
from alexflow.storage.digest import record_of, with_key
from alexflow.storage.files import NOT_THERE, storage_error, write_all
from alexflow.storage.local import digest_store
from alexflow.storage.local.new_file import NewFile, link, link_unnamed, open_new, write_unnamed


class SyncedNames:
    """Writes the names of a storage's files to the disk, and those of each directory's parents once.

    Args:
        base: the storage's directory.
    """

    def __init__(self, base: str):
        self._base = base.rstrip("/")  # nothing is left of the root
        self._known: frozenset[str] = frozenset()  # directories; replaced, not changed: threads share it

    def sync(self, path: str) -> None:
        """Write a name to the disk, and if its directory is new here, the names of its parents."""
        directory = os.path.dirname(path)
        sync_directory(directory)
        if directory in self._known:
            return
        way = directory
        while way.rstrip("/") != self._base:
            way = os.path.dirname(way)
            sync_directory(way)
        try:
            sync_directory(os.path.dirname(way))
        except PermissionError:  # then it is none that could have been made from here
            pass
        self._known |= {directory}

    def forget(self) -> None:
        """Forget which directories are on the disk: one is new, or some have been removed."""
        self._known = frozenset()


def sync_directory(directory: str) -> None:
    """Write the names in a directory to the disk."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_small(base: str, path: str, data: bytes) -> int | None:
    """The descriptor of an unnamed file with ``data`` in it; None where it takes :func:`new_file`."""
    try:
        return write_unnamed(base, data)
    except FileNotFoundError:  # the directory is to be made first
        return None
    except OSError as error:
        raise storage_error("write", path, error) from error


@blocks_briefly("a small file: it costs less than a thread would")
def publish_small(fd: int, path: str, base: str, key: str, record: bytes, names: SyncedNames | None) -> bool:
    """Name and close the file that :func:`write_small` has written; False if another publisher was first.

    Args:
        fd: its descriptor.
        path: that of ``key`` in the storage ``base``.
        base: the storage's directory.
        key: the output's.
        record: the digest record of what the file holds, with the key.
        names: see the module.
    """
    try:
        digest_store.write(fd, record, base, key)
        if names is None:
            return link_unnamed(fd, path)
        os.fsync(fd)
        first = link_unnamed(fd, path)
    finally:
        os.close(fd)
    names.sync(path)
    return first


@blocks_briefly("a small file: it costs less than a thread would")
def new_file(base: str, key: str, data: bytes, names: SyncedNames | None) -> NewFile:
    """A file for ``key`` that has no final name yet, with ``data`` in it; its directory is made if need be."""
    inside = key.rpartition("/")[0]
    directory = f"{base}/{inside}" if inside else base
    try:
        try:
            file = open_new(base, directory)
        except FileNotFoundError:
            if names is not None:
                names.forget()
            os.makedirs(directory, exist_ok=True)
            file = open_new(base, directory)
        _fill(file, data)
    except OSError as error:
        raise storage_error("write", f"{base}/{key}", error) from error
    return file


def _fill(file: NewFile, data: bytes) -> None:
    try:
        if data:
            write_all(file.fd, data)
        file.record = record_of(data)
    except OSError:
        file.close()
        raise


@blocks_briefly("a small file: it costs less than a thread would")
def publish_file(file: NewFile, base: str, key: str, names: SyncedNames | None, *, replace: bool) -> bool:
    """Name and close a complete file; False if another publisher was first and ``replace`` is not set."""
    path = f"{base}/{key}"
    try:
        digest_store.write(file.fd, with_key(file.record, key), base, key)
        if names is not None:
            os.fsync(file.fd)
        first = link(file, path, replace=replace)
    finally:
        file.close()
    if names is not None:
        names.sync(path)
    return first


def remove_files(base: str, keys: Iterable[str]) -> None:
    """Remove the files of ``keys``, and their digest records; a key without a file is skipped.

    Raises:
        StorageError: a file cannot be removed.
    """
    removed = list(keys)
    for key in removed:
        path = f"{base}/{key}"
        try:
            os.unlink(path)
        except (*NOT_THERE, IsADirectoryError):
            continue
        except OSError as error:
            raise storage_error("remove", path, error) from error
    digest_store.forget(base, removed)
