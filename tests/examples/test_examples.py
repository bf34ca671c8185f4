"""The examples as a reader starts them: twice, and the second time nothing runs."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alexflow import open_record
from tests.kit.servers.s3 import Server, environment

EXAMPLES = Path(__file__).parents[2] / "examples"


def start(name: str, storage: Path | str, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run the example, and return its output."""
    command = [sys.executable, str(EXAMPLES / name), "--storage", str(storage), *arguments]
    home = storage.parent if isinstance(storage, Path) else None
    done = subprocess.run(command, capture_output=True, text=True, cwd=home, env=os.environ | (env or {}))
    assert done.returncode == 0, done.stderr
    return done.stdout


def needs(module: str, package: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(missing, reason=f"needs {package}: pip install --group examples")


def percent(text: str) -> float:
    found = re.search(r"Accuracy: ([\d.]+)%", text)
    assert found is not None, text
    return float(found[1])


@needs("sklearn", "scikit-learn")
def test_iris(tmp_path: Path) -> None:
    first = start("iris.py", tmp_path / "results", "--document")
    assert '"class": "iris:Train"' in first
    assert "3 ran, 0 cached" in first
    assert percent(first) > 90
    second = start("iris.py", tmp_path / "results")
    assert "Nothing had to run" in second
    assert percent(second) == percent(first)
    other = start("iris.py", tmp_path / "results", "--model", "SVC")
    assert "2 ran" in other  # the data was kept


@needs("sklearn", "scikit-learn")
def test_iris_in_a_bucket(server: Callable[[str], Server]) -> None:
    seaweedfs = server("seaweedfs")
    url, env = seaweedfs.url(), environment(seaweedfs.port)
    first = start("iris.py", url, env=env)
    assert "3 ran, 0 cached" in first
    second = start("iris.py", url, env=env)
    assert "Nothing had to run" in second
    assert f"Kept in {url} as" in second
    assert percent(second) == percent(first) > 90


@needs("sklearn", "scikit-learn")
def test_sweep(tmp_path: Path) -> None:
    first = start("sweep.py", tmp_path / "results")
    assert "64 candidates, 5 folds: 326 ran" in first
    *_, one, two, three = first.splitlines()
    assert all(float(line.split()[-1]) > 0.97 for line in (one, two, three))
    second = start("sweep.py", tmp_path / "results")
    assert "0 ran, 1 cached" in second
    assert second.splitlines()[1:] == first.splitlines()[1:]


@needs("sklearn", "scikit-learn")
@pytest.mark.timeout(600)
def test_finetune(tmp_path: Path) -> None:
    first = start("finetune.py", tmp_path / "results")
    assert "5 ran" in first
    *_, nothing, other, tuned, tuned_more = (float(line.split()[-1]) for line in first.splitlines()[2:])
    assert max(tuned, tuned_more) > max(nothing, other)
    second = start("finetune.py", tmp_path / "results")
    assert "0 ran, 4 cached" in second
    assert second.splitlines()[1:] == first.splitlines()[1:]


@needs("sklearn", "scikit-learn")
@needs("optuna", "optuna")
@pytest.mark.processes
@pytest.mark.timeout(600)
def test_a_search_that_is_killed_computes_nothing_twice(tmp_path: Path) -> None:
    storage = tmp_path / "results"
    command = [sys.executable, str(EXAMPLES / "search.py"), "--storage", str(storage), "--trials", "10"]
    search = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while search.poll() is None and len(list(storage.glob("*Trial.*result.json"))) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    search.kill()
    assert search.wait() == -9
    before = {path.name: path.stat().st_mtime_ns for path in storage.glob("*Trial.*")}
    assert 4 <= len(before) < 10
    second = start("search.py", storage, "--trials", "10")
    assert "10 trials" in second
    after = {path.name: path.stat().st_mtime_ns for path in storage.glob("*Trial.*")}
    assert len(after) == 10
    assert {name: after[name] for name in before} == before
    ran = [sum(entry.finished is not None for entry in open_record(storage).generations(name)) for name in after]
    assert max(ran) == 1  # of those that were at work or had just ended the record says that they may have run
    assert "0 ran, 1 cached" in start("search.py", storage, "--trials", "10")


@needs("sklearn", "scikit-learn")
@pytest.mark.timeout(600)  # 326 tasks and a dozen commands
@pytest.mark.parametrize("kind", ["a directory", "seaweedfs"])
def test_sweep_is_explained_by_its_storage_alone(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    shutil.copy(EXAMPLES / "sweep.py", tmp_path / "code")
    storage, env = str(tmp_path / "results"), dict(os.environ)
    if kind != "a directory":
        bucket = request.getfixturevalue("server")(kind)
        storage, env = bucket.url(), env | environment(bucket.port)

    def alexflow(*words: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "alexflow", *words, "--storage", storage]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env)
        assert done.returncode == code, done.stderr
        return done.stdout

    assert "326 ran" in alexflow("run", "code/sweep.py:search", "--quiet")
    shutil.rmtree(tmp_path / "code")
    if kind == "a directory":
        storage = str(shutil.copytree(tmp_path / "results", tmp_path / "elsewhere"))
        shutil.rmtree(tmp_path / "results")

    assert alexflow("find", "Score", "candidate.model=svc", "candidate.parameters.C=10").startswith("40 tasks")
    fits = [json.loads(line)["key"] for line in alexflow("find", "Fit", "--json").splitlines()]
    assert len(fits) == 3
    shown = alexflow("show", fits[0])
    assert "field    candidate.model = " in shown
    assert shown.count("read     sweep.Digits.") == 2
    scores = [json.loads(line) for line in alexflow("find", "Score", "--json").splitlines()]
    last = max(scores, key=lambda score: score["started"])  # the first to begin had none before it
    assert "\n  Score." in alexflow("explain", last["key"])  # the field that differs
    assert "2 tasks, 2 done" in alexflow("graph", fits[0])
    assert "Score" in alexflow("graph", "Search", "--by-class")
    table = alexflow("table", "Score", "score=score.json:", "fold=0", "--csv").splitlines()
    assert table[0].split(",")[-6] == "score"
    assert len(table) == 65
    assert "Fit.candidate.parameters" in alexflow("diff", *fits[:2], code=1)
    assert "326" in alexflow("runs")
    assert "sweep.py:search" in alexflow("log")
    assert "326 tasks and 1 run in the record" in alexflow("status")


#: In the server of ``pages.py``, instead of half a second: answers wait until as many requests are open as may be, so
#: that it does not depend on the machine's load how many are. They wait no longer than a run may take.
UNTIL_FULL = """
        nonlocal gate
        here = gate
        if open_now == min(REQUESTS_AT_ONCE, PAGES - answered):
            gate = asyncio.Event()
            here.set()
        else:
            await asyncio.wait([asyncio.ensure_future(here.wait())], timeout=60)
"""


@needs("aiohttp", "aiohttp")
def test_pages(tmp_path: Path) -> None:
    text = (EXAMPLES / "pages.py").read_text()
    for old, new in (
        ("\n        await asyncio.sleep(SERVER_TAKES)\n", UNTIL_FULL),
        ("    open_now = peak = answered = 0\n", "    open_now = peak = answered = 0\n    gate = asyncio.Event()\n"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "pages.py").write_text(text)
    first = start(str(tmp_path / "pages.py"), tmp_path / "results")
    assert "2000 pages: 4021 ran" in first
    found = re.search(r"answered 2000 requests, (\d+) of them open at once", first)
    assert found is not None, first
    assert int(found[1]) == 256
    second = start(str(tmp_path / "pages.py"), tmp_path / "results")
    assert "0 ran, 1 cached" in second
    assert "answered 0 requests" in second
    assert second.splitlines()[-1] == first.splitlines()[-1]
