"""For all faults: a storage, and named pipes to and from tasks."""

import subprocess
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from alexflow import Storage, open_storage
from tests.faults import shared_storage, workflows
from tests.kit.servers.proxy import Proxy, proxy
from tests.kit.servers.s3 import Server, environment


@pytest.fixture
def said() -> workflows.Said:
    """The words that tasks on the loop added."""
    workflows.said.clear()
    return workflows.said


@pytest.fixture(params=["s3fs", "obstore"])
def proxied(
    request: pytest.FixtureRequest, server: Callable[[str], Server]
) -> Iterator[tuple[Proxy, Callable[..., Storage]]]:
    """A proxy before SeaweedFS, and a call that opens a new storage through it."""
    behind = server("seaweedfs")
    pytest.importorskip(request.param)
    url = behind.url()
    with proxy(behind.port) as before:
        options = behind.options | {"endpoint_url": f"http://127.0.0.1:{before.port}"}
        if request.param == "obstore":
            options["client"] = "obstore"
        yield before, lambda **more: open_storage(url, **options, **more)


@pytest.fixture(params=["seaweedfs", "moto"])
def bucket(
    request: pytest.FixtureRequest, server: Callable[[str], Server]
) -> tuple[Storage, Callable[..., subprocess.Popen[str]]]:
    """A storage in a bucket, and a call that starts an engine on it."""
    behind = server(request.param)
    url = behind.url()

    def begin(*arguments: object) -> subprocess.Popen[str]:
        engine = shared_storage.start(url, *arguments, **environment(behind.port))
        request.addfinalizer(partial(shared_storage.end, engine))
        return engine

    return open_storage(url, **behind.options), begin
