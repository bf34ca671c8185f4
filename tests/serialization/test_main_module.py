"""Classes of a script are found in the running script, not in a second import of it, and in an import elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from alexflow import deserialize, serialize
from tests.serialization import documented

SCRIPT = """
from __future__ import annotations
import sys
from dataclasses import dataclass
from alexflow import Task, deserialize
from alexflow.serialization import from_json, to_json

print("imported as", __name__)

@dataclass(frozen=True)
class Step(Task):
    n: int
    cls: type = int

def function(): ...

if __name__ == "__main__":
    task = Step(1, Step)
    data = to_json([task, function])
    if len(sys.argv) > 1:
        open(sys.argv[1], "wb").write(data)
    back, same = from_json(data)
    assert type(back) is Step and back == task and back.cls is Step and same is function
    assert b"__main__" not in data, data
    print("done")
"""


def run(*args: object, cwd: Path) -> list[str]:
    done = subprocess.run([sys.executable, *map(str, args)], cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.processes
def test_a_script_reads_its_own_documents_without_a_second_import(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text(SCRIPT)
    assert run("steps.py", cwd=tmp_path) == ["imported as __main__", "done"]
    assert run("-m", "steps", cwd=tmp_path) == ["imported as __main__", "done"]


@pytest.mark.processes
def test_another_process_reads_them_by_importing(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text(SCRIPT)
    run("steps.py", "document.json", cwd=tmp_path)
    (tmp_path / "other.py").write_text(
        "from alexflow.serialization import from_json\n"
        "task, function = from_json(open('document.json', 'rb').read())\n"
        "print(type(task).__module__, task.cls.__module__, function.__module__)\n"
    )
    assert run("other.py", cwd=tmp_path) == ["imported as steps", "steps steps steps"]


def test_a_worker_told_the_name_of_a_script_finds_it_where_it_was_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alexflow.identity.names._main_name", documented.__name__)
    assert deserialize(serialize(documented.Value(documented.Config))) == documented.Value(documented.Config)


@pytest.mark.processes
def test_an_interactive_session_reads_its_own(tmp_path: Path) -> None:
    code = (
        "from dataclasses import dataclass; import alexflow\n"
        "@dataclass(frozen=True)\n"
        "class Step(alexflow.Task):\n"
        "    n: int\n"
        "print(alexflow.deserialize(Step(1).serialize()) == Step(1))\n"
    )
    assert run("-c", code, cwd=tmp_path) == ["True"]
