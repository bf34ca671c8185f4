"""Real Ray clusters of two nodes on this machine."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

#: Warnings of ray's own.
OF_RAY = "ignore::ResourceWarning", "ignore::FutureWarning"


@contextmanager
def two_nodes() -> Iterator[Any]:
    """Two nodes of one CPU each; the first one also serves clients, at ``client_address``."""
    import ray  # deferred: an extra
    from ray.cluster_utils import Cluster

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # tests are no package that is installed
    variables = {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    with patch.dict(os.environ, variables):
        started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "ray_client_server_port": port})
        try:
            started.add_node(num_cpus=1)
            started.client_address = f"ray://127.0.0.1:{port}"
            yield started
        finally:
            ray.shutdown()  # an executor does not wait for it where the cluster no longer answers
            started.shutdown()
