"""A running server for each kind, started when the first test wants it and stopped at the end.

What is not installed is a reason to skip, but where ``ALEXFLOW_TEST_SERVERS`` names it (or is ``all``): there it is a
failure.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.kit.servers import others, s3
from tests.kit.servers.process import NotInstalled
from tests.kit.servers.s3 import Server

KINDS = {
    "seaweedfs": s3.seaweedfs,
    "moto": s3.moto,
    "rclone-s3": s3.rclone_s3,
    "azurite": others.azurite,
    "fake-gcs": others.fake_gcs,
    "sftp": others.sftp,
    "webdav": others.webdav,
}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Give the server of a kind."""
    wanted = os.environ.get("ALEXFLOW_TEST_SERVERS", "").replace(",", " ").split()
    started: dict[str, Server] = {}
    missing: dict[str, str] = {}
    with ExitStack() as stack:

        def start(kind: str) -> Server:
            if kind not in started and kind not in missing:
                try:
                    started[kind] = stack.enter_context(KINDS[kind](tmp_path_factory.mktemp(kind)))
                except NotInstalled as error:
                    missing[kind] = str(error)
            if kind in missing:
                if kind in wanted or "all" in wanted:
                    pytest.fail(missing[kind])
                pytest.skip(missing[kind])
            return started[kind]

        yield start
