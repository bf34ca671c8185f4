"""A thorough search takes longer than the time limit of a test."""

import pytest

from tests.stateful.thoroughness import EXAMPLES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if EXAMPLES > 500:
        for item in items:
            item.add_marker(pytest.mark.timeout(0))
