"""Single operations, and the counting of their instructions."""

import shutil
from pathlib import Path

import pytest

from benchmarks.cases import instructions
from benchmarks.contest import Setting
from benchmarks.contestant import Unsupported
from benchmarks.instructions import counter
from benchmarks.measure import Place
from benchmarks.operations import OPERATIONS


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_can_be_done(name: str) -> None:
    OPERATIONS[name][0](3)


def test_counting() -> None:
    try:
        count = counter()
    except Unsupported as why:
        pytest.skip(str(why))
    assert count(["true"]) > 1000


def test_without_a_way_to_count_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    place = Place(tmp_path)
    (outcome,) = instructions.run(Setting(1, place, place))
    assert outcome.skipped == "neither does perf count instructions here, nor is there valgrind"
    assert outcome.rows == {}
