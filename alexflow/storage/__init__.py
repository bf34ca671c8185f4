"""Where outputs live: bytes under keys."""

from alexflow.storage.interface import Staged, Storage
from alexflow.storage.keys import check_key
from alexflow.storage.local import LocalStorage
from alexflow.storage.memory import MemoryStorage
from alexflow.storage.opening import open_storage
from alexflow.storage.transaction import Transaction

__all__ = ["LocalStorage", "MemoryStorage", "Staged", "Storage", "Transaction", "check_key", "open_storage"]
