"""Ids are pinned: whoever changes one has made a new id spec."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
GOLDEN = (HERE / "golden-2.txt").read_text()
SCRIPT = HERE / "identified_tasks.py"


def ids_by(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=HERE, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ids_of_an_imported_module(monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    tasks = importlib.import_module("identified_tasks").TASKS
    assert "".join(f"{name} {task.task_id}\n" for name, task in tasks.items()) == GOLDEN


@pytest.mark.processes
@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_ids_of_a_script_under_any_hash_seed(seed):
    assert ids_by(sys.executable, str(SCRIPT), PYTHONHASHSEED=seed) == GOLDEN


@pytest.mark.processes
def test_ids_of_a_module_run_with_m():
    assert ids_by(sys.executable, "-m", "identified_tasks") == GOLDEN


@pytest.mark.processes
def test_ids_do_not_depend_on_import_order():
    code = (
        "import asyncio, uuid, enum, identified_tasks as t\n"
        "ids = {name: t.TASKS[name].task_id for name in reversed(t.TASKS)}\n"
        "print(*(f'{name} {ids[name]}' for name in t.TASKS), sep='\\n')"
    )
    assert ids_by(sys.executable, "-c", code) == GOLDEN


@pytest.mark.processes
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_ids_on_other_pythons(version):
    places = [
        shutil.which(f"python{version}"),
        *Path.home().glob(f".pyenv/versions/{version}.*/bin/python"),
        *(ROOT / ".nox").glob(f"*{version}*/bin/python"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # its own packages, but this alexflow
    for python in filter(None, places):
        probe = [str(python), "-c", "import alexflow, msgspec"]
        if subprocess.run(probe, env=environment, capture_output=True, timeout=60, check=False).returncode == 0:
            assert ids_by(str(python), str(SCRIPT), PYTHONPATH=str(ROOT)) == GOLDEN
            return
    pytest.skip(f"no Python {version} here that can import alexflow")
