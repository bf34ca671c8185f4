"""For all tests of the engine."""

import pytest

from tests.engine import workflows


@pytest.fixture(autouse=True)
def ran() -> list[str]:
    """What tasks of this process said when they ran."""
    workflows.ran.clear()
    return workflows.ran
