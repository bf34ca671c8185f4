"""The storages that the conformance suite is run over."""

import pytest

from alexflow import LocalStorage, MemoryStorage, open_storage
from alexflow.storage import CacheStorage, OverlayStorage, PrefixStorage, Transaction
from alexflow.storage.local import new_file


@pytest.fixture
def named_files(monkeypatch):
    """A file system without unnamed files, such as NFS."""
    monkeypatch.setattr(new_file, "UNNAMED_FILE", None)


def _layered(kind, storage, tmp_path):
    if kind == "prefix":
        return PrefixStorage(storage, "team/mine")
    if kind == "overlay":
        base = LocalStorage(tmp_path / "base")
        base.prepare()
        return OverlayStorage(base, storage)
    return CacheStorage(storage, tmp_path / "copies")


HERE = ("local", "local-named", "local-remembering", "memory", "transaction", "prefix", "overlay", "cache")
SERVERS = ("seaweedfs", "moto", "azurite", "fake-gcs", "sftp", "webdav")
BY_OBSTORE = ("seaweedfs by obstore", "moto by obstore")


@pytest.fixture(params=[*HERE, *SERVERS, *BY_OBSTORE])
def storage(request, tmp_path):
    """Prepared and empty."""
    kind, _, client = request.param.partition(" by ")
    if kind in SERVERS:
        server = request.getfixturevalue("server")(kind)
        if client:
            pytest.importorskip(client)
        storage = open_storage(server.url(), deadline=20, client=client or None, **server.options)
        storage.prepare()
        return storage
    if request.param == "memory":
        return MemoryStorage()
    if request.param == "local-named":
        request.getfixturevalue("named_files")
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    if request.param in ("prefix", "overlay", "cache"):
        storage = _layered(request.param, storage, tmp_path)
        storage.prepare()
    if request.param == "local-remembering":
        return storage.with_read_cache()
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
