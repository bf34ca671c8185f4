"""The storages that formats are tried on."""

import pytest

from alexflow import LocalStorage, MemoryStorage


@pytest.fixture(params=["local", "memory"])
def storage(request, tmp_path):
    """With files, and without: some formats read a file otherwise than bytes."""
    storage = LocalStorage(tmp_path / "storage") if request.param == "local" else MemoryStorage()
    storage.prepare()
    return storage


@pytest.fixture
def local(tmp_path):
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    return storage
