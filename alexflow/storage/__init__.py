"""Where outputs live: bytes under keys."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names
from alexflow.storage.keys import check_key

if TYPE_CHECKING:
    from alexflow.storage.copying import Copies, acopy, copy
    from alexflow.storage.interface import Storage
    from alexflow.storage.layered.cache import CacheStorage
    from alexflow.storage.layered.overlay import OverlayStorage
    from alexflow.storage.layered.prefix import PrefixStorage
    from alexflow.storage.local import LocalStorage
    from alexflow.storage.memory import MemoryStorage
    from alexflow.storage.opening import open_storage
    from alexflow.storage.remote.storage import RemoteStorage
    from alexflow.storage.staged import Staged
    from alexflow.storage.transaction import Transaction
    from alexflow.storage.verification import Digest, Examined, Verification

__all__ = [
    "CacheStorage",
    "Copies",
    "Digest",
    "Examined",
    "LocalStorage",
    "MemoryStorage",
    "OverlayStorage",
    "PrefixStorage",
    "RemoteStorage",
    "Staged",
    "Storage",
    "Transaction",
    "Verification",
    "acopy",
    "check_key",
    "copy",
    "open_storage",
]

#: A model only checks keys; whoever runs it opens a storage.
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Copies": "alexflow.storage.copying",
        "acopy": "alexflow.storage.copying",
        "copy": "alexflow.storage.copying",
        "Staged": "alexflow.storage.staged",
        "Storage": "alexflow.storage.interface",
        "CacheStorage": "alexflow.storage.layered.cache",
        "OverlayStorage": "alexflow.storage.layered.overlay",
        "PrefixStorage": "alexflow.storage.layered.prefix",
        "LocalStorage": "alexflow.storage.local.storage",
        "MemoryStorage": "alexflow.storage.memory",
        "open_storage": "alexflow.storage.opening",
        "RemoteStorage": "alexflow.storage.remote.storage",
        "Transaction": "alexflow.storage.transaction",
        "Digest": "alexflow.storage.verification",
        "Examined": "alexflow.storage.verification",
        "Verification": "alexflow.storage.verification",
    },
)
