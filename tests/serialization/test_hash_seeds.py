"""A document does not depend on the hash seed of the process that wrote it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

#: Sets of whatever refers to tasks: nodes must not follow the order in which a process happens to iterate.
SCRIPT = """
import sys
from alexflow.serialization import to_json
from tests.serialization.documented import Config, Loud, Noted, Point, Value

leaves = [Value(number) for number in range(8)]
tasks = {*leaves, *(Loud(leaf) for leaf in leaves[:3])}
sys.stdout.buffer.write(to_json([
    tasks,
    {leaf.output() for leaf in leaves},
    Value({Value(frozenset({Value(name), Value(name).output()})) for name in "abcdef"}),
    {(Loud(leaves[0]),), (leaves[0],), (leaves[1], "x"), ("x", leaves[1])},
    {Point(1, Loud(leaves[2])), Point(1, leaves[2]), Config(1.0, inner=leaves[3]), Config(1.0, inner=Loud(leaves[3]))},
    {Noted(1, note={Value("note"), Value("other note")}, calls=[Value("call")])},
    {"names", "of", "any", "kind", frozenset({"one", "more", ("and", "more")})},
]))
"""


def written_by(seed: int) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, timeout=60, check=True
    ).stdout


@pytest.mark.processes
def test_a_document_is_the_same_under_any_hash_seed() -> None:
    assert len({written_by(seed) for seed in range(6)}) == 1
