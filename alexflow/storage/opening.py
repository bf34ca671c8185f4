"""From what a caller writes, a path or a storage, to a storage."""

from __future__ import annotations

import os
import re

from alexflow.errors import UnknownStorage
from alexflow.storage.interface import Storage
from alexflow.storage.local import LocalStorage
from alexflow.storage.memory import MemoryStorage

DEFAULT_PATH = ".alexflow"

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)


def open_storage(storage: Storage | str | os.PathLike[str] | None) -> Storage:
    """A storage from a storage, a path, ``file://…``, ``memory://``, or (None) the default.

    The default is the environment's ``ALEXFLOW_STORAGE``, else ``.alexflow`` in the working directory.

    Raises:
        UnknownStorage: no storage can be opened from it.
    """
    if isinstance(storage, Storage):
        return storage
    if storage is None:
        storage = os.environ.get("ALEXFLOW_STORAGE") or DEFAULT_PATH
    if not isinstance(storage, str | os.PathLike):
        raise UnknownStorage(f"a storage is a Storage or a path, not {type(storage).__name__}")
    path = os.fspath(storage)
    if not path:
        raise UnknownStorage("the storage path is empty; name a directory")
    url = _URL.fullmatch(path)
    if url is None:
        return LocalStorage(path)
    if url[1] == "file":
        return LocalStorage(url[2])
    if url[1] == "memory":
        return MemoryStorage()
    raise UnknownStorage(f"no storage is known for {url[1]}:// in {path!r}; use a directory, file:// or memory://")
