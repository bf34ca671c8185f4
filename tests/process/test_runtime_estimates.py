"""Estimates of how long jobs take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexflow.executors.process.runtime_estimates import PREFETCH_SECONDS, RuntimeEstimates


def test_what_is_not_known_is_long():
    estimates = RuntimeEstimates()
    assert estimates.expect("Value") == PREFETCH_SECONDS
    estimates.learn("Value", 0.001)
    assert estimates.expect("Value") == 0.001
    assert estimates.expect("Descriptors") == PREFETCH_SECONDS


def test_what_has_no_key_is_long_for_ever():
    estimates = RuntimeEstimates()
    estimates.learn("", 0.001)
    assert estimates.expect("") == PREFETCH_SECONDS


def test_many_are_judged_by_the_first():
    estimates = RuntimeEstimates()
    assert estimates.fair_share([], 0, [0.002, 0.0]) == pytest.approx(0.001)
    estimates.learn("Value", 0.001)
    estimates.learn("Descriptors", 0.003)
    assert estimates.fair_share(["Value"] * 8, 100, [0.0, 0.002]) == pytest.approx(0.051)
    assert estimates.fair_share(["Value", "Descriptors"] * 4, 80, [0.0, 0.0]) == pytest.approx(0.08)


@given(
    seconds=st.floats(1e-6, 0.008),
    workers=st.integers(1, 16),
    each=st.integers(1, 20),
    before=st.integers(0, 5),
)
def test_equal_jobs_are_dealt_equally(seconds, workers, each, before):
    estimates = RuntimeEstimates()
    estimates.learn("Value", seconds)
    loads = [sum([seconds] * before) for _ in range(workers)]
    level = estimates.fair_share(["Value"], workers * each, loads)
    for load in loads:
        got = 0
        while load < level:
            load += seconds
            got += 1
        assert got == each


def test_a_quicker_task_weighs_more():
    estimates = RuntimeEstimates()
    for seconds, expected in ((0.1, 0.1), (0.0, 0.05), (0.15, 0.06)):
        estimates.learn("Value", seconds)
        assert estimates.expect("Value") == pytest.approx(expected)
