"""The parts of an agent that need no process."""

from __future__ import annotations

import asyncio
import time

import pytest

from alexflow.cluster.allocation import time_left
from alexflow.cluster.proof import is_proof, new_nonce, new_token, proof
from alexflow.cluster.storage_check import CHECK_IS_OLD, StorageCheck
from alexflow.executors.interface import Job, NotDone, Unsure
from alexflow.executors.process.places import UNSEEN, Assignment, Place, outcome_at_end
from alexflow.storage import LocalStorage
from tests.cluster.workflows import Leaf


def test_a_proof_is_of_the_token_the_role_and_both_nonces():
    token, first, second = new_token(), new_nonce(), new_nonce()
    given = proof(token, "agent", first, second)
    assert is_proof(given, token, "agent", first, second)
    assert not is_proof(given, new_token(), "agent", first, second)
    assert not is_proof(given, token, "engine", first, second)
    assert not is_proof(given, token, "agent", second, first)


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        (None, {}, None),
        (5.0, {"SLURM_JOB_END_TIME": "2000"}, 5.0),
        (None, {"SLURM_JOB_END_TIME": "2000"}, 1000.0),
        (None, {"SLURM_JOB_END_TIME": "soon"}, None),
    ],
)
def test_the_time_that_an_allocation_has_left(given, environment, expected):
    assert time_left(given, environment, 1000.0) == expected


def assignment(number: int, *, replace: bool = False, after: int = 0, cancelled: bool = False) -> Assignment:
    job = Job(f"task-{number}", Leaf(number), replace=replace)
    sent = Assignment(job, Place(1, 0.0), number, 0.1, after)
    sent.cancelled = cancelled
    return sent


def test_what_a_lost_machine_means_for_each_of_its_jobs():
    lost = NotDone("task-1", "lost")
    assert outcome_at_end(assignment(1), 1, UNSEEN, lost) == Unsure("task-1", lost)
    assert outcome_at_end(assignment(1), 1, UNSEEN, None) == Unsure("task-1")  # it has left: nothing is charged
    assert outcome_at_end(assignment(2), 1, UNSEEN, lost) == Unsure("task-2")  # it may have ended, unheard
    assert outcome_at_end(assignment(1, replace=True), 1, UNSEEN, lost) == lost
    assert outcome_at_end(assignment(2, replace=True), 1, UNSEEN, lost) is None  # its output was there before
    assert outcome_at_end(assignment(2, after=1), 1, UNSEEN, lost) == Unsure("task-2")  # so may one that was sent ahead
    assert outcome_at_end(assignment(2, after=1, replace=True), 1, UNSEEN, lost) is None
    assert outcome_at_end(assignment(1, cancelled=True), 1, UNSEEN, lost) == NotDone("task-1", "cancelled")


def test_the_check_of_an_engine_that_was_killed_is_removed_a_day_later(tmp_path, monkeypatch):
    storage = LocalStorage(tmp_path)
    space = storage.reserved("agents")
    assert space is not None
    killed, other = asyncio.run(StorageCheck(storage).written()), StorageCheck(storage)
    first = asyncio.run(other.written())
    assert killed is not None
    assert first is not None
    assert set(space.names()) == {killed[0], first[0]}
    assert asyncio.run(other.written()) == first
    wall, monotonic, later = time.time, time.monotonic, CHECK_IS_OLD + 2
    monkeypatch.setattr(time, "time", lambda: wall() + later)
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + later)
    second = asyncio.run(other.written())  # agents that come from now on look for another
    assert second is not None
    assert space.names() == [second[0]]
    assert space.read(second[0]) == second[1]
    asyncio.run(other.remove())
    assert space.names() == []
