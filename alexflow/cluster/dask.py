"""``DaskExecutor``: Dask finds the places, agents run the jobs.

Dask is used for what it does well: it knows machines, starts a process on each, and scales. On each of its workers one
*pilot* runs, a Dask task like any other, which holds an agent (:mod:`alexflow.cluster.agent`) for as long as the engine
or the worker lives. No job, no result and no graph goes through Dask: a task sent by ``client.map`` costs 1,560 µs, and
its death is charged to everything that was queued beside it; one that an agent gets costs what it costs on one machine.

A pilot is an ordinary task, so that the scheduler sees the worker as busy: adaptive clusters keep it, and a worker that
is retired, or whose lifetime ends, changes its status, at which the agent leaves: it takes no more jobs, ends what runs
if there is time, and what had not begun runs elsewhere, uncharged.

Rejected: Dask's actors (the scheduler refuses to retire a worker that holds one), a Dask task for each batch (10.7 ms
each way, and a worker whose only thread is busy reads no control message), events of the scheduler for membership (they
are lost with the connection: workers are looked at, every second).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from alexflow.cluster.executor import AgentExecutor
from alexflow.cluster.pilot import run_pilot
from alexflow.errors import MissingLibrary
from alexflow.executors.interface import JobSource, Report
from alexflow.logs import logger
from alexflow.model.executor_kinds import ExecutorKind
from alexflow.storage import Storage

#: Seconds between two looks at the workers of the cluster.
CLUSTER_LOOK_EVERY = 1.0


class DaskExecutor(AgentExecutor):
    """Runs jobs on the workers of a Dask cluster. ::

        async with Engine("s3://bucket/results", executor=DaskExecutor("tcp://scheduler:8786")) as engine:
            ...

    ``executor="dask://scheduler:8786"`` is the same. Workers may come and go, as those of adaptive clusters do. Each
    needs alexflow, of the same version, and the storage.

    Args:
        cluster: the scheduler's address, a ``dask.distributed`` cluster, or a client.
        places: how many jobs each Dask worker runs at once; by default as many as it has threads.
        listen: the address on which agents dial in; by default a free port of the interface that leads to the
            scheduler.
        wait_for_agents: as for :class:`AgentExecutor`.

    Raises:
        MissingLibrary: dask.distributed is not installed.
    """

    kind = ExecutorKind("dask", leaves_process=True, prefetches=True)

    def __init__(
        self,
        cluster: Any,
        *,
        places: int | None = None,
        listen: str | None = None,
        wait_for_agents: float | None = None,
    ):
        try:
            import distributed  # noqa: F401  # deferred: an extra
        except ModuleNotFoundError as error:
            raise MissingLibrary(
                'dask.distributed is needed and not installed; pip install "alexflow[dask]"'
            ) from error
        super().__init__(listen or "0.0.0.0:0", wait_for_agents=wait_for_agents)
        self._cluster = cluster
        self._places = places
        self._pilots: dict[str, Any] = {}  # futures of Dask, by the address of the worker

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        super().open(storage, report, source)
        self._watching = self._loop.create_task(self._watch())

    async def aclose(self) -> None:
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        await super().aclose()

    # -- the cluster

    async def _watch(self) -> None:
        """Keep a pilot on each worker, until this is cancelled."""
        client = await self._connect()
        try:
            while True:
                try:
                    workers = (await client.scheduler.identity(n_workers=-1))["workers"]
                    self._keep_pilots(client, workers)
                except OSError as error:  # the scheduler is gone, for now perhaps; the agents' lines are their own
                    logger.warning("the Dask scheduler does not answer: %s", error)
                await asyncio.sleep(CLUSTER_LOOK_EVERY)
        finally:
            futures, self._pilots = list(self._pilots.values()), {}
            with suppress(Exception):
                await asyncio.wait_for(client.cancel(futures), 2.0)
            if client is not self._cluster:
                with suppress(Exception):
                    await asyncio.wait_for(client.close(timeout=2), 3.0)

    async def _connect(self) -> Any:
        import distributed  # deferred: an extra

        Client: Any = distributed.Client
        if isinstance(self._cluster, Client) and self._cluster.asynchronous:
            return self._cluster
        address: Any = self._cluster
        if isinstance(address, Client):
            address = address.scheduler.address
        elif not isinstance(address, str):
            address = address.scheduler_address
        while True:
            try:
                return await Client(address, asynchronous=True, set_as_default=False, name="alexflow")
            except OSError as error:
                logger.warning("the Dask scheduler at %s does not answer: %s", address, error)
                await asyncio.sleep(CLUSTER_LOOK_EVERY)

    def _keep_pilots(self, client: Any, workers: dict[str, Any]) -> None:
        """Start a pilot on each worker that has none; forget those of workers that are gone."""
        for address in [address for address in self._pilots if address not in workers]:
            del self._pilots[address]
        for address, worker in workers.items():
            pilot = self._pilots.get(address)
            if pilot is not None and not pilot.done():
                continue
            if pilot is not None:
                self._say_why(address, pilot)
            if worker.get("status", "running") != "running":
                continue
            threads = int(worker["nthreads"])
            places = self._places or threads
            self._pilots[address] = client.submit(
                run_pilot,
                *(self._address_for(client), self.token, places, max(1, threads // places)),
                str(worker.get("name") or address),
                workers=[address],
                allow_other_workers=False,
                pure=False,
                retries=0,
                key=f"alexflow-pilot-{secrets.token_hex(8)}",
            )

    def _say_why(self, address: str, pilot: Any) -> None:
        if pilot.status == "error":
            logger.error("no agent can be started on Dask worker %s: %s", address, _reason(pilot))

    def _address_for(self, client: Any) -> str:
        """Return the address at which this machine is reached from the cluster: that of the scheduler's connection."""
        port = self.address.rpartition(":")[2]
        host = self.address.rpartition(":")[0]
        if host not in ("0.0.0.0", "::"):
            return self.address
        comm = client.scheduler_comm.comm
        return f"{comm.local_address.rpartition('://')[2].rpartition(':')[0].strip('[]')}:{port}"


def _reason(pilot: Any) -> str:
    """Return what a pilot has failed with, in a line."""
    try:
        error: Sequence[Any] = pilot._state.exception
        return f"{type(error).__name__}: {error}"
    except Exception:
        return "it failed"
