"""Two scripts of one name do not get each other's results: the second is refused, with what to set."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

SCRIPT = """
from dataclasses import dataclass
import alexflow
from alexflow import JSONOutput, Task, TaskOptions

@dataclass(frozen=True)
class Make(Task):
    x: int
    options = TaskOptions(executor="thread")
    def output(self): return self.build_output(JSONOutput, key="o.json")
    def run(self, input, output): output.store(self.x * {factor})

if __name__ == "__main__":
    result = alexflow.run(Make(3), storage={storage!r}, progress=False)
    print("VALUE", result.output.load(), result.ran)
"""


class Programs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage = str(folder / "results")

    def write(self, place: str, *, factor: int = 2, project: str = "", **changed: str) -> Path:
        script = self.folder / place
        script.parent.mkdir(parents=True, exist_ok=True)
        text = SCRIPT.format(factor=factor, storage=self.storage)
        for old, new in changed.items():
            text = text.replace(old, new)
        script.write_text(text)
        if project:
            (self.folder / project / "pyproject.toml").write_text("")
        return script

    def run(self, script: Path) -> str:
        cache = str(self.folder / "cache")
        environment = {**os.environ, "PYTHONPATH": os.getcwd(), "XDG_CACHE_HOME": cache}
        command = [sys.executable, str(script)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, cwd=self.folder)
        return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


def test_the_second_is_refused_each_time(programs: Programs) -> None:
    first, second = programs.write("a/main.py"), programs.write("b/main.py", factor=5)
    assert programs.run(first) == "VALUE 6 1"
    for _ in range(2):
        refused = programs.run(second)
        assert refused.startswith("alexflow.errors.DefinitionError: main.Make is a class of a/main.py")
        assert "this is b/main.py" in refused
        assert "task_name" in refused
    assert programs.run(first) == "VALUE 6 0"


def test_places_are_those_in_the_project(programs: Programs) -> None:
    first = programs.write("p/scripts/one/main.py", project="p")
    second = programs.write("p/scripts/two/main.py", factor=5)
    assert programs.run(first) == "VALUE 6 1"
    assert "a class of scripts/one/main.py" in programs.run(second)


def test_a_project_may_be_moved_and_edited(programs: Programs) -> None:
    assert programs.run(programs.write("p/main.py", project="p")) == "VALUE 6 1"
    shutil.move(programs.folder / "p", programs.folder / "q")
    assert programs.run(programs.write("q/main.py", factor=5)) == "VALUE 6 0"


def test_a_copy_of_the_same_code_is_accepted(programs: Programs) -> None:
    assert programs.run(programs.write("a/main.py")) == "VALUE 6 1"
    assert programs.run(programs.write("b/main.py")) == "VALUE 6 0"


def test_a_name_of_its_own_is_the_way_out(programs: Programs) -> None:
    assert programs.run(programs.write("a/main.py")) == "VALUE 6 1"
    named = {"    x: int": "    x: int\n    task_name = 'other.Make'"}
    assert programs.run(programs.write("b/main.py", factor=5, **named)) == "VALUE 15 1"
