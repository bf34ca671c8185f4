"""``LocalStorage`` and ``CompositeStorage`` with the methods of 1.x in addition to those of today."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alexflow import storage
from alexflow.blocks_briefly import blocks_briefly
from alexflow.legacy.serializable import Serializable
from alexflow.storage.copying import copy_object

__all__ = ["CompositeStorage", "Dir", "File", "LocalStorage", "copy_file"]


@dataclass(frozen=True)
class Dir(Serializable):
    """A directory of a storage."""

    path: str


@dataclass(frozen=True)
class File(Serializable):
    """The name of stored data in 1.x.

    Attributes:
        path: the key.
    """

    path: str


class AsIn1x(storage.Storage, Serializable):
    """The methods of a storage of 1.x."""

    def get(self, path: str) -> File:
        """The file under a key, whether it exists or not."""
        return File(path)

    def exists(self, path: str) -> bool:
        """Whether data are stored under a key."""
        return bool(self.exists_many([path]))

    def remove(self, path: str) -> None:
        """Remove the data stored under a key."""
        self.remove_many([path])

    def copy(self, path: str, target_storage: storage.Storage) -> None:
        """Copy the data of a key to another storage, unless they exist there; the two are one file if possible."""
        copy_object(self, path, target_storage)

    def list(  # type: ignore[override]
        self, path: str | None = None, *, prefix: str | None = None
    ) -> Iterator[str] | Sequence[File]:
        """All files, or the files below a directory with names relative to it; with ``prefix``, keys as of today."""
        if prefix is not None:
            return super().list(prefix)  # type: ignore[safe-super]  # behind this class there is a storage of today
        start = "" if path is None else f"{path.rstrip('/')}/"
        keys = super().list(start)  # type: ignore[safe-super]
        return [File(key.removeprefix(start)) for key in sorted(keys)]


@dataclass(frozen=True, init=False)
class LocalStorage(AsIn1x, storage.LocalStorage):  # type: ignore[misc]  # `list`, as above
    """:class:`alexflow.LocalStorage` with the methods of 1.x.

    A relative path stays relative, as documents have it. Directories above it are made too.
    """

    def __init__(self, base_path: str | os.PathLike[str]) -> None:
        object.__setattr__(self, "base_path", os.fspath(base_path))

    @blocks_briefly("once an engine: the directory is made")
    def prepare(self) -> None:
        os.makedirs(os.path.dirname(os.path.abspath(self.base_path)), exist_ok=True)
        super().prepare()

    def remove(self, path: str) -> None:
        """Remove what is stored under a key.

        Raises:
            FileNotFoundError: nothing is.
        """
        if not self.exists(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.path_of(path))
        super().remove(path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory; storing does so by itself."""
        os.makedirs(self.path_of(path), exist_ok=exist_ok)

    def namespace(self, path: str) -> LocalStorage:
        """The part below a directory, as a storage of its own."""
        return LocalStorage(self.path_of(path))


@dataclass(frozen=True, init=False)
class CompositeStorage(AsIn1x, storage.OverlayStorage):  # type: ignore[misc]  # as above
    """:class:`alexflow.storage.OverlayStorage`, with the names of 1.x, and also asked as there."""

    def __init__(self, read_only: storage.Storage, read_write: storage.Storage) -> None:
        storage.OverlayStorage.__init__(self, read_only, read_write)

    @property
    def read_only(self) -> storage.Storage:
        """The storage that is only read."""
        return self.base

    @property
    def read_write(self) -> storage.Storage:
        """The storage that is written to."""
        return self.storage

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory where it can be written to; storing does so by itself."""
        if isinstance(self.storage, LocalStorage | CompositeStorage):
            self.storage.makedirs(path, exist_ok)

    def namespace(self, path: str) -> CompositeStorage:
        """The part below a directory of both, as a storage of its own."""
        return CompositeStorage(_namespace(self.base, path), _namespace(self.storage, path))


def _namespace(of: storage.Storage, path: str) -> storage.Storage:
    return of.namespace(path) if isinstance(of, LocalStorage | CompositeStorage) else storage.PrefixStorage(of, path)


def copy_file(file: File, src: storage.Storage, dst: storage.Storage, path: str | None = None) -> None:
    """Copy a file from one storage to another, unless it is there."""
    copy_object(src, file.path, dst, path)
