"""Clusters for the tests that need one, and their storages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.certificates import certificates  # noqa: F401
from tests.cluster.dask_processes import scheduler, scheduler_process, workers  # noqa: F401
from tests.cluster.namespaces import machines  # noqa: F401
from tests.kit.servers.s3 import Server, environment


@pytest.fixture(scope="session", autouse=True)
def bucket_server(request: pytest.FixtureRequest) -> Iterator[Server | None]:
    """SeaweedFS with ``--in=seaweedfs``, known to all processes that are started here."""
    if request.config.getoption("in") == "directory":
        yield None
        return
    found: Server = request.getfixturevalue("server")("seaweedfs")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(found.port).items():
            patch.setenv(name, value)
        yield found


@pytest.fixture
def place(request: pytest.FixtureRequest, bucket_server: Server | None, tmp_path: Path) -> str:
    """A new storage: a directory, or in a bucket."""
    if bucket_server is None:
        return str(tmp_path / "results")
    if "machines" in request.fixturenames:
        pytest.skip("the server listens on the loopback of this machine")
    return bucket_server.url()
