"""Runs during which the clock is set: their reports are drawn, and nothing takes less than no time."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from alexflow.record.run_record import Run
from alexflow.report.still import WIDTH, still_png
from alexflow.timeline.fold import GIVEN_UP


@pytest.mark.parametrize("start", [-3_600_000_000, 0, 500, 86_400_000_000])
def test_tasks_outside_the_run_leave_the_picture(start: int) -> None:
    columns = SimpleNamespace(start=[start], took=[100], cls=[0], state=[GIVEN_UP])
    lane = SimpleNamespace(columns=lambda: columns)
    timeline: Any = SimpleNamespace(ordered_lanes=lambda: [lane], end=1000)
    png, rows = still_png(timeline)
    assert rows == 1
    assert png[16:20] == WIDTH.to_bytes(4, "big")


def test_a_run_takes_no_less_than_no_time() -> None:
    run: Any = SimpleNamespace(started=datetime(2030, 1, 1, 12, tzinfo=UTC), ended=datetime(2030, 1, 1, 11, tzinfo=UTC))
    assert Run.seconds.fget(run) == 0.0  # type: ignore[attr-defined]
