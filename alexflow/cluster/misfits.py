"""Log lines about jobs that ask for more than any agent has, time among it: they wait, as one that has it may come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from alexflow.cluster.agent_supply import supply_text
from alexflow.executors.interface import Job, JobSource
from alexflow.executors.memory_text import memory_text
from alexflow.executors.process.claims import Claims
from alexflow.executors.process.sites import Site
from alexflow.logs import logger
from alexflow.model.resource_spec import WHOLE, Needs

#: Seconds after which it is said, and after which it is said again.
SAY_AFTER, SAY_AGAIN_AFTER = 30.0, 300.0

#: Jobs that one look goes through at most.
MOST_LOOKED_AT = 1000


class Misfits:
    """Looks now and then whether jobs wait that no agent can ever hold.

    Args:
        source: the jobs that are ready.
        claims: has the agents' machines, and what jobs take.
    """

    def __init__(self, source: JobSource, claims: Claims):
        self._source = source
        self._claims = claims
        self._look: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Look from now on, until no job waits."""
        if self._look is None:
            self._look_after(SAY_AFTER)

    def close(self) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()

    def _look_after(self, seconds: float) -> None:
        self._look = asyncio.get_running_loop().call_later(seconds, self._say)

    def _say(self) -> None:
        self._look = None
        if not len(self._source):
            return
        sites = list(self._claims.sites)
        waiting = self._waiting() if sites else []
        large = [job for job in waiting if not any(_can_hold(site, job) for site in sites)]
        longest = max((site.time_left() for site in sites), default=0.0)
        long = [job for job in waiting if self._claims.seconds_of(job) > longest]
        if large:
            there = "; ".join(sorted({supply_text(site.capacity.supply) for site in sites}))
            _say_of(large, f"asked for {_needs_text(large[0].needs)}, and no agent has that ({there})")
        if long:
            takes = f"may take {self._claims.seconds_of(long[0]):.0f} s"
            _say_of(long, f"{takes}, and no agent has that long ({max(0.0, longest):.0f} s)")
        self._look_after(SAY_AGAIN_AFTER if large or long else SAY_AFTER)

    def _waiting(self) -> list[Job]:
        """The first jobs that wait; they stay where they are."""
        found: list[Job] = []
        left = MOST_LOOKED_AT

        def looks(job: Job) -> bool | None:
            nonlocal left
            left -= 1
            found.append(job)
            return None if left else False

        self._source.take(1, looks)
        return found


def _can_hold(site: Site, job: Job) -> bool:
    return job.needs is None or site.capacity.can_ever_hold(job.needs)


def _say_of(jobs: Sequence[Job], why: str) -> None:
    count = f" and {len(jobs) - 1} more tasks" if len(jobs) > 1 else ""
    logger.warning("%s%s %s; it waits for one that does", jobs[0].task_id, count, why)


def _needs_text(needs: Needs | None) -> str:
    parts = []
    if needs is not None and needs.cpus is not None:
        parts.append(f"cpus={needs.cpus / WHOLE:g}")
    if needs is not None and needs.memory:
        parts.append(f"{memory_text(needs.memory)} of memory")
    parts += [f"{amount / WHOLE:g} of {kind!r}" for kind, amount in (needs.devices if needs is not None else ())]
    return ", ".join(parts)
