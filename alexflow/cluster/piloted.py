"""Executors whose agents a cluster starts: the part that is the same for Dask and for Ray.

A cluster is used for what it does well: it knows machines, starts a process on each, holds resources, and scales. On
each of its nodes one *pilot* runs, which holds an agent (:mod:`alexflow.cluster.pilot`) for as long as the engine or
the node lives. No job, no result and no graph goes through the cluster: a task that is sent by ``client.map`` of Dask
costs 1,560 µs and one of Ray 555 µs, and a death is charged to everything that was queued beside it. One that an agent
gets costs what it costs on one machine.

Nodes are looked at, every second. Rejected: the clusters' own events, which are lost with the connection.
"""

from __future__ import annotations

import asyncio
import secrets
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from alexflow.arguments import check_seconds
from alexflow.cluster.address import address_of, own_host_towards
from alexflow.cluster.executor import SAY_EVERY, AgentExecutor, no_agents
from alexflow.cluster.idle_agents import IdleAgents, nodes_lacking
from alexflow.cluster.pilot import ALLOCATION_ENDS, PilotOptions
from alexflow.cluster.tunnel import Give, Take, Tunnel
from alexflow.errors import DefinitionError
from alexflow.executors.interface import JobSource, Report
from alexflow.hooks import text_of
from alexflow.logs import logger
from alexflow.storage import Storage

#: Seconds between two looks at the nodes of the cluster.
CLUSTER_LOOK_EVERY = 1.0

#: Seconds until a pilot that has failed is started again: twice as many each time, and at most so many.
MOST_SECONDS_TO_RETRY = 60.0


#: Seconds for which lines through the cluster may carry what has been said last.
TUNNELS_CLOSE_TIMEOUT = 2.0


class ClusterNode(NamedTuple):
    """A node of a cluster, or a worker that stands for one.

    Attributes:
        key: the cluster's name for it.
        name: for people.
        cpus: how many the agent there may use.
        memory: bytes that it may use; None for all that there is.
        gpus: how many it may use of those that are found there; None for all.
        is_ending: whether it gets no further pilot.
    """

    key: str
    name: str
    cpus: int
    memory: int | None = None
    gpus: int | None = None
    is_ending: bool = False


class PilotedExecutor(AgentExecutor):
    """Runs jobs at agents that pilots hold on the nodes of a cluster.

    Args:
        places: how many jobs each node runs at once; None for one a CPU.
        listen: the address on which agents dial in; by default a free port of the interface that leads to the cluster.
        idle: seconds without work after which a node is given back; then there are pilots only while there is work, and
            further nodes are asked for. None to keep one on each node.
        wait_for_agents: as for :class:`AgentExecutor`.
        modules: as for :class:`AgentExecutor`.

    Raises:
        DefinitionError: ``idle`` is no number of seconds.

    Attributes:
        cluster_name: as messages call the cluster.
        when_silent: what messages say where the cluster has never answered.
        topic: under which pilots ask for a tunnel, where the cluster has topics.
    """

    cluster_name = "the cluster"
    when_silent = "is it running, and is its address right?"

    def __init__(
        self,
        *,
        places: int | None,
        listen: str | None,
        idle: float | None,
        wait_for_agents: float | None,
        modules: Collection[str],
    ):
        super().__init__(listen or "0.0.0.0:0", wait_for_agents=wait_for_agents, modules=modules)
        check_seconds("idle", idle)
        self._idle = None if idle is None else IdleAgents(idle)
        self._places = places
        self.topic = f"alexflow-tunnels-{secrets.token_hex(8)}"
        self._pilots: dict[str, Any] = {}  # by the key of the node
        self._over: set[str] = set()  # nodes that are about to be taken away: an agent would leave at once
        self._failures: dict[str, tuple[int, float]] = {}  # how often those of a node have failed, and when next
        self._has_tunnelled = False  # whether it was said that lines go through the cluster
        self._tunnels: set[asyncio.Task[None]] = set()
        self._said_at = 0.0  # when it was last said that the cluster does not answer; 0 while it does
        self._has_answered = False  # ever

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        super().open(storage, report, source)
        self._watching = self._loop.create_task(self._watch())

    async def aclose(self) -> None:
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        try:
            await super().aclose()
            if self._tunnels:  # what has been said last is carried
                await asyncio.wait(self._tunnels, timeout=TUNNELS_CLOSE_TIMEOUT)
        finally:
            for tunnel in self._tunnels:
                tunnel.cancel()
            pilots, self._pilots = list(self._pilots.values()), {}
            await self.leave_cluster(pilots)

    # -- what each cluster does its own way

    @abstractmethod
    async def look(self) -> Sequence[ClusterNode]:
        """Return the nodes that may have an agent; connect to the cluster first, if need be.

        Raises:
            DefinitionError: it never will, as it was asked for wrongly.
            Exception: the cluster does not answer, for now perhaps.
        """

    @abstractmethod
    async def host_of_cluster(self) -> str:
        """Return a host of the cluster, to which the interface leads that agents dial."""

    async def unfit(self, nodes: Sequence[ClusterNode]) -> Mapping[str, str]:
        """Return the keys of those of these nodes that a pilot would harm, with the reasons."""
        return {}

    @abstractmethod
    async def start_pilot(self, node: ClusterNode, options: PilotOptions) -> Any:
        """Start a pilot on a node and return it; it has a method ``done()``."""

    @abstractmethod
    async def how_ended(self, pilot: Any) -> str:
        """Return how the agent of a pilot that has not failed ended, as its pilot says; "" if that is not known."""

    @abstractmethod
    async def why_failed(self, pilot: Any) -> str:
        """Return why a pilot that is over has failed; "" if it has not."""

    @abstractmethod
    async def ask_for_nodes(self, count: int, nodes: Sequence[ClusterNode]) -> None:
        """Let the cluster see that so many more nodes are needed, besides these, as an autoscaler would start them."""

    @abstractmethod
    async def leave_cluster(self, pilots: Sequence[Any]) -> None:
        """End these pilots, whose agents have ended or are about to, and the connection."""

    # -- what is the same for all

    async def _watch(self) -> None:
        """Keep a pilot on each node, until this is cancelled."""
        while True:
            try:
                nodes = await self.look()
                self._said_at, self._has_answered = 0.0, True
                await self._keep_pilots(nodes)
                if self._idle is not None:
                    self._let_go(self._idle)
                    await self.ask_for_nodes(self._lacking(nodes), nodes)
            except DefinitionError as error:
                logger.error("%s is not asked for places: %s", self.cluster_name, error)
                self._fail_jobs(partial(no_agents, why=str(error)))
                return
            except Exception as error:  # whatever the cluster's library raises; the agents' lines are their own
                self._say_unreachable(error)
            await asyncio.sleep(CLUSTER_LOOK_EVERY)

    def open_tunnel(self, take: Take, give: Give) -> None:
        """Carry a line through the cluster, for an agent that cannot dial this engine; arguments as of a tunnel."""
        if self._closing:
            return
        if not self._has_tunnelled:
            self._has_tunnelled = True
            text = (
                "agents of %s cannot dial this engine; their lines go through the cluster, where a message takes "
                "milliseconds: with listen= an address that they reach they would not"
            )
            logger.warning(text, self.cluster_name)
        host, _, port = self.address.rpartition(":")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        tunnel = self._loop.create_task(self._carry(Tunnel((host, int(port)), take, give)))
        self._tunnels.add(tunnel)
        tunnel.add_done_callback(self._tunnels.discard)

    async def _carry(self, tunnel: Tunnel) -> None:
        try:
            await tunnel.carry()
        except Exception as error:  # whatever the cluster's library raises; its agent ends, and another one comes
            if not self._closing:
                logger.warning("a line through %s has ended: %s: %s", self.cluster_name, type(error).__name__, error)

    def _say_unreachable(self, error: Exception) -> None:
        now = self._loop.time()
        if not self._said_at or now - self._said_at >= SAY_EVERY:
            self._said_at = now
            why = f"{type(error).__name__}: {text_of(error)}"
            then = "agents that are there go on" if self._has_answered else self.when_silent
            logger.warning("%s does not answer: %s; %s", self.cluster_name, why, then)

    async def _keep_pilots(self, nodes: Sequence[ClusterNode]) -> None:
        """Start a pilot on each node that has none; forget those of nodes that are gone."""
        keys = {node.key for node in nodes}
        self._over &= keys
        for key in [key for key in self._pilots if key not in keys]:
            del self._pilots[key]
            self._failures.pop(key, None)
        without = []
        for node in nodes:
            pilot = self._pilots.get(node.key)
            if pilot is not None and pilot.done():
                del self._pilots[node.key]
                await self._take_in_end(node, pilot)
                pilot = None
            if pilot is None and self._may_start(node) and (self._idle is None or self._opened().has_work):
                without.append(node)
        unfit = await self.unfit(without) if without else {}
        for node in without:
            if node.key in unfit:
                self._note_failure(node, unfit[node.key])
            else:
                self._pilots[node.key] = await self.start_pilot(node, await self._options(node))

    def _may_start(self, node: ClusterNode) -> bool:
        not_before = self._failures.get(node.key, (0, 0.0))[1]
        return self._lasts(node) and not_before <= self._loop.time()

    def _lasts(self, node: ClusterNode) -> bool:
        return not node.is_ending and node.key not in self._over

    def _let_go(self, idle: IdleAgents) -> None:
        """Give back the nodes whose agents have nothing to do."""
        pool = self._opened()
        working = [agent for agent in pool.agents if not agent.is_leaving]
        for agent in idle.found(working, has_work=pool.has_work, now=self._loop.time()):
            agent.release()

    def _lacking(self, nodes: Sequence[ClusterNode]) -> int:
        """Return how many more nodes would have work, once all that are there have an agent."""
        places = [self._places or node.cpus for node in nodes if self._lasts(node)]
        coming = max(0, sum(places) - self._opened().places) if self.agents else sum(places)
        usual = self._places or (round(sum(places) / len(places)) if places else 1)
        return nodes_lacking(self._opened().waiting, [coming], max(1, usual))

    async def _take_in_end(self, node: ClusterNode, pilot: Any) -> None:
        why = await self.why_failed(pilot)
        if not why:
            self._failures.pop(node.key, None)
            if await self.how_ended(pilot) == ALLOCATION_ENDS:
                self._over.add(node.key)
            return
        self._note_failure(node, why)

    def _note_failure(self, node: ClusterNode, why: str) -> None:
        times, _ = self._failures.get(node.key, (0, 0.0))
        pause = min(MOST_SECONDS_TO_RETRY, CLUSTER_LOOK_EVERY * 2**times)
        self._failures[node.key] = times + 1, self._loop.time() + pause
        logger.error("no agent on %s of %s: %s; the next attempt in %.0f s", node.name, self.cluster_name, why, pause)

    async def _options(self, node: ClusterNode) -> PilotOptions:
        address = await self._dialled_address()
        what = node.cpus, node.memory, node.gpus
        own = address, self.token, node.name, self._places or node.cpus
        return PilotOptions(*own, *what, tls=self._tls is not None, topic=self.topic)

    async def _dialled_address(self) -> str:
        """Return the address at which this machine is reached from the cluster."""
        if self._host not in ("0.0.0.0", "::"):
            return self.address
        host = await asyncio.to_thread(own_host_towards, await self.host_of_cluster())
        return address_of(host, int(self.address.rpartition(":")[2]))

    def _advice(self) -> str:
        if self._said_at:
            return f"{self.cluster_name} does not answer"
        if not self._has_answered:
            return f"{self.cluster_name} has not answered yet"
        return f"{self.cluster_name} has {len(self._pilots)} nodes, and no agent of them has come"
