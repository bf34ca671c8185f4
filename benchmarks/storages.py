"""Ways to store, for the case ``durability``. Worker processes import this module."""

from __future__ import annotations

import os
from functools import partial

from alexflow import LocalStorage
from alexflow.storage.digest import record_of
from alexflow.storage.local import digest_store
from alexflow.storage.local.new_file import link_unnamed


class Unrecorded(LocalStorage):
    """Records no digests: what it takes to do without."""

    def _publish_unnamed(self, fd: int, path: str, key: str, data: bytes) -> bool:
        try:
            return link_unnamed(fd, path)
        finally:
            os.close(fd)


class Noted(LocalStorage):
    """Records digests as on a file system that has no extended attributes."""

    def _publish_unnamed(self, fd: int, path: str, key: str, data: bytes) -> bool:
        try:
            digest_store.write_sidecar(self.base_path, key, record_of(data))
            return link_unnamed(fd, path)
        finally:
            os.close(fd)


#: By name, as an argument of the contestant.
STORAGES = {
    "plain": LocalStorage,
    "unrecorded": Unrecorded,
    "noted": Noted,
    "check": partial(LocalStorage, check=True),
    "fsync": partial(LocalStorage, fsync=True),
}
