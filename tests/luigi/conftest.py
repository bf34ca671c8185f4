"""For the tests of luigi: what it leaves of its own processes."""

import multiprocessing
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _reaped() -> Iterator[None]:
    """Its processes have ended, and wait for somebody to ask after them; other tests count who is left."""
    yield
    multiprocessing.active_children()
