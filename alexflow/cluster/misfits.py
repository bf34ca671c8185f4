"""Log lines about jobs that ask for more than any agent has: they wait, as an agent that has it may come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from alexflow.cluster.agent_supply import supply_text
from alexflow.executors.capacity import Capacity
from alexflow.executors.interface import Job, JobSource
from alexflow.executors.memory_text import memory_text
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
        capacities: returns those of the agents.
    """

    def __init__(self, source: JobSource, capacities: Callable[[], Iterable[Capacity]]):
        self._source = source
        self._capacities = capacities
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
        capacities = list(self._capacities())
        misfits = [job for job in self._waiting() if not _fits_any(job.needs, capacities)] if capacities else []
        if misfits:
            there = "; ".join(sorted({supply_text(capacity.supply) for capacity in capacities}))
            first = misfits[0]
            count = f" and {len(misfits) - 1} more tasks" if len(misfits) > 1 else ""
            logger.warning(
                "%s%s asked for %s, and no agent has that (%s); it waits for one that does",
                *(first.task_id, count, _needs_text(first.needs), there),
            )
        self._look_after(SAY_AGAIN_AFTER if misfits else SAY_AFTER)

    def _waiting(self) -> list[Job]:
        """The first jobs that wait and ask for something; they stay where they are."""
        found: list[Job] = []
        left = MOST_LOOKED_AT

        def looks(job: Job) -> bool | None:
            nonlocal left
            left -= 1
            if job.needs is not None:
                found.append(job)
            return None if left else False

        self._source.take(1, looks)
        return found


def _fits_any(needs: Needs | None, capacities: Iterable[Capacity]) -> bool:
    return needs is None or any(capacity.can_ever_hold(needs) for capacity in capacities)


def _needs_text(needs: Needs | None) -> str:
    parts = []
    if needs is not None and needs.cpus is not None:
        parts.append(f"cpus={needs.cpus / WHOLE:g}")
    if needs is not None and needs.memory:
        parts.append(f"{memory_text(needs.memory)} of memory")
    parts += [f"{amount / WHOLE:g} of {kind!r}" for kind, amount in (needs.devices if needs is not None else ())]
    return ", ".join(parts)
