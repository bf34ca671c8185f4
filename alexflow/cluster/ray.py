"""``RayExecutor``: Ray finds the nodes, agents run the jobs.

A pilot (:mod:`alexflow.cluster.piloted`) is an actor that is pinned to its node and has the node's CPUs and GPUs, so
that Ray gives them to nothing else, and an autoscaler keeps the node. One call lasts as long as its agent.

Ray's calls block, some of them for as long as its control service (GCS) is gone: they go to a thread that nothing waits
for (:class:`~alexflow.cluster.patient_calls.PatientCalls`), and agents go on meanwhile, as their lines are their own.
A node that Ray drains is seen by the actor there, which lets its agent leave.

Rejected: Ray's tasks for jobs (a death is charged to all that an actor had queued, cancelling does not stop what runs);
``ray.kill`` of an actor to end its agent, which gives it no time: the agent ends with its line, and the actor is ended
after it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

from alexflow.cluster.address import host_and_port
from alexflow.cluster.patient_calls import PatientCalls
from alexflow.cluster.pilot import LEFT, AgentHolder, PilotOptions, Placeholder
from alexflow.cluster.piloted import ClusterNode, PilotedExecutor
from alexflow.cluster.ray_address import CLIENT_SCHEME, check_ray_address
from alexflow.errors import MissingLibrary
from alexflow.model.executor_kinds import ExecutorKind
from alexflow.version import __version__

#: What helps where a node lacks alexflow.
INSTALL_THERE = f'install alexflow {__version__} there, pip install "alexflow[ray]"'

#: Seconds after which Ray counts as not answering.
ANSWER_TIMEOUT = 10.0

#: The variable with the seconds after which Ray ends a program whose cluster has lost its control service, and what it
#: is here, where all that a run needs is at its agents. Ray takes it when it is imported.
RECONNECT_TIMEOUT, SECONDS_TO_RECONNECT = "RAY_gcs_rpc_server_reconnect_timeout_s", "86400"


class RayPilot(NamedTuple):
    """An actor that holds an agent.

    Attributes:
        actor: the actor.
        call: the one that lasts as long as its agent, as a future.
        node: the key of its node.
    """

    actor: Any
    call: Future[str]
    node: str

    def done(self) -> bool:
        """Whether its agent has ended, or the actor is dead."""
        return self.call.done()


class RayExecutor(PilotedExecutor):
    """Runs jobs on the nodes of a Ray cluster. ::

        async with Engine("s3://bucket/results", executor=RayExecutor("ray://head:10001")) as engine:
            ...

    ``executor="ray://head:10001"`` is the same, and ``executor="ray"`` is ``RayExecutor()``. Nodes may come and go, as
    those of an autoscaler do. Each needs alexflow, of the same version, and the storage.

    Args:
        address: as for ``ray.init``: ``ray://HOST:10001`` from anywhere, ``HOST:6379`` or ``"auto"`` from a node of the
            cluster; None for a Ray that this machine has, or a new one. A Ray that the program has connected to comes
            first in any case.
        places: how many jobs each node runs at once, and how many CPUs its actor takes; by default all CPUs of a node,
            and its GPUs.
        listen: the address on which agents dial in; by default a free port of the interface that leads to the cluster.
        idle: seconds without work after which a node is given back, as to an adaptive cluster; pilots are started, and
            further nodes asked for, only while there is work. By default each node keeps its agent.
        wait_for_agents: as for :class:`AgentExecutor`.
        modules: as for :class:`AgentExecutor`.

    Raises:
        DefinitionError: ``idle`` is no number of seconds.
        MissingLibrary: ray is not installed.
    """

    kind = ExecutorKind("ray", leaves_process=True, prefetches=True, packs=True)
    cluster_name = "the Ray cluster"
    when_silent = f"{PilotedExecutor.when_silent} One with tokens needs RAY_AUTH_MODE=token here, and its token"

    def __init__(
        self,
        address: str | None = None,
        *,
        places: int | None = None,
        listen: str | None = None,
        idle: float | None = None,
        wait_for_agents: float | None = None,
        modules: Collection[str] = (),
    ):
        super().__init__(places=places, listen=listen, idle=idle, wait_for_agents=wait_for_agents, modules=modules)
        self._ray: Any = _imported_ray(is_client=(address or "").startswith(CLIENT_SCHEME))
        self._ray_address = address
        if address is None:
            self.when_silent = "where none runs here, one is started, which takes a while"
        self._call = PatientCalls(ANSWER_TIMEOUT)
        self._asking: set[asyncio.Task[None]] = set()
        self._asked: list[Any] = []  # actors that stand for nodes
        self._left: set[str] = set()  # nodes whose agents have left, as Ray drains them
        self._is_ours = False  # whether this has connected to the cluster

    async def look(self) -> Sequence[ClusterNode]:
        return await self._call(self._look)

    def _look(self) -> list[ClusterNode]:
        ray = self._ray
        if not ray.is_initialized():
            if self._ray_address is not None:
                check_ray_address(self._ray_address)
            with _outliving_control(), _saying_nothing_of_the_thread():
                ray.init(self._ray_address, log_to_driver=False, configure_logging=False)
            self._is_ours = True
        nodes = []
        for node in ray.nodes():
            cpus = int(node["Resources"].get("CPU", 0))
            if node["Alive"] and cpus:  # a head often has none
                key, gpus = node["NodeID"], int(node["Resources"].get("GPU", 0))
                used, part = min(cpus, self._places or cpus), int(node["Resources"].get("memory", 0)) or None
                part = part and part * used // cpus
                what = used, part, 0 if self._places else gpus
                nodes.append(ClusterNode(key, f"node {key[:8]}", *what, is_ending=key in self._left))
        return nodes

    async def host_of_cluster(self) -> str:
        if self._ray_address is not None:
            found = host_and_port(self._ray_address.removeprefix(CLIENT_SCHEME))
            if found is not None:
                return found[0]
        return await self._call(lambda: str(self._ray.util.get_node_ip_address()))

    async def start_pilot(self, node: ClusterNode, options: PilotOptions) -> RayPilot:
        pilot: RayPilot = await self._call(lambda: self._start_pilot(node, options))
        asking = self._loop.create_task(self._open_tunnel_if_needed(pilot.actor))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        return pilot

    async def _open_tunnel_if_needed(self, actor: Any) -> None:
        def called(method: str, *arguments: Any) -> Awaitable[Any]:
            return asyncio.wrap_future(getattr(actor, method).remote(*arguments).future())

        with suppress(Exception):  # whatever Ray raises: the actor is gone, which its pilot shows
            if await called("needs_tunnel"):
                self.open_tunnel(partial(called, "take"), partial(called, "give"))

    def _start_pilot(self, node: ClusterNode, options: PilotOptions) -> RayPilot:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # deferred: an extra

        actor = (
            self._ray.remote(AgentHolder)
            .options(
                num_cpus=node.cpus,
                num_gpus=node.gpus,
                max_concurrency=3,  # one call holds the agent, and one each way carries its line, if need be
                scheduling_strategy=NodeAffinitySchedulingStrategy(node.key, soft=False),
            )
            .remote()
        )
        return RayPilot(actor, actor.hold.remote(options).future(), node.key)

    async def how_ended(self, pilot: RayPilot) -> str:
        return "" if pilot.call.exception() is not None else str(pilot.call.result())

    async def why_failed(self, pilot: RayPilot) -> str:
        error: Any = pilot.call.exception()
        if error is None:
            if pilot.call.result() == LEFT:
                self._left.add(pilot.node)
            return ""
        if isinstance(error, self._ray.exceptions.ActorDiedError) and not error.actor_init_failed:  # as with its node
            return ""
        why = str(error).strip().splitlines()[-1]
        return f"{why}; {INSTALL_THERE}" if "No module named 'alexflow" in why else why

    async def ask_for_nodes(self, count: int, nodes: Sequence[ClusterNode]) -> None:
        """Have so many actors wait for CPUs, which an autoscaler sees as demand. One that gets some is ended soon."""
        if count != len(self._asked):
            await self._call(lambda: self._ask(count))

    def _ask(self, count: int) -> None:
        while len(self._asked) > count:
            self._ray.kill(self._asked.pop())
        for _ in range(count - len(self._asked)):
            self._asked.append(self._ray.remote(Placeholder).options(num_cpus=self._places or 1).remote())

    async def leave_cluster(self, pilots: Sequence[RayPilot]) -> None:
        for asking in self._asking:
            asking.cancel()
        try:
            with suppress(TimeoutError):  # the actors end with their agents, and those with their lines
                await self._call(lambda: self._leave(pilots))
        finally:
            self._call.close()

    def _leave(self, pilots: Sequence[RayPilot]) -> None:
        if not self._ray.is_initialized():
            return
        asked, self._asked = self._asked, []
        for actor in [*(pilot.actor for pilot in pilots), *asked]:
            self._ray.kill(actor)
        if self._is_ours:
            self._is_ours = False
            self._ray.shutdown()


def _imported_ray(*, is_client: bool) -> ModuleType:
    try:
        with _outliving_control():
            import ray
        if is_client:
            import grpc  # noqa: F401  # which Ray says it lacks at each attempt to connect
    except ModuleNotFoundError as error:
        needed = "ray" if error.name == "ray" else "ray[client]"
        raise MissingLibrary(f'{needed} is needed and not installed; pip install "alexflow[ray]"') from error
    module: ModuleType = ray  # Any, where it is not installed
    return module


@contextmanager
def _saying_nothing_of_the_thread() -> Iterator[None]:
    """Let Ray not warn, each time that it connects, of what is as it is to be: the program's handlers are its own."""
    log = logging.getLogger("ray._private.worker")
    log.addFilter(_is_of_use)
    try:
        yield
    finally:
        log.removeFilter(_is_of_use)


def _is_of_use(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("SIGTERM handler is not set")


@contextmanager
def _outliving_control() -> Iterator[None]:
    """Let Ray, when it is imported and when it connects, not end this program for the loss of its control service."""
    if RECONNECT_TIMEOUT in os.environ:
        yield
        return
    os.environ[RECONNECT_TIMEOUT] = SECONDS_TO_RECONNECT
    try:
        yield
    finally:
        os.environ.pop(RECONNECT_TIMEOUT, None)
