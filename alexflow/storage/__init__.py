"""Where outputs live: bytes under keys."""

from typing import TYPE_CHECKING

from alexflow.ondemand import on_demand
from alexflow.storage.keys import check_key

if TYPE_CHECKING:
    from alexflow.storage.interface import Staged, Storage
    from alexflow.storage.local import LocalStorage
    from alexflow.storage.memory import MemoryStorage
    from alexflow.storage.opening import open_storage
    from alexflow.storage.transaction import Transaction
    from alexflow.storage.verification import Digest, Examined, Verification

__all__ = [
    "Digest",
    "Examined",
    "LocalStorage",
    "MemoryStorage",
    "Staged",
    "Storage",
    "Transaction",
    "Verification",
    "check_key",
    "open_storage",
]

#: A model only checks keys; whoever runs it opens a storage.
__getattr__, __dir__ = on_demand(
    __name__,
    {
        "Staged": "alexflow.storage.interface",
        "Storage": "alexflow.storage.interface",
        "LocalStorage": "alexflow.storage.local",
        "MemoryStorage": "alexflow.storage.memory",
        "open_storage": "alexflow.storage.opening",
        "Transaction": "alexflow.storage.transaction",
        "Digest": "alexflow.storage.verification",
        "Examined": "alexflow.storage.verification",
        "Verification": "alexflow.storage.verification",
    },
)
