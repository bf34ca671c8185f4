"""Results of alexflow 1.1.4 are found, loaded, and given the ids of today. ``store_of_1_1_4`` was written by it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import former_tasks
import pytest

import alexflow
from alexflow import BinaryOutput, LocalStorage, legacy
from tests.legacy.peer import VARIABLE, plain

HERE = Path(__file__).parent


@pytest.fixture
def store(tmp_path):
    """A copy of the store, beside a log of what runs."""
    shutil.copytree(HERE / "store_of_1_1_4", tmp_path / "store")
    return str(tmp_path / "store")


def test_a_script_of_then_computes_only_what_is_missing(store, tmp_path):
    script = [sys.executable, "-W", "ignore", str(HERE / "former_script.py"), "store", "log", "6"]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "{'sum': 55}\n", done.stderr
    assert sorted((tmp_path / "log").read_text().split()) == ["3", "4", "5"]  # the store has 0, 1 and 2

    (tmp_path / "log").unlink()
    subprocess.run(script, cwd=tmp_path, check=True, capture_output=True)
    assert not (tmp_path / "log").exists()


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no Python with alexflow 1.1.4")
def test_1_1_4_itself_finds_and_loads_what_is_stored_here(store, tmp_path):
    """So a code base may go back, or be run by both: all it computes is the sum, of what it has found."""
    script = ["-W", "ignore", str(HERE / "former_script.py"), "store", "log", "5"]
    subprocess.run([sys.executable, *script], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "log").unlink()
    for total in Path(store).glob("*.sum.json.gz"):
        total.unlink()
    done = subprocess.run(
        [os.environ[VARIABLE], *script], cwd=tmp_path, capture_output=True, text=True, check=False, env=plain()
    )
    assert done.stdout == "{'sum': 30}\n", done.stderr
    assert not (tmp_path / "log").exists()


def test_values_of_then_load(store):
    storage = LocalStorage(store)
    step = former_tasks.Step(value="plain", needed=None)
    assert step.output().assign_storage(storage).load() == {"name": "it", "numbers": [1, 2.5]}
    plan = former_tasks.Plan(parts=[1])
    assert plan.output().assign_storage(storage).load() == {"when": "2020-01-02", "n": 1.5}


def test_arrays_of_then_load_with_joblib(store):
    pytest.importorskip("joblib")
    numpy = pytest.importorskip("numpy")
    value = former_tasks.Step(value="array", needed=None).output().assign_storage(LocalStorage(store)).load()
    assert value["name"] == "it"
    assert (value["weights"] == numpy.arange(6.0).reshape(2, 3)).all()


@dataclass(frozen=True)
class Part(legacy.Task):
    number: int = 0

    def output(self):
        return self.build_output(BinaryOutput, key="part.pkl")

    def run(self, input, output):
        output.store(self.number)


@dataclass(frozen=True)
class Whole(legacy.Task):
    parts: Any = None
    nested: Any = None

    def input(self):
        return self.parts

    def output(self):
        return self.build_output(BinaryOutput, key="whole.pkl")

    def run(self, input, output):
        output.store(sum(part.load() for part in input))


def whole(spec: str | None) -> Whole:
    parts = [Part(number, _task_spec=spec) for number in range(4)]
    nested = {"within": [Part(9, _task_spec=spec)], "direct": Part(8, _task_spec=spec).output()}
    return Whole([part.output() for part in parts], nested, _task_spec=spec)


@pytest.mark.parametrize("former", ["1.0.0", None])
def test_adopt_links_what_there_is_to_the_ids_of_today(tmp_path, former):
    old, new = LocalStorage(tmp_path / "old"), LocalStorage(tmp_path / "new")
    alexflow.run(whole(former), storage=old, progress=False)

    adoption = legacy.adopt(whole("2"), old, new, spec=former)
    assert (adoption.linked, adoption.copied, adoption.existed, list(adoption.missing)) == (5, 0, 0, [])
    assert str(adoption) == "5 linked, 0 copied, 0 there already, 0 missing"
    files = {os.stat(tmp_path / "old" / key).st_ino for key in old.list()}
    assert {os.stat(tmp_path / "new" / key).st_ino for key in new.list()} == files

    result = alexflow.run(whole("2"), storage=new, progress=False)
    assert result.ran == 0
    assert result.output.load() == 6
    assert new.verify().good == 5

    again = legacy.adopt(whole("2"), old, new, spec=former)
    assert (again.linked, again.existed) == (0, 5)


def test_adopt_within_one_storage_and_with_some_missing(tmp_path):
    storage = LocalStorage(tmp_path / "results")
    former = whole("1.0.0")
    alexflow.run(former.parts[1], storage=storage, progress=False)
    adoption = legacy.adopt(whole("2"), storage)
    assert adoption.linked == 1
    assert len(adoption.missing) == 4
    assert former.output().key in adoption.missing
    assert alexflow.run(whole("2"), storage=storage, progress=False).ran == 4


def test_adopt_copies_where_there_can_be_no_link(tmp_path):
    memory = alexflow.MemoryStorage()
    alexflow.run(whole("1.0.0"), storage=memory, progress=False, executor="thread")
    adoption = legacy.adopt(whole("2"), memory, LocalStorage(tmp_path / "new"))
    assert adoption.copied == 5


def test_adopt_a_chain_longer_than_python_recurses(tmp_path):
    former, today = Whole(_task_spec="1.0.0"), Whole(_task_spec="2")
    for _ in range(3_000):
        former, today = Whole(nested=former, _task_spec="1.0.0"), Whole(nested=today, _task_spec="2")
    old = LocalStorage(tmp_path / "old")
    old.prepare()
    former.output().assign_storage(old).store(7)
    assert legacy.adopt(today, old).linked == 1
    assert today.output().assign_storage(old).load() == 7
