"""Random scenarios, as many as ALEXFLOW_SIMULATION_SEEDS says; a thorough search is ``nox -s simulate``."""

import os
from pathlib import Path

import pytest

from alexflow.testing.faults import SimulatedFault
from tests.simulation.search import search

SEEDS = int(os.environ.get("ALEXFLOW_SIMULATION_SEEDS", "400"))
AT_ONCE = 100


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_nothing_goes_wrong(first):
    tally = search(range(first, min(first + AT_ONCE, SEEDS)), Path("simulations"))
    print(tally)
    assert not tally.wrong, f"{tally}\npython -m tests.simulation replay FILE shows it again"


def test_everything_happens_somewhere():
    """The scenarios are worth something: every fault happens, and requests end in every way."""
    tally = search(range(600))
    assert set(tally.requests) == {"ok", "failed", "cancelled", "closed", "error"}
    assert set(tally.faults) == {kind.__name__ for kind in SimulatedFault.__subclasses__()}
    assert min(tally.faults.values()) >= 5
