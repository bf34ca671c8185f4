"""13: two engines, same target, same storage: each task runs once while leases hold; both end well."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.faults.shared_storage import MANY, outcome, start

pytestmark = pytest.mark.anyio

TTL = 30.0  # seconds: far longer than any test, so that nothing here is taken over because of it


@pytest.mark.parametrize("engines", [2, 4])
def test_each_task_runs_once_and_all_end_well(place, log, engines):
    running = [start(place, log, TTL, "many") for _ in range(engines)]
    found = [outcome(engine)[0] for engine in running]
    assert Counter(log.read_text().split()) == Counter(MANY)
    assert len({one["value"] for one in found}) == 1
    assert all(one["dropped"] == [] for one in found)
    assert not [name for name in os.listdir(place) if "Passing" in name]
    assert not [name for name in os.listdir(place) if name.startswith(".")]
