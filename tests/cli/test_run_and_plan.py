"""``alexflow run`` and ``alexflow plan``."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes


def test_plan_run_and_plan_again(shell: Shell) -> None:
    planned = shell("plan", "pipeline:train")
    assert planned.first == "2 tasks to run, 0 are there"
    assert [line.split() for line in planned.out.splitlines()[1:]] == [
        ["tasks", "class", "reason"],
        ["1", "pipeline.Numbers", "missing"],
        ["1", "pipeline.Train", "upstream", "missing"],
    ]
    assert planned.next == "alexflow run pipeline:train"
    assert shell("plan", "pipeline:train", "--json").data["storage"] == str(shell.directory / ".alexflow")
    assert not (shell.directory / ".alexflow").exists()

    ran = shell("run", "pipeline:train")
    assert ran.first.startswith("2 ran, 0 cached in ") or "counting to 5" in ran.first
    (key,) = [line for line in ran.out.splitlines() if line.endswith(".model.json")]
    assert (shell.directory / ".alexflow" / key).exists()

    assert shell("plan", "pipeline:train").first == "nothing to run, 1 is there"
    again = shell("plan", "pipeline:train", "--depth", "8")
    assert again.out.splitlines()[-1].startswith("expected: ")
    assert shell("plan", "pipeline:train", "--depth", "8", "--json").data["seconds"] > 0
    assert shell("run", "pipeline:train", "--quiet").first.startswith("0 ran, 1 cached in ")


def test_as_json(shell: Shell) -> None:
    planned = shell("plan", "pipeline:train", "--json").data
    assert [(group["class"], group["count"], group["reason"]) for group in planned["run"]] == [
        ("pipeline.Numbers", 1, "missing"),
        ("pipeline.Train", 1, "upstream missing"),
    ]
    assert planned["present"] == 0
    ran = shell("run", "pipeline:train", "--json").data
    assert (ran["ok"], ran["ran"], ran["cached"], ran["failures"]) == (True, 2, 0, [])
    assert ran["outputs"][0]["key"].endswith(".model.json")
    assert shell("plan", "pipeline:train", "--json").data["present"] == 1


def test_the_tasks_of_a_plan(shell: Shell) -> None:
    listed = shell("plan", "pipeline:models", "--count", "2", "--tasks").out.splitlines()
    assert len(listed) == 1 + 3
    assert all("missing" in line for line in listed[1:])
    groups = shell("plan", "pipeline:models", "--count", "2", "--tasks", "--json").data["run"]
    assert sorted(len(group["tasks"]) for group in groups) == [1, 2]


def test_force(shell: Shell) -> None:
    shell("run", "pipeline:train")
    assert shell("plan", "pipeline:train", "--force").first == "1 task to run, 1 is there"
    assert shell("run", "pipeline:train", "--force", "--json").data["ran"] == 1
    assert shell("run", "pipeline:train", "--force-class", "pipeline:Numbers", "--json").data["ran"] == 2


def test_a_failed_task(shell: Shell) -> None:
    failed = shell("run", "pipeline:Fails", code=1)
    assert "no luck" in failed.err
    assert "ValueError" in failed.err
    kept_going = shell("run", "pipeline:Fails", "--keep-going", "--json", code=1).data
    assert (kept_going["ok"], kept_going["failed"]) == (False, 1)
    assert kept_going["failures"][0]["task_id"].startswith("pipeline.Fails.")


def test_options_of_the_engine(shell: Shell) -> None:
    # in a thread, so that what tasks print comes from this process
    words = ["--workers", "1", "--limit", "gpu=1", "--retries", "1", "--timeout", "60", "--executor", "thread"]
    assert shell("run", "pipeline:models", "--count", "3", *words, "--json").data["ran"] == 4


def test_a_dynamic_task(shell: Shell) -> None:
    assert shell("plan", "pipeline:Sweep").first == "1 task to run, and what they give, 0 are there"
    assert shell("run", "pipeline:Sweep", "--json").data["ran"] == 7


def test_scripts_and_modules_are_one(shell: Shell) -> None:
    (shell.directory / "below").mkdir()
    shell("run", "pipeline:train", "--storage", "s")
    below = Shell(shell.directory / "below")
    assert below("plan", "../pipeline.py:train", "--storage", "../s", "--json").data["present"] == 1


def test_a_workflow_brings_its_storage(shell: Shell) -> None:
    assert shell("run", "pipeline:workflow", "--json").data["ran"] == 1
    assert any((shell.directory / "own").iterdir())
    assert shell("plan", "pipeline:workflow", "--json").data["present"] == 1
    assert shell("plan", "pipeline:workflow", "--storage", "other", "--json").data["present"] == 0


def test_the_fields_of_something_made(shell: Shell) -> None:
    first = shell("run", "pipeline:ready", "--json").data
    second = shell("run", "pipeline:ready", "--config.depth", "9", "--json").data
    assert (first["ran"], second["ran"]) == (2, 1)
    assert first["outputs"] != second["outputs"]


class TestStorages:
    """The order in which a storage is chosen."""

    def present(self, shell: Shell, *words: str, **variables: str) -> int:
        return int(shell("plan", "pipeline:ready", *words, "--json", **variables).data["present"])

    def test_the_option_wins(self, shell: Shell) -> None:
        shell("run", "pipeline:ready", "--storage", "s")
        assert self.present(shell, "--storage", "s", ALEXFLOW_STORAGE="other") == 1
        assert self.present(shell) == 0

    def test_the_environment(self, shell: Shell) -> None:
        shell("run", "pipeline:ready", ALEXFLOW_STORAGE="s")
        assert self.present(shell, "--storage", "s") == 1
        (shell.directory / "pyproject.toml").write_text('[tool.alexflow]\nstorage = "elsewhere"\n')
        assert self.present(shell, ALEXFLOW_STORAGE="s") == 1

    def test_pyproject(self, shell: Shell) -> None:
        shell("run", "pipeline:ready", "--storage", "results")
        (shell.directory / "pyproject.toml").write_text('[tool.alexflow]\nstorage = "results"\n')
        assert self.present(shell) == 1
        (shell.directory / "below").mkdir()
        below = Shell(shell.directory / "below")
        assert below("plan", "../pipeline.py:ready", "--json").data["present"] == 1


def test_an_interrupted_run_exits_as_shells_expect(shell: Shell) -> None:
    code = "import alexflow.cli.program as p, sys\nimport alexflow.cli.run as e\n"
    code += "def interrupted(*a, **k): raise KeyboardInterrupt\ne.run = interrupted\n"
    code += "sys.exit(p.main(['run', 'pipeline:ready']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=shell.directory, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "alexflow: interrupted\n")


def test_a_reader_that_has_seen_enough(shell: Shell) -> None:
    command = f"{sys.executable} -m alexflow graph pipeline:models --count 1900 --format dot | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=shell.directory, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_console_script_is_the_module(tmp_path: Path) -> None:
    script = Path(sysconfig.get_path("scripts")) / "alexflow"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == Shell(tmp_path)("--version").out


def test_a_script_that_runs_a_workflow_when_it_is_imported(shell: Shell) -> None:
    script = "import alexflow\nfrom pipeline import Numbers\nnumbers = Numbers(3)\nalexflow.run(numbers)\n"
    (shell.directory / "script.py").write_text(script)
    planned = shell("plan", "script.py:numbers")
    assert "nothing to run, 1 is there" in planned.out.splitlines()  # since the import has run it
    assert "alexflow: script.py has run a workflow, as it does whenever it is imported; put what" in planned.err
    assert "has run a workflow" not in shell("plan", "pipeline:train").err
