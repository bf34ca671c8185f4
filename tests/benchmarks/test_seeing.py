"""The benchmark of the live page, on a short run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

from benchmarks.seeing.__main__ import VIEWERS, measured

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("way", ["own process", "same process"])
def test_each_way_to_look_at_a_run_is_measured(tmp_path: Path, way: str) -> None:
    found = measured(tmp_path, 300, 200, way)
    assert found["engine"]["took"] > 0
    assert ("server" in found) == (way == "own process")
    assert found["viewers"]["bytes"] > 0
    assert len(found["viewers"]["messages"]) == VIEWERS
