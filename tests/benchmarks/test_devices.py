"""``python -m benchmarks.devices`` on simulated devices."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes


def test_no_device_is_over_its_share():
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "0,1"}  # so that none of this machine is used
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.devices"], env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert "the most of each device at once was 0: 1, 1: 1 (ok)" in done.stdout
    assert "the device is free after" in done.stdout
    assert "the next task on the device has begun after" in done.stdout
