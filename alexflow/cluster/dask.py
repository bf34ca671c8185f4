"""``DaskExecutor``: Dask finds the places, agents run the jobs.

A pilot (:mod:`alexflow.cluster.piloted`) is an ordinary Dask task, so that the scheduler sees the worker as busy:
adaptive clusters keep it, and a worker that is retired, or whose lifetime ends, changes its status, at which the agent
leaves: it takes no more jobs, ends what runs if there is time, and what had not begun runs elsewhere, uncharged.

Rejected: Dask's actors (the scheduler refuses to retire a worker that holds one), a Dask task for each batch (10.7 ms
each way, and a worker whose only thread is busy reads no control message).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Collection, Mapping, Sequence
from contextlib import suppress
from ssl import SSLContext
from typing import Any

from alexflow.blocks_briefly import blocks_briefly
from alexflow.cluster.address import host_and_port
from alexflow.cluster.pilot import PilotOptions, run_pilot
from alexflow.cluster.piloted import ClusterNode, PilotedExecutor
from alexflow.errors import DefinitionError, MissingLibrary
from alexflow.hooks import repr_of
from alexflow.model.executor_kinds import ExecutorKind
from alexflow.version import __version__

#: What brings all that is needed, here and on the workers.
EXTRA = 'pip install "alexflow[dask]"'

#: Seconds after which it is said that no scheduler answers, and it is dialled again; Dask itself takes 30.
CONNECT_TIMEOUT = 10.0

#: Seconds that pilots get to end with their agents: a worker that is closed before complains of each that it has lost.
PILOTS_END_WITHIN = 1.0

#: Seconds that the scheduler gets to take in that the pilots are not wanted any more.
LEAVE_TIMEOUT = 2.0


#: Gives the version of alexflow on a worker. A pilot is of alexflow's code: a worker that cannot import it dies of it.
VERSION_THERE = "[__import__('alexflow.cluster.pilot'), __import__('alexflow.version').version.__version__][1]"

#: Seconds that tasks of ours take, as adaptive clusters count them: a worker for each, and not one for all.
DURATIONS = {"distributed": {"scheduler": {"default-task-durations": {"alexflow-pilot": "1h", "alexflow-node": "1h"}}}}


class DaskExecutor(PilotedExecutor):
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
        idle: seconds without work after which a node is given back, as to an adaptive cluster; pilots are started, and
            further nodes asked for, only while there is work. By default each node keeps its agent.
        wait_for_agents: as for :class:`AgentExecutor`.
        modules: as for :class:`AgentExecutor`.

    Raises:
        DefinitionError: ``cluster`` is none, or ``idle`` no number of seconds.
        MissingLibrary: dask.distributed is not installed.
    """

    kind = ExecutorKind("dask", leaves_process=True, prefetches=True, packs=True)
    cluster_name = "the Dask cluster"

    def __init__(
        self,
        cluster: Any,
        *,
        places: int | None = None,
        listen: str | None = None,
        idle: float | None = None,
        wait_for_agents: float | None = None,
        modules: Collection[str] = (),
    ):
        try:
            import distributed  # noqa: F401  # deferred: an extra
        except ModuleNotFoundError as error:
            raise MissingLibrary(f"dask.distributed is needed and not installed; {EXTRA}") from error
        super().__init__(places=places, listen=listen, idle=idle, wait_for_agents=wait_for_agents, modules=modules)
        self._cluster = _checked_cluster(cluster)
        self._client: Any = None
        self._asked: list[Any] = []  # futures of tasks that stand for nodes
        self._tls = _tls_of(cluster)

    async def look(self) -> Sequence[ClusterNode]:
        if self._client is None or (self._client.status == "closed" and self._client is not self._cluster):
            self._client = await self._connect()  # a client gives up 30 s after it has lost its scheduler
        if self._client.status != "running":
            raise ConnectionError(f"the client is {self._client.status}")
        workers = (await self._client.scheduler.identity(n_workers=-1))["workers"]
        return [
            ClusterNode(
                *(address, str(worker.get("name") or address), int(worker["nthreads"])),
                memory=int(worker.get("memory_limit") or 0) or None,
                gpus=int(worker["resources"]["GPU"]) if "GPU" in worker.get("resources", ()) else None,
                is_ending=worker.get("status", "running") != "running",
            )
            for address, worker in workers.items()
        ]

    async def _connect(self) -> Any:
        import dask.config  # deferred: an extra
        import distributed

        Client: Any = distributed.Client
        client = self._cluster
        if not (isinstance(client, Client) and client.asynchronous):
            security = getattr(self._cluster, "security", None)
            address = _address_of_scheduler(self._cluster)
            if not address:
                raise ConnectionError("the client or cluster that the executor was given is closed")
            options = {"asynchronous": True, "set_as_default": False, "timeout": CONNECT_TIMEOUT, "name": "alexflow"}
            client = Client(address, security=security, **options)
            try:
                await client
            except BaseException:  # one that is forgotten half open prints warnings
                with suppress(Exception):
                    await client.close(timeout=LEAVE_TIMEOUT)
                raise
        client.subscribe_topic(self.topic, self._asked_for_tunnel)
        if self._idle is not None:
            with suppress(Exception):  # whatever the scheduler says to it: it is a hint
                await client.run_on_scheduler(dask.config.update_defaults, DURATIONS)
        self._asked = []
        return client

    def _asked_for_tunnel(self, event: tuple[float, dict[str, str]]) -> None:
        _, asked = event
        client, worker, name = self._client, asked["worker"], asked["tunnel"]

        def take() -> Awaitable[bytes | None]:
            answer: Awaitable[bytes | None] = client.scheduler.proxy(msg={"op": f"alexflow-take-{name}"}, worker=worker)
            return answer

        def give(data: bytes) -> Awaitable[bool]:
            message = {"op": f"alexflow-give-{name}", "data": data}
            answer: Awaitable[bool] = client.scheduler.proxy(msg=message, worker=worker)
            return answer

        self.open_tunnel(take, give)

    async def host_of_cluster(self) -> str:
        scheme, _, rest = self._client.scheduler.address.rpartition("://")
        found = None if scheme == "inproc" else host_and_port(rest)
        return "127.0.0.1" if found is None else found[0]

    async def unfit(self, nodes: Sequence[ClusterNode]) -> Mapping[str, str]:
        workers = [node.key for node in nodes]
        found = await self._client.run(eval, VERSION_THERE, workers=workers, on_error="return")
        unfit = {}
        for key, version in found.items():
            if isinstance(version, ImportError):
                unfit[key] = f"{type(version).__name__}: {version}; install alexflow {__version__} there, {EXTRA}"
            elif isinstance(version, str) and version != __version__:
                unfit[key] = f"it has alexflow {version}, and the engine {__version__}; install the same version there"
        return unfit

    async def start_pilot(self, node: ClusterNode, options: PilotOptions) -> Any:
        return self._client.submit(
            run_pilot,
            options,
            workers=[node.key],
            allow_other_workers=False,
            pure=False,
            retries=0,
            key=f"alexflow-pilot-{secrets.token_hex(8)}",
        )

    async def how_ended(self, pilot: Any) -> str:
        if pilot.status != "finished":  # a worker that is gone takes its pilot along
            return ""
        with suppress(Exception):  # whatever distributed raises: it has gone since
            return str(await asyncio.wait_for(pilot.result(), LEAVE_TIMEOUT))
        return ""

    async def why_failed(self, pilot: Any) -> str:
        if pilot.status != "error":
            return ""
        error: BaseException = await pilot.exception()
        return f"{type(error).__name__}: {error}"

    async def ask_for_nodes(self, count: int, nodes: Sequence[ClusterNode]) -> None:
        """Have so many tasks wait, for a resource that no worker has, that an adaptive cluster starts these workers.

        It divides the number of tasks, with the pilots, by the usual threads of a worker.
        """
        threads = max(1, round(sum(node.cpus for node in nodes) / len(nodes))) if nodes else 1
        wanted = (len(nodes) + count) * threads - len(self._pilots) if count else 0
        while len(self._asked) > wanted:
            self._asked.pop()  # which releases it
        for _ in range(wanted - len(self._asked)):
            key = f"alexflow-node-{secrets.token_hex(8)}"
            self._asked.append(self._client.submit(int, key=key, pure=False, resources={"alexflow-node": 1}))

    async def leave_cluster(self, pilots: Sequence[Any]) -> None:
        client, self._client = self._client, None
        asked, self._asked = self._asked, []
        if client is None:
            return
        # The agents have ended by now, or do so with their line. If the scheduler is gone, distributed may raise
        # anything here; that is no error of the run, whose results are all stored.
        with suppress(Exception):
            ends = asyncio.gather(*(pilot.result() for pilot in pilots), return_exceptions=True)
            await asyncio.wait_for(ends, PILOTS_END_WITHIN)
        with suppress(Exception):
            await asyncio.wait_for(client.cancel([*pilots, *asked]), LEAVE_TIMEOUT)
        if client is self._cluster:
            with suppress(Exception):
                client.unsubscribe_topic(self.topic)
        else:
            with suppress(Exception):
                await asyncio.wait_for(client.close(timeout=LEAVE_TIMEOUT), LEAVE_TIMEOUT + 1)


def _checked_cluster(cluster: Any) -> Any:
    """Return a cluster, unless it can never be one: Dask would be asked for it again and again."""
    if isinstance(cluster, str):
        scheme, _, place = cluster.rpartition("://")
        if scheme in ("http", "https") or (scheme in ("", "tcp", "tls") and host_and_port(place) is None):
            raise DefinitionError(f"a Dask scheduler's address is HOST:PORT, such as scheduler:8786, not {cluster!r}")
    elif not (hasattr(cluster, "scheduler_address") or hasattr(cluster, "scheduler")):
        raise DefinitionError(
            f"DaskExecutor takes a scheduler's address, such as 'tcp://scheduler:8786', "
            f"or a cluster or client of dask.distributed, not {repr_of(cluster)}"
        )
    return cluster


def _address_of_scheduler(cluster: Any) -> str:
    """Return the address of a cluster's scheduler; of a client, its scheduler's."""
    if isinstance(cluster, str):
        return cluster
    scheduler = getattr(cluster, "scheduler", None)
    return str(getattr(cluster, "scheduler_address", "") or getattr(scheduler, "address", ""))


@blocks_briefly("once an executor: small files of this machine")
def _tls_of(cluster: Any) -> SSLContext | None:
    """Return the settings with which the engine listens: the certificates with which its client dials the scheduler."""
    if not _address_of_scheduler(cluster).startswith("tls://"):
        return None
    import distributed  # deferred: an extra

    Security: Any = distributed.Security
    security = getattr(cluster, "security", None) or Security()
    context: SSLContext | None = security.get_listen_args("client").get("ssl_context")
    return context
