"""How many examples random tests draw: ``ALEXFLOW_EFFORT=0.25`` for a quick look, ``100`` for a night."""

import os

EFFORT = float(os.environ.get("ALEXFLOW_EFFORT", "1"))


def examples(usual: int) -> int:
    """The number of examples, for a test that usually draws so many."""
    return max(1, round(usual * EFFORT))
