"""The examples of the docs here, at agents of Dask and at those of Ray: the same ids, bytes and record."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("distributed")
pytest.importorskip("ray")
pytest.importorskip("sklearn")

import alexflow
from alexflow.record import Entry
from tests.cluster.dask_processes import running_dask
from tests.cluster.ray_nodes import OF_RAY, two_nodes
from tests.kit.stored_files import stored_files

pytestmark = [pytest.mark.processes, pytest.mark.filterwarnings(*OF_RAY)]


class Made(NamedTuple):
    """The results of an example: the bytes of its outputs by their keys, its record, and the executors named there."""

    files: dict[str, bytes]
    record: list[dict[str, Any]]
    executors: set[str]


def told(entry: Entry) -> dict[str, Any]:
    """Return the part of an entry that does not depend on when and where the output was made."""
    names = "key", "task_id", "cls", "outputs", "code", "python", "attempts", "generated", "is_intact"
    return {name: getattr(entry, name) for name in names}


def run(name: str, storage: Path, kind: str, address: str = "") -> Made:
    """Run an example in a program of its own."""
    command = [sys.executable, "-m", "tests.cluster.example_process", name, str(storage), kind, address]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    entries = list(alexflow.open_record(storage).entries())
    files = {key: (storage / key).read_bytes() for key in stored_files(storage)}
    assert files
    assert {entry.host for entry in entries} == {socket.gethostname()}
    executors = {entry.executor for entry in entries} - {"loop", "dynamic"}
    return Made(files, sorted(map(told, entries), key=str), executors)


@pytest.fixture(scope="module", params=["iris", "sweep"])
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Made]:
    """An example, and what the pool of this machine makes of it."""
    made = run(request.param, tmp_path_factory.mktemp(request.param) / "process", "process")
    assert made.executors == {"process"}
    return request.param, made


@pytest.fixture(scope="module")
def dask() -> Iterator[str]:
    with running_dask(2) as address:
        yield address


@pytest.fixture(scope="module")
def ray() -> Iterator[str]:
    with two_nodes() as cluster:
        yield cluster.address


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_an_example_is_the_same_on_a_cluster(kind, example, request, tmp_path):
    name, here = example
    there = run(name, tmp_path / kind, kind, request.getfixturevalue(kind))
    assert there == here._replace(executors={kind})
