"""A Dask cluster with TLS: lines of agents have it, too."""

from __future__ import annotations

import asyncio
import socket

import pytest

pytest.importorskip("distributed")

import dask

from alexflow import Engine
from alexflow.cluster import DaskExecutor
from tests.cluster.dask_processes import start_dask
from tests.cluster.workflows import Leaf

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


async def test_workers_of_dask_show_their_own_certificates(place, certificates):
    cert, key = certificates["ours"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = "--tls-ca-file", cert, "--tls-cert", cert, "--tls-key", key, "--protocol", "tls", "--host", "127.0.0.1"
    processes = [
        start_dask("dask_scheduler", "--port", str(port), *options),
        start_dask("dask_worker", f"tls://127.0.0.1:{port}", "--nthreads", "1", "--no-nanny", *options),
    ]
    config = {"ca-file": cert, "client.cert": cert, "client.key": key}
    try:
        with dask.config.set({f"distributed.comm.tls.{name}": file for name, file in config.items()}):
            executor = DaskExecutor(f"tls://127.0.0.1:{port}")
            async with Engine(place, executor=executor) as engine:
                assert (await engine.run([Leaf(number) for number in range(40)])).ran == 40
                (line,) = executor._connected
                assert line._transport.get_extra_info("ssl_object") is not None
    finally:
        for process in processes:
            process.kill()
            await asyncio.to_thread(process.wait)
