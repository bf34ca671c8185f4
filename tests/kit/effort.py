"""The size of large and random tests: ``ALEXFLOW_EFFORT=0.25`` for a quick look, ``100`` for a night."""

import os

EFFORT = float(os.environ.get("ALEXFLOW_EFFORT", "1"))


def examples(usual: int) -> int:
    """The number of examples or tasks, for a test that usually has so many."""
    return max(1, round(usual * EFFORT))
