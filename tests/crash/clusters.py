"""Clusters whose workers hold agents: real servers on this machine, which outlive the engines that are killed."""

from __future__ import annotations

import os
import signal
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest.mock import patch

from tests.cluster.dask_processes import start_dask
from tests.crash.engine_family import MARK, living
from tests.crash.workflow import WORKERS


class RunningCluster(NamedTuple):
    """A cluster.

    Attributes:
        kind: ``dask`` or ``ray``.
        address: where engines reach it.
        mark: by which its processes are found.
    """

    kind: str
    address: str
    mark: str


@contextmanager
def running(kind: str) -> Iterator[RunningCluster]:
    """Have a cluster that runs as many tasks at once as the other campaigns do, each at an agent of its own."""
    mark = uuid.uuid4().hex
    with patch.dict(os.environ, {MARK: mark, "PYTHONPATH": os.pathsep.join(sys.path)}):
        try:
            with {"dask": _dask, "ray": _ray}[kind]() as address:
                yield RunningCluster(kind, address, mark)
        finally:
            for relative in living(mark):
                os.kill(relative.pid, signal.SIGKILL)


@contextmanager
def _dask() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    processes = [
        start_dask("dask_scheduler", "--host", "127.0.0.1", "--port", str(port)),
        *(start_dask("dask_worker", f"tcp://127.0.0.1:{port}", "--nthreads=1") for _ in range(WORKERS)),
    ]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def _ray() -> Iterator[str]:
    from ray.cluster_utils import Cluster  # deferred: may not be installed

    with patch.dict(os.environ, {"RAY_USAGE_STATS_ENABLED": "0"}):
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        try:
            for _ in range(WORKERS - 1):
                cluster.add_node(num_cpus=1)
            yield cluster.address
        finally:
            cluster.shutdown()
