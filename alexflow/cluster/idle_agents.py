"""Agents that have had nothing to do for a while, so that nodes can be given back; and nodes that are lacking."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import NamedTuple

from alexflow.cluster.connection import AgentConnection

#: Nodes that are asked for at once, at most.
MOST_NODES_ASKED = 100


class IdleAgents:
    """Looks at the agents now and then.

    Args:
        idle: seconds without work after which an agent is let go.
    """

    def __init__(self, idle: float):
        self._idle = idle
        self._seen: dict[AgentConnection, _Observed] = {}

    def found(self, agents: Iterable[AgentConnection], *, has_work: bool, now: float) -> list[AgentConnection]:
        """Return those that have had nothing to do for long enough.

        Args:
            agents: those that take jobs.
            has_work: whether jobs wait for a place.
            now: the time, in seconds.
        """
        seen: dict[AgentConnection, _Observed] = {}
        for agent in agents:
            sent = agent.site.jobs_sent
            before = self._seen.get(agent)
            is_idle = not has_work and not agent.site.load and before is not None and before.sent == sent
            seen[agent] = before if is_idle and before is not None else _Observed(sent, now)
        self._seen = seen
        return [agent for agent, each in seen.items() if now - each.since >= self._idle]


class _Observed(NamedTuple):
    """An observation of an agent: how many jobs it had been sent, and since when it has got no more."""

    sent: int
    since: float


def nodes_lacking(jobs: int, places: Iterable[int], usual: int) -> int:
    """Return how many more nodes jobs that wait would fill.

    Args:
        jobs: how many wait.
        places: of each node that is there and has nothing to do yet.
        usual: how many places a further node would have.
    """
    return min(MOST_NODES_ASKED, max(0, ceil((jobs - sum(places)) / usual)))
