"""For all tests of services."""

import pytest

from tests.services.tasks import begun, ended


@pytest.fixture(autouse=True)
def none_has_begun() -> None:
    """Forget the tasks that earlier tests have begun in this process."""
    begun.clear()
    ended.clear()
