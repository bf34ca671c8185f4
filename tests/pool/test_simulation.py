"""Random histories of a pool, by seed; and machines with a fault, which these must find."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest

from alexflow.executors.interface import NotDone, Outcome, Unsure
from alexflow.executors.process.machine import PoolMachine
from alexflow.executors.process.places import Assignment, Place, outcome_at_end
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
        *("SendJobs", "ReportOutcomes", "StartPlaces", "RevokeJobs", "ReturnJobs", "StopJob", "RetirePlace", "FailAll"),
        "LookAgain",
    }
    assert outcomes >= {"Done", "Unsure", "error", "fatal", "cancelled"}


# -- planted faults


class LosesRevoked(PoolMachine):
    """Loses each job that comes back with others."""

    def revoked(self, place: Place, numbers: Iterable[int]) -> None:
        super().revoked(place, list(numbers)[:1])


class ChargesAll(PoolMachine):
    """All that a dead worker had is lost with it."""

    @staticmethod
    def _outcome_at_end(sent: Assignment, running: int, ended: int, lost: NotDone | None) -> Outcome | None:
        return outcome_at_end(sent, running, ended, lost) or Unsure(sent.job.task_id, lost)


class ForgivesAll(PoolMachine):
    """Runs a job again that was running, uncharged."""

    @staticmethod
    def _outcome_at_end(sent: Assignment, running: int, ended: int, lost: NotDone | None) -> Outcome | None:
        return None if sent.number == running else outcome_at_end(sent, running, ended, lost)


class TakesTheNewest(PoolMachine):
    """Gives the job first that has just become ready."""

    def _fill(self, place: Place, fair_share: float, most: int) -> int:
        waiting = self._source.take(len(self._source))
        self._source.put_back(waiting[::-1])
        return super()._fill(place, fair_share, most)


class ForgetsToFeed(PoolMachine):
    """Workers are not fed after they have reported."""

    def feed(self, *, everywhere: bool = True) -> None:
        if not any(place.has_ended_one for place in self.roster.places):
            super().feed(everywhere=everywhere)


class RunsWhatFailedBefore(PoolMachine):
    """Expects jobs after a failed one to run."""

    def _drop_after(self, place: Place, failed: int) -> None:
        pass


class KeepsWithdrawn(PoolMachine):
    """The outcome of a withdrawn speculative job is reported when it is ready."""

    def _withdraw(self, sent: Assignment) -> None:
        self._stop(sent)


FAULTS: list[type[PoolMachine]] = [
    *(LosesRevoked, ChargesAll, ForgivesAll, TakesTheNewest, ForgetsToFeed, RunsWhatFailedBefore, KeepsWithdrawn),
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
