"""How long jobs are expected to take."""

from __future__ import annotations

import pytest

from alexflow.executors.interface import Job
from alexflow.executors.process.pace import AHEAD, Pace
from tests.process.workflows import Descriptors, Value


def job(task, timeout=None):
    return Job(task.task_id, task, timeout)


def test_what_is_not_known_is_long():
    pace = Pace()
    assert pace.expect(job(Value(1))) == AHEAD
    pace.learn(Value, 0.001)
    assert pace.expect(job(Value(1))) == 0.001
    assert pace.expect(job(Descriptors(1))) == AHEAD


def test_a_job_with_a_timeout_goes_alone():
    pace = Pace()
    pace.learn(Value, 0.001)
    assert pace.expect(job(Value(1), timeout=1.0)) == AHEAD


def test_many_are_judged_by_the_first():
    pace = Pace()
    assert pace.expect_all([]) == 0
    pace.learn(Value, 0.001)
    pace.learn(Descriptors, 0.003)
    assert pace.expect_all([job(Value(n)) for n in range(100)]) == pytest.approx(0.1)
    mixed = [job(cls(n)) for n in range(4) for cls in (Value, Descriptors)]
    assert pace.expect_all(mixed * 10) == pytest.approx(0.16)


def test_a_quicker_task_weighs_more():
    pace = Pace()
    for seconds, expected in ((0.1, 0.1), (0.0, 0.05), (0.15, 0.06)):
        pace.learn(Value, seconds)
        assert pace.expect(job(Value(1))) == pytest.approx(expected)
