"""A seed has one history: in each process, whatever the hash seed, however often."""

import os
import subprocess
import sys

import pytest

from tests.simulation.scenario import random_scenario
from tests.simulation.trial import play

DIGEST = """
import hashlib
from tests.simulation.scenario import random_scenario
from tests.simulation.trial import play
for seed in range(60):
    print(seed, hashlib.sha256("\\n".join(play(random_scenario(seed)).lines).encode()).hexdigest())
"""


def in_a_process(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", DIGEST]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=100).stdout


@pytest.fixture(scope="module")
def in_one_process() -> str:
    return in_a_process("random")


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_the_same_in_another_process(in_one_process, hash_seed):
    assert in_a_process(hash_seed) == in_one_process


def test_twice_the_same():
    for seed in range(20):
        assert play(random_scenario(seed)).lines == play(random_scenario(seed)).lines
