"""``LocalStatus``: the part of a local storage that asks for the status of a key's file."""

from __future__ import annotations

import os
import stat

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import OutputNotFound
from alexflow.storage.files import NOT_THERE, storage_error
from alexflow.storage.interface import Storage


class LocalStatus(Storage):
    """Sizes, versions and times of the files of a directory.

    Attributes:
        base_path: the directory.
    """

    base_path: str

    @blocks_briefly("a small file: it costs less than a thread would")
    def size(self, key: str) -> int:
        status = self._status(key, "measure")
        if status is None or not stat.S_ISREG(status.st_mode):
            raise OutputNotFound(key, self.base_path)
        return status.st_size

    @blocks_briefly("a small file: it costs less than a thread would")
    def version(self, key: str) -> tuple[int, int, int] | None:
        status = self._status(key, "look at")
        return None if status is None else (status.st_ino, status.st_mtime_ns, status.st_size)

    @blocks_briefly("a small file: it costs less than a thread would")
    def modified(self, key: str) -> float | None:
        status = self._status(key, "look at")
        return None if status is None else status.st_mtime

    def _status(self, key: str, operation: str) -> os.stat_result | None:
        path = f"{self.base_path}/{key}"
        try:
            return os.lstat(path)
        except NOT_THERE:
            return None
        except OSError as error:
            raise storage_error(operation, path, error) from error

    async def asize(self, key: str) -> int:
        return self.size(key)

    async def aversion(self, key: str) -> tuple[int, int, int] | None:
        return self.version(key)

    async def amodified(self, key: str) -> float | None:
        return self.modified(key)
