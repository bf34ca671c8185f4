"""Executors by name and by URL, those that other distributions add among them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from alexflow import Engine
from alexflow.cluster import AgentExecutor, DaskExecutor
from alexflow.cluster.urls import executor_at
from alexflow.errors import DefinitionError, MissingLibrary

MODULE = """
from alexflow.cluster import AgentExecutor, DaskExecutor

class Batch(AgentExecutor):
    def __init__(self, rest):
        super().__init__()
        self.rest = rest

def number(rest):
    return 3
"""

ENTRY_POINTS = """[alexflow.executors]
batch = added_executors:Batch
number = added_executors:number
broken = added_executors:nothing
"""


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that adds executors, as it lies in site-packages."""
    (tmp_path / "added_executors.py").write_text(MODULE)
    info = tmp_path / "added_executors-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: added-executors\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield
    sys.modules.pop("added_executors", None)


def test_ours():
    assert type(executor_at("agents://127.0.0.1:0")) is AgentExecutor
    assert type(executor_at("agents")) is AgentExecutor


def test_ray_of_this_machine_and_from_elsewhere(monkeypatch):
    pytest.importorskip("ray")
    assert executor_at("ray")._ray_address is None
    assert executor_at("ray://auto")._ray_address == "auto"
    monkeypatch.setitem(sys.modules, "grpc", None)  # as where ray is installed without its client
    with pytest.raises(MissingLibrary, match=r"ray\[client\] is needed and not installed; pip install "):
        executor_at("ray://head:10001")


def test_a_distribution_adds_one_by_name_and_by_scheme(distribution, place):
    assert executor_at("batch://queue-7").rest == "queue-7"
    assert executor_at("batch").rest == ""
    Engine(place, executor="batch", executors={"heavy": "batch://queue-7"})  # nothing is opened yet


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("number", "'number' is not an executor: its entry point has made 3"),
        ("broken://x", "the executor 'broken' cannot be loaded from added_executors:nothing: AttributeError"),
        ("nowhere://x", "names no executor; use dask://host:8786, .* entry points 'alexflow.executors'"),
        ("dask", "names no scheduler; use its address"),
    ],
)
def test_those_that_are_none(distribution, place, name, message):
    with pytest.raises(DefinitionError, match=message):
        Engine(place, executor=name)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "tcp://127.0.0.1", "scheduler:8787/status", "[::1]", "http://host:8787"]
)
def test_an_address_of_dask_without_its_port(address):
    pytest.importorskip("distributed")
    with pytest.raises(DefinitionError, match=r"address is HOST:PORT, such as scheduler:8786, not '"):
        DaskExecutor(address)
    with pytest.raises(DefinitionError, match=r"address is HOST:PORT"):
        executor_at(f"dask://{address.removeprefix('tcp://')}")


def test_what_is_no_cluster_of_dask():
    pytest.importorskip("distributed")
    with pytest.raises(DefinitionError, match=r"takes a scheduler's address.*or client of dask.distributed, not 42"):
        DaskExecutor(42)
