"""The short form of ``python -m tests.crash.training``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.training import campaign


@pytest.mark.processes
def test_a_training_that_is_killed_ends_as_if_undisturbed(tmp_path: Path) -> None:
    killed, _, _, faults = campaign(tmp_path, seed=7, kills=12, kills_each=12)
    assert killed >= 12
    assert faults == []
