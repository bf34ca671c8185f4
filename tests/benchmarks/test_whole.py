"""Whole scripts: each does each case rightly; memory and processor time are those of all processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.cases.script import millis
from benchmarks.contestant import Contestant, Ended, Question, Wrong, run
from benchmarks.whole import AFTER_A_FAN, PeakOfAll, Script, descendants

SCRIPTS = Path(__file__).parent / "scripts"
CASES = ("start", "chain", "layered", "grow", "rerun", "async", "cpu")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["alexflow", "handmade"])
def test_the_right_result(name: str, case: str, tmp_path: Path) -> None:
    script = Script(name, tmp_path / "prepared")
    place = tmp_path / "place"
    place.mkdir()
    assert script.measure(Question(case, 40, 0.001), millis, 60)(place) > 0
    assert ((place / "copy").exists()) == (case in AFTER_A_FAN)


@pytest.mark.parametrize("name", ["alexflow", "handmade", "joblib"])
def test_training(name: str, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    ended = Script(name, tmp_path).run(Question("iris", 0), tmp_path, 60)
    assert ended.cpu_seconds > 0


def test_what_exists_is_made_once(tmp_path: Path) -> None:
    script = Script("handmade", tmp_path / "prepared")
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        script.measure(Question("grow", 5), millis, 60)(tmp_path / name)
    (kept,) = (tmp_path / "prepared").iterdir()
    assert not (kept / "count.pkl").exists()
    assert (tmp_path / "second" / "copy" / "leaf-0.pkl").stat().st_mtime_ns == (kept / "leaf-0.pkl").stat().st_mtime_ns


def test_a_wrong_result(tmp_path: Path) -> None:
    wrong = Script("wrong", tmp_path, Contestant("wrong", SCRIPTS / "whole_but_wrong.py"))
    with pytest.raises(Wrong, match="wrong result: 11 instead of 10"):
        wrong.run(Question("chain", 10), tmp_path, 60)


def test_the_whole_time_is_counted(tmp_path: Path) -> None:
    inside = "import time; began = time.perf_counter(); sum(range(300_000)); print(time.perf_counter() - began)"
    ended = run([sys.executable, "-c", inside], 60)
    assert ended.seconds > float(ended.output)
    assert ended.cpu_seconds > 0


def test_memory_of_all_descendants() -> None:
    child = "import sys; kept = bytearray(64 << 20); print(flush=True); sys.stdin.read()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    peak = PeakOfAll()
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert len(descendants(process.pid)) == 2
        peak.look(process.pid)
    assert peak.mib > 64
    assert isinstance(ended := run([sys.executable, "-c", "pass"], 60, watched=peak.look), Ended)
    assert ended.code == 0
