"""A directory as a storage."""

from alexflow.storage.local.storage import LocalStorage as LocalStorage
