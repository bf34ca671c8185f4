"""``alexflow export --ro-crate``: a crate that others read, made from the record alone."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes


@pytest.fixture
def key(shell: Shell) -> str:
    """The key of a model of two tasks, made in two runs; the code of the workflow is gone."""
    shell("run", "pipeline:train", "--storage", "s", "--quiet")
    made = shell("run", "pipeline:train", "--depth", "5", "--storage", "s", "--json")
    (shell.directory / "pipeline.py").unlink()
    key: str = made.data["outputs"][0]["key"]
    return key


def entities(crate: Path) -> dict[str, dict[str, Any]]:
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    assert len({each["@id"] for each in graph}) == len(graph)
    return {each["@id"]: each for each in graph}


def referred(value: Any) -> list[str]:
    if isinstance(value, list):
        return [id for each in value for id in referred(each)]
    return [value["@id"]] if isinstance(value, dict) else []


def of_type(graph: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in graph.values() if kind in each["@type"]]


@pytest.mark.parametrize("upstream", [False, True])
def test_describes_the_output_and_all_behind_it(shell: Shell, key: str, upstream: bool) -> None:
    words = ["--upstream", "--license", "https://spdx.org/licenses/CC-BY-4.0"] if upstream else []
    done = shell("export", key, "--ro-crate", "crate", "--storage", "s", "--json", *words).data
    assert (done["tasks"], len(done["files"]), len(done["runs"])) == (2, 1 + upstream, 2)
    graph = entities(shell.directory / "crate")
    outside = {"https://w3id.org/ro/crate/1.1", "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"}
    targets = {id for each in graph.values() for name, value in each.items() if name != "@id" for id in referred(value)}
    assert targets - graph.keys() == outside
    for each in of_type(graph, "File"):
        file = shell.directory / "crate" / unquote(each["@id"])
        assert file.stat().st_size == int(each.get("contentSize", file.stat().st_size))
    assert {unquote(each["@id"]) for each in of_type(graph, "File")} >= {key, "workflow.json"}
    of_task = graph[f"#{key.removesuffix('.model.json')}"]
    assert referred(of_task["result"]) == [key]
    values = {graph[id].get("name"): graph[id].get("value") for id in referred(of_task["object"])}
    assert values["config.depth"] == "5"
    assert any(name.endswith("numbers.json") for name in values)
    assert len(of_type(graph, "OrganizeAction")) == len(of_type(graph, "ControlAction")) == 2


def test_is_a_storage_and_can_be_made_again(shell: Shell, key: str) -> None:
    shell("export", key[:-20], "--ro-crate", "crate", "--storage", "s")
    shell("show", key, "--storage", "crate")
    document = shell.directory / "crate" / "workflow.json"
    shutil.copy(Path(__file__).with_name("pipeline.py"), shell.directory)
    program = "import alexflow, json, sys; print(alexflow.deserialize(json.load(open(sys.argv[1]))).task_id)"
    done = subprocess.run(
        [sys.executable, "-c", program, document], cwd=shell.directory, capture_output=True, text=True
    )
    assert done.stdout.strip() == key.removesuffix(".model.json"), done.stderr


def test_is_read_by_runcrate(shell: Shell, key: str) -> None:
    if importlib.util.find_spec("runcrate") is None:  # nox -s crate
        pytest.skip("runcrate is not installed")
    shell("export", key, "--ro-crate", "crate", "--storage", "s", "--upstream")
    done = subprocess.run(
        [Path(sys.executable).with_name("runcrate"), "report", shell.directory / "crate"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    blocks = done.stdout.strip().split("\n\n")
    assert len(blocks) == 3
    assert blocks[0].startswith("action: #workflow\n  instrument: workflow.json")
    assert all(f"{key} <- #pipeline.Train/output/model.json" in block for block in (blocks[0], blocks[2]))
    assert "numbers.json <- #pipeline.Train/input/numbers" in blocks[2]
    assert "step: #step/pipeline.Numbers" in blocks[1]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nothing"], "has nothing of 'nothing'"),
        (["KEY", "--ro-crate", "s"], "s is not empty"),
        (["KEY", "--ro-crate", "s/crate"], "is inside of the storage"),
        (["KEY", "--ro-crate", "file/crate"], "cannot be written"),
    ],
)
def test_wrong_use(shell: Shell, key: str, words: list[str], why: str) -> None:
    (shell.directory / "file").touch()
    words = [key if word == "KEY" else word for word in words]
    refused = shell("export", "--ro-crate", "crate", *words, "--storage", "s", code=2)
    assert why in refused.err
    assert len(refused.err.splitlines()) == 1


def test_nothing_is_left_of_what_could_not_be_written(shell: Shell, key: str) -> None:
    (shell.directory / "s" / key).write_text("rubbish")
    refused = shell("export", key, "--ro-crate", "crate", "--storage", "s", code=2)
    assert "damaged" in refused.err
    assert len(refused.err.splitlines()) == 1
    assert not list(shell.directory.glob("crate*"))
