"""Time for a search: a failing history is made smaller for up to five minutes, and a thorough search takes longer.

A time limit that ends either would be reported as data generation that is flaky, in place of the failure.
"""

import pytest

from tests.stateful.thoroughness import EXAMPLES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/stateful" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(0 if EXAMPLES > 500 else 600))
