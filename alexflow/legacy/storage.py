"""``LocalStorage`` with the methods of 1.x besides those of today."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from alexflow import storage
from alexflow.errors import OutputNotFound
from alexflow.legacy.documents import serialize


class File(str):
    """A key of a storage; 1.x has it as an object with a ``path``."""

    __slots__ = ()

    def __new__(cls, path: str) -> File:
        return super().__new__(cls, path)

    @property
    def path(self) -> str:
        """The key."""
        return str(self)


class Dir(File):
    """A directory of a storage."""

    __slots__ = ()


@dataclass(frozen=True, init=False)
class LocalStorage(storage.LocalStorage):
    """:class:`alexflow.LocalStorage`, also asked as in 1.x. A relative path stays one: documents have it as it is."""

    __former_name__: ClassVar[str] = "alexflow.adapters.storage.local_storage.LocalStorage"

    def __init__(self, base_path: str | os.PathLike[str]) -> None:
        object.__setattr__(self, "base_path", os.fspath(base_path))

    def to_dict(self) -> dict[str, str]:
        """The fields by name."""
        return {"base_path": self.base_path}

    def serialize(self) -> dict[str, str]:
        """A document of 1.x."""
        document: dict[str, str] = serialize(self)
        return document

    def get(self, path: str) -> File:
        """The file under a key, whether it exists or not."""
        return File(path)

    def exists(self, path: str) -> bool:
        """Whether something is stored under a key."""
        return bool(self.exists_many([path]))

    def remove(self, path: str) -> None:
        """Remove what is stored under a key.

        Raises:
            OutputNotFound: nothing is.
        """
        if not self.exists(path):
            raise OutputNotFound(path, self.base_path)
        self.remove_many([path])

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory; storing does so by itself."""
        os.makedirs(self.path_of(path), exist_ok=exist_ok)

    def namespace(self, path: str) -> LocalStorage:
        """What lies below a directory, as a storage of its own."""
        return LocalStorage(self.path_of(path))

    def copy(self, path: str, target_storage: LocalStorage) -> None:
        """Copy what is stored under a key to another storage; there the two are one file where that is possible."""
        target = target_storage.path_of(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            os.link(self.path_of(path), target)
        except FileExistsError:
            return
        except OSError:  # another file system, or one without links
            target_storage.write(path, self.read(path))


def copy_file(file: File, src: LocalStorage, dst: LocalStorage, path: str | None = None) -> None:
    """Copy a file from one storage to another, unless it is there."""
    if not dst.exists(path or file):
        dst.write(path or file, src.read(file))


@dataclass(frozen=True, init=False)
class CompositeStorage(storage.OverlayStorage):
    """:class:`alexflow.OverlayStorage` with the names of 1.x."""

    __former_name__: ClassVar[str] = "alexflow.adapters.storage.composite_storage.CompositeStorage"

    def __init__(self, read_only: storage.Storage, read_write: storage.Storage) -> None:
        super().__init__(read_only, read_write)

    @property
    def read_only(self) -> storage.Storage:
        """What is only read."""
        return self.base

    @property
    def read_write(self) -> storage.Storage:
        """What is written to."""
        return self.storage
