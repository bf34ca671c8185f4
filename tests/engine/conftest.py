"""For all tests of the engine."""

import pytest

from tests.engine import workflows


@pytest.fixture(autouse=True)
def ran() -> list[str]:
    """The words that tasks of this process added when they ran."""
    workflows.ran.clear()
    return workflows.ran
