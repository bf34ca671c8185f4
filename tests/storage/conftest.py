"""The storages that the conformance suite is run over."""

import pytest

from alexflow import LocalStorage, MemoryStorage
from alexflow.storage import Transaction, newfile


@pytest.fixture
def named_files(monkeypatch):
    """A file system without unnamed files, such as NFS."""
    monkeypatch.setattr(newfile, "UNNAMED_FILE", None)


@pytest.fixture(params=["local", "local-named", "memory", "transaction"])
def storage(request, tmp_path):
    """Prepared and empty."""
    if request.param == "memory":
        return MemoryStorage()
    if request.param == "local-named":
        request.getfixturevalue("named_files")
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    return Transaction(storage) if request.param == "transaction" else storage


@pytest.fixture
def published(storage):
    """A call after which what was published is visible to everybody, and where everybody looks."""

    def look():
        if isinstance(storage, Transaction):
            storage.publish_all()
            return storage.storage
        return storage

    return look
