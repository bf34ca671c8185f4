"""Plans of kills: victims and times, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple


class Victim(Enum):
    """The processes to kill."""

    ENGINE = "the engine"
    WORKER = "one worker"
    WORKERS = "all workers"
    FORK_SERVER = "the process that workers are forked from"
    ALL = "the engine and all else, in any order"
    AGENT = "an agent and its workers, as a machine that is lost"
    HOLDER = "a cluster's process that holds an agent: a Dask worker, an actor of Ray"


#: How often each is killed, beside the others.
WEIGHTS = {Victim.ENGINE: 4, Victim.WORKER: 2, Victim.WORKERS: 2, Victim.FORK_SERVER: 1, Victim.ALL: 3}

#: The further victims of engines that have agents, and of those whose agents run on a cluster.
AT_AGENTS = {Victim.AGENT: 4}
ON_CLUSTERS = {Victim.AGENT: 2, Victim.HOLDER: 4}


class Kill(NamedTuple):
    """One of the kills.

    Attributes:
        victim: the processes to kill.
        moment: the time after the engine's start, or after the kill before: 1 is the duration of an undisturbed run.
        chance: a random number for the other choices.
    """

    victim: Victim
    moment: float
    chance: random.Random

    def earlier(self) -> Kill:
        """The same for when the run was over before."""
        return self._replace(moment=self.moment * 0.8)


def kills(seed: int, count: int, further: Mapping[Victim, int] | None = None) -> list[Kill]:
    """Return a plan, with further victims if there are some."""
    chance = random.Random(seed)
    weights = {**WEIGHTS, **(further or {})}
    victims = chance.choices(list(weights), list(weights.values()), k=count)
    return [
        # half of them soon, when workers are just being started, or a run has only a little to look at
        Kill(victim, chance.uniform(0, chance.choice([0.2, 1.0])), random.Random(chance.random()))
        for victim in victims
    ]
