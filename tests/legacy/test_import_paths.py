"""Import paths of alexflow 1.1.4 work in this one, and say where each name has gone."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alexflow.legacy.names import former_name
from tests.legacy.peer import VARIABLE

HERE = Path(__file__).parent

#: All that can be imported from 1.1.4, as it says itself.
FORMER = json.loads((HERE / "names.json").read_text())

#: How its executor does its work, which is done otherwise.
LEFT_OUT = {
    "alexflow.adapters.executor.alexflow": {
        *("Kind", "Message", "QueueSet", "ReferenceManager", "ResourceManager", "Worker"),
        *("jobfunc", "procgen", "setproctitle", "shutdown_all"),
    }
}

#: ``NoDefaultVar`` and the like, which are neither a class nor a function.
FURTHER = {
    "alexflow": ["InOut", "NoDefaultVar", "no_default"],
    "alexflow.core": ["InOut", "NoDefaultVar", "no_default"],
    "alexflow.coreml.dataset": ["Partition"],
}


@pytest.mark.parametrize("module", FORMER)
def test_the_names_of_1_1_4_are_there(module):
    imported = importlib.import_module(module)
    names = [*FORMER[module], *FURTHER.get(module, ())]
    assert {name for name in names if not hasattr(imported, name)} == LEFT_OUT.get(module, set())


@pytest.mark.parametrize("module", [module for module in FORMER if module != "alexflow"])
def test_classes_have_the_methods_they_had_and_are_called_as_they_were(module):
    imported = importlib.import_module(module)
    for name in sorted(FORMER[module].keys() - LEFT_OUT.get(module, set())):
        thing = getattr(imported, name)
        if name not in ("deserialize", "flatten"):  # each has two names there
            assert former_name(thing) == FORMER[module][name]["is"]
        if name != "Storage":  # of those that users write themselves, other methods are asked
            assert [member for member in FORMER[module][name]["has"] if not hasattr(thing, member)] == []


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no Python with alexflow 1.1.4")
def test_these_are_the_names_that_1_1_4_has():
    script = [os.environ[VARIABLE], "-W", "ignore", "former_names.py"]
    told = subprocess.run(script, cwd=HERE, capture_output=True, text=True, check=True).stdout
    assert json.loads(told) == FORMER


@pytest.mark.parametrize(
    "module", [module for module in FORMER if module not in ("alexflow", "alexflow.testing.tasks")]
)
def test_who_imports_an_old_path_is_told_the_new_one(module):
    script = f"import {module}"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr
    named = "alexflow.coreml" if module.startswith("alexflow.coreml") else module  # the package is imported first
    assert told.startswith(f"<string>:1: DeprecationWarning: {named} is an import path of alexflow 1.x; import from")
    assert told.count("DeprecationWarning") == 1


def test_nothing_else_imports_an_old_path():
    script = (
        "import sys, alexflow, alexflow.engine, alexflow.legacy; alexflow.run; alexflow.legacy.Task;"
        "alexflow.legacy.run_job; alexflow.legacy.adopt;"
        "print(*(name for name in sys.modules if name.startswith(('alexflow.core', 'alexflow.helper',"
        "'alexflow.adapters', 'alexflow.misc'))))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == "\n"


def test_what_is_stored_may_name_an_old_path():
    """Nobody can be told to write otherwise what is there already."""
    script = (
        "from alexflow import legacy;"
        "task = {'__ser__': 'alexflow.core:Task', '_task_spec': '1.0.0', 'resource_spec': None};"
        "output = {'__ser__': 'alexflow.core:Output', 'src_task': task, 'key': 'k', 'storage': None,"
        "'ephemeral': False};"
        "print(type(legacy.deserialize(output)).__name__)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "Output\n", done.stderr
