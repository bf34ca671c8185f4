"""Garbage is not looked for among what a command imports; users' objects are finalized as in any program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes

#: Says how often garbage was looked for, and whether it is again once a command has begun.
WATCHED = """
import gc, sys
collections = []
gc.callbacks.append(lambda phase, details: collections.append(phase))
from alexflow.__main__ import main
from alexflow.cli import runs
execute = runs.execute
def watched(options):
    print(len(collections), gc.isenabled(), gc.get_freeze_count() > 1_000)
    return execute(options)
runs.execute = watched
sys.argv = ["alexflow", "runs"]
collections.clear()
main()
"""

CYCLE = """
class Unfinished:
    def __init__(self, path):
        self.itself = self
        self.file = open(path, "w")
        self.file.write("all of it")

unfinished = Unfinished("kept.txt")

from pipeline import train
"""


def test_what_is_imported_is_not_looked_through(shell: Shell) -> None:
    assert shell("run", "pipeline:train", "--quiet").code == 0
    done = subprocess.run([sys.executable, "-c", WATCHED], cwd=shell.directory, capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == "0 True True", done


def test_users_objects_are_finalized(shell: Shell) -> None:
    Path(shell.directory, "cyclic.py").write_text(CYCLE)
    words = [sys.executable, "-m", "alexflow", "run", "cyclic:train", "--quiet"]
    subprocess.run(words, cwd=shell.directory, check=True, capture_output=True)
    assert Path(shell.directory, "kept.txt").read_text() == "all of it"
