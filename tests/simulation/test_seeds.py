"""Random scenarios, as many as ALEXFLOW_SIMULATION_SEEDS says; a thorough search is ``nox -s simulate``."""

import os
from pathlib import Path

import pytest

from alexflow.testing.search import search

SEEDS = int(os.environ.get("ALEXFLOW_SIMULATION_SEEDS", "600"))
AT_ONCE = 100

#: Seeds that found a bug once.
ONCE_WRONG = [48, 90]


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_nothing_goes_wrong(first):
    tally = search(range(first, min(first + AT_ONCE, SEEDS)), Path("simulations"))
    print(tally)
    assert not tally.wrong, f"{tally}\npython -m alexflow.testing replay FILE shows it again"


@pytest.mark.parametrize("seed", ONCE_WRONG)
def test_not_wrong_any_more(seed):
    assert not search([seed]).wrong


def test_everything_happens_somewhere():
    """The scenarios are worth something: every fault happens, and requests end in every way."""
    tally = search(range(600))
    assert set(tally.requests) == {"ok", "failed", "cancelled", "closed"}
    kinds = {"DeafTask", "DelayedReply", "FailedStore", "LostWorker", "RaisedError", "SlowAnswer", "SlowTask"}
    assert set(tally.faults) == {*kinds, "VanishedOutput"}
    assert min(tally.faults.values()) >= 5
