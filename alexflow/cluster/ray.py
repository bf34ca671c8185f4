"""``RayExecutor``: Ray finds the nodes, agents run the jobs.

A pilot (:mod:`alexflow.cluster.piloted`) is an actor that is pinned to its node and has the node's CPUs and GPUs, so
that Ray gives them to nothing else, and an autoscaler keeps the node. Its one call lasts as long as its agent.

Ray's calls block: they go to a thread. Rejected: Ray's tasks for jobs (a death is charged to all that an actor had
queued, cancelling does not stop what runs); ``ray.kill`` of an actor to end its agent, which gives it no time: the
agent ends with its line, and the actor is ended after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from alexflow.cluster.address import host_and_port
from alexflow.cluster.pilot import AgentHolder, PilotOptions
from alexflow.cluster.piloted import ClusterNode, PilotedExecutor
from alexflow.errors import MissingLibrary
from alexflow.model.executor_kinds import ExecutorKind


class RayPilot(NamedTuple):
    """An actor that holds an agent.

    Attributes:
        actor: the actor.
        call: its only one, as a future.
    """

    actor: Any
    call: Future[str]

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
        wait_for_agents: as for :class:`AgentExecutor`.

    Raises:
        MissingLibrary: ray is not installed.
    """

    kind = ExecutorKind("ray", leaves_process=True, prefetches=True, packs=True)
    cluster_name = "the Ray cluster"

    def __init__(
        self,
        address: str | None = None,
        *,
        places: int | None = None,
        listen: str | None = None,
        wait_for_agents: float | None = None,
    ):
        try:
            import ray
        except ModuleNotFoundError as error:
            raise MissingLibrary('ray is needed and not installed; pip install "alexflow[ray]"') from error
        super().__init__(places=places, listen=listen, wait_for_agents=wait_for_agents)
        self._ray: Any = ray
        self._ray_address = address
        self._is_ours = False  # whether this has connected to the cluster

    async def look(self) -> Sequence[ClusterNode]:
        return await asyncio.to_thread(self._look)

    def _look(self) -> list[ClusterNode]:
        ray = self._ray
        if not ray.is_initialized():
            ray.init(self._ray_address, log_to_driver=False, configure_logging=False)
            self._is_ours = True
        nodes = []
        for node in ray.nodes():
            cpus = int(node["Resources"].get("CPU", 0))
            if node["Alive"] and cpus:  # a head often has none
                key, gpus = node["NodeID"], int(node["Resources"].get("GPU", 0))
                used, part = min(cpus, self._places or cpus), int(node["Resources"].get("memory", 0)) or None
                part = part and part * used // cpus
                nodes.append(ClusterNode(key, f"node {key[:8]}", used, part, 0 if self._places else gpus))
        return nodes

    async def host_of_cluster(self) -> str:
        if self._ray_address is not None:
            found = host_and_port(self._ray_address.removeprefix("ray://"))
            if found is not None:
                return found[0]
        return await asyncio.to_thread(lambda: str(self._ray.util.get_node_ip_address()))

    async def start_pilot(self, node: ClusterNode, options: PilotOptions) -> RayPilot:
        return await asyncio.to_thread(self._start_pilot, node, options)

    def _start_pilot(self, node: ClusterNode, options: PilotOptions) -> RayPilot:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # deferred: an extra

        actor = (
            self._ray.remote(AgentHolder)
            .options(
                num_cpus=node.cpus,
                num_gpus=node.gpus,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node.key, soft=False),
            )
            .remote()
        )
        return RayPilot(actor, actor.hold.remote(options).future())

    async def why_failed(self, pilot: RayPilot) -> str:
        error = pilot.call.exception()
        if error is None or isinstance(error, self._ray.exceptions.ActorDiedError):  # as with its node
            return ""
        return str(error).strip().splitlines()[-1]

    async def leave_cluster(self, pilots: Sequence[RayPilot]) -> None:
        await asyncio.to_thread(self._leave, pilots)

    def _leave(self, pilots: Sequence[RayPilot]) -> None:
        if not self._ray.is_initialized():
            return
        for pilot in pilots:
            self._ray.kill(pilot.actor)
        if self._is_ours:
            self._is_ours = False
            self._ray.shutdown()
