"""Random histories of a pool, by seed; and machines with a fault, which these must find."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

import pytest

from alexflow.executors.interface import Job, NotDone, Outcome, Unsure
from alexflow.executors.process.machine import PoolMachine
from alexflow.executors.process.places import Assignment, Place
from tests.kit.effort import examples
from tests.pool.invariants import Broken
from tests.pool.player import Player

STEPS = 300


def play(seed: int, make: type[PoolMachine] = PoolMachine) -> Player:
    player = Player(random.Random(seed), make)
    chooser = player.chooser
    for _ in range(STEPS):
        chooser.choice(player.actions)()
    player.finish()
    return player


@pytest.mark.parametrize("seed", range(examples(100)))
def test_a_history(seed):
    play(seed)


def test_histories_have_everything_in_them():
    kinds = set()
    outcomes = set()
    for seed in range(30):
        player = play(seed)
        kinds |= {type(instruction).__name__ for instruction in player.world.history}
        for ready in player.world.ready.values():
            (outcome,) = ready.outcomes
            outcomes.add(getattr(outcome, "reason", type(outcome).__name__))
    assert kinds == {
        *("SendJobs", "ReportOutcomes", "StartPlaces", "RevokeJobs", "StopJob", "RetirePlace", "FailAll"),
    }
    assert outcomes >= {"Done", "Unsure", "error", "fatal", "cancelled"}


# -- planted faults


class LosesRevoked(PoolMachine):
    """What comes back with others is lost."""

    def revoked(self, place: Place, numbers: Iterable[int]) -> None:
        super().revoked(place, list(numbers)[:1])


class ChargesAll(PoolMachine):
    """All that a dead worker had is lost with it."""

    def _outcome_at_end(self, sent: Assignment, running: int, ended: int, lost: NotDone | None) -> Outcome | None:
        return super()._outcome_at_end(sent, running, ended, lost) or Unsure(sent.job.task_id, lost)


class ForgivesAll(PoolMachine):
    """What was running runs again, uncharged."""

    def _outcome_at_end(self, sent: Assignment, running: int, ended: int, lost: NotDone | None) -> Outcome | None:
        return None if sent.number == running else super()._outcome_at_end(sent, running, ended, lost)


class TakesTheLast(PoolMachine):
    """Revoked jobs go behind all others."""

    def _unclaimed(self, jobs: Sequence[Job]) -> list[Job]:
        return list(reversed(super()._unclaimed(jobs)))


class ForgetsToFeed(PoolMachine):
    """Workers are not fed after they have reported."""

    def feed(self) -> None:
        if not any(place.has_ended_one for place in self.roster.places):
            super().feed()


class RunsWhatFailedBefore(PoolMachine):
    """What comes after a failed job is expected to run."""

    def _drop_after(self, place: Place, failed: int) -> None:
        pass


class KeepsWithdrawn(PoolMachine):
    """The outcome of a withdrawn speculative job is reported when it is ready."""

    def _withdraw(self, sent: Assignment) -> None:
        self._stop(sent)


FAULTS: list[type[PoolMachine]] = [
    *(LosesRevoked, ChargesAll, ForgivesAll, TakesTheLast, ForgetsToFeed, RunsWhatFailedBefore, KeepsWithdrawn),
]


def finds(make: type[PoolMachine]) -> Callable[[int], bool]:
    def found(seed: int) -> bool:
        try:
            play(seed, make)
        except Broken:
            return True
        return False

    return found


@pytest.mark.parametrize("make", FAULTS)
def test_a_planted_fault_is_found(make):
    assert any(map(finds(make), range(50)))
