"""Telemetry that is reported in a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.otel.telemetry import Telemetry


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    from alexflow.otel import uninstrument  # here: tests are collected without the library, too
    from tests.otel.telemetry import Telemetry

    made = Telemetry()
    yield made
    uninstrument()
    made.tracers.shutdown()
    made.meters.shutdown()
