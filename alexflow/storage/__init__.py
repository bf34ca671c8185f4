"""Storages: bytes under keys, where outputs live."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.storage.copying import Copies as Copies
    from alexflow.storage.copying import acopy as acopy
    from alexflow.storage.copying import copy as copy
    from alexflow.storage.interface import Storage as Storage
    from alexflow.storage.keys import check_key as check_key
    from alexflow.storage.layered.cache import CacheStorage as CacheStorage
    from alexflow.storage.layered.overlay import OverlayStorage as OverlayStorage
    from alexflow.storage.layered.prefix import PrefixStorage as PrefixStorage
    from alexflow.storage.local import LocalStorage as LocalStorage
    from alexflow.storage.memory import MemoryStorage as MemoryStorage
    from alexflow.storage.memory_cache import MemoryCache as MemoryCache
    from alexflow.storage.opening import open_storage as open_storage
    from alexflow.storage.remote.storage import RemoteStorage as RemoteStorage
    from alexflow.storage.staged import Staged as Staged
    from alexflow.storage.transaction import Transaction as Transaction
    from alexflow.storage.verification import Digest as Digest
    from alexflow.storage.verification import Examined as Examined
    from alexflow.storage.verification import Verification as Verification

#: A model only checks keys; the engine opens a storage.
__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "copying": "Copies acopy copy",
        "interface": "Storage",
        "keys": "check_key",
        "layered.cache": "CacheStorage",
        "layered.overlay": "OverlayStorage",
        "layered.prefix": "PrefixStorage",
        "local": "LocalStorage",
        "memory": "MemoryStorage",
        "memory_cache": "MemoryCache",
        "opening": "open_storage",
        "remote.storage": "RemoteStorage",
        "staged": "Staged",
        "transaction": "Transaction",
        "verification": "Digest Examined Verification",
    },
)
