"""The examples of the docs here, at agents of Dask and at those of Ray: the same ids, bytes and record."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="module")
def clusters() -> Iterator[dict[str, str]]:
    """Addresses by the names of executors."""
    with running_dask(2) as address, two_nodes() as ray:
        yield {"process": "", "dask": address, "ray": ray.address}


def told(entry: Entry) -> dict[str, Any]:
    """Return the part of an entry that does not depend on when and where the output was made."""
    names = "key", "task_id", "cls", "outputs", "code", "python", "attempts", "generated", "is_intact"
    return {name: getattr(entry, name) for name in names}


@pytest.mark.parametrize("name", ["iris", "sweep"])
def test_an_example_is_the_same_everywhere(name, clusters, tmp_path):
    files, records, executors = {}, {}, {}
    for kind, address in clusters.items():
        storage = tmp_path / kind
        command = [sys.executable, "-m", "tests.cluster.example_process", name, str(storage), kind, address]
        subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
        entries = list(alexflow.open_record(storage).entries())
        files[kind] = {key: (storage / key).read_bytes() for key in stored_files(storage)}
        records[kind] = sorted(map(told, entries), key=str)
        executors[kind] = {entry.executor for entry in entries} - {"loop"}
        assert files[kind]
    assert files["process"] == files["dask"] == files["ray"]
    assert records["process"] == records["dask"] == records["ray"]
    assert executors == {"process": {"process"}, "dask": {"dask"}, "ray": {"ray"}}
