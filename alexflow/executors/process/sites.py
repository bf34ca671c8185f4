"""A site: the places of one machine, and what jobs may claim of it.

A pool of this machine's processes has one, whose places are all that the pool has. A pool whose workers agents host
has one for each agent, so that what a job claims is always there where it runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from alexflow.executors.capacity import Capacity, Claimant
from alexflow.executors.process.places import Place
from alexflow.executors.process.roster import Roster


class Site:
    """A machine of a pool.

    Args:
        capacity: what jobs may claim there.
        roster: its places.
        name: of the executor.
        wake: called when something has come free in another executor of the same capacity.
        time_left: gives the seconds until the machine is taken away.

    Attributes:
        begun: places that get their first job in the round that is under way.
        begun_ordinary: those of them whose job asks for nothing.
    """

    def __init__(
        self,
        capacity: Capacity,
        roster: Roster,
        name: str,
        wake: Callable[[], None],
        time_left: Callable[[], float] = lambda: math.inf,
    ):
        self.capacity = capacity
        self.roster = roster
        self.time_left = time_left
        self.begun = 0
        self.begun_ordinary = 0
        self.claimant = Claimant(name, self._is_full, self._ordinary_jobs, wake)
        capacity.join(self.claimant)

    @property
    def load(self) -> float:
        """The number of jobs that run there for each of its places."""
        return self._busy() / self.roster.size

    @property
    def jobs_sent(self) -> int:
        """The number of jobs that its places have been sent, those alone that are there."""
        return sum(place.number for place in self.roster.all)

    def _ordinary_jobs(self) -> int:
        return self.begun_ordinary + sum(1 for place in self._occupied() if place.sent and place.claim is None)

    def _is_full(self) -> bool:
        return self.begun + self._busy() >= self.roster.size

    def _busy(self) -> int:
        return sum(1 for place in self.roster.all if place.sent)

    def _occupied(self) -> list[Place]:
        """The places that use CPUs, those among them that are being ended."""
        return [*self.roster.places, *self.roster.leaving]
