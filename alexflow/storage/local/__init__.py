"""``LocalStorage``: a directory, one file per key, and its leases."""

from alexflow.storage.local.storage import LocalStorage as LocalStorage

LocalStorage.__module__ = __name__  # documents and ids name the class by it
