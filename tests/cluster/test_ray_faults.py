"""Faults of Ray's own processes, while agents run jobs on its nodes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray")

from ray.cluster_utils import Cluster

from alexflow import Engine
from alexflow.cluster import RayExecutor
from tests.cluster.ray_nodes import OF_RAY, two_nodes
from tests.cluster.test_faults import retries_of
from tests.cluster.waiting import are_at_work, begun_in, until
from tests.cluster.workflows import Waits, attempts

pytestmark = [pytest.mark.anyio, pytest.mark.processes, pytest.mark.filterwarnings(*OF_RAY)]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with two_nodes() as started:
        yield started


async def test_c4_a_node_that_is_drained_costs_nothing(place, tmp_path, cluster):
    """As before a spot node is taken away: what runs there ends, all else runs elsewhere, and it gets no new agent."""
    executor = RayExecutor(cluster.address)
    async with Engine(place, executor=executor) as engine:
        charged = retries_of(engine)
        run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(5)]))
        await begun_in(tmp_path, 2)
        await until(lambda: are_at_work(executor, 2))
        (node,) = cluster.worker_nodes
        (leaves,) = (agent for agent in executor.agents if agent.name == f"node {node.node_id[:8]}")
        await asyncio.to_thread(drain, cluster.address, node.node_id)
        await until(lambda: leaves.is_leaving)
        assert [agent.is_leaving for agent in executor.agents].count(False) == 1
        (tmp_path / "go").touch()
        assert (await run).ran == 5
        await until(lambda: leaves not in executor.agents)
        await until(lambda: executor._left)
        assert (await engine.run(Waits(9, str(tmp_path)))).ran == 1
        assert len(executor.agents) == 1
    assert charged == []
    assert [len(attempts(tmp_path, number)) for number in range(5)] == [1] * 5


def drain(address: str, node: str) -> None:
    options = ["--address", address, "--node-id", node, "--reason", "DRAIN_NODE_REASON_PREEMPTION"]
    options += ["--reason-message", "spot", "--deadline-remaining-seconds", "3600"]
    command = [str(Path(sys.executable).with_name("ray")), "drain-node", *options]
    subprocess.run(command, check=True, capture_output=True)


async def test_c8_a_head_that_has_lost_its_control_service(place, tmp_path, cluster, monkeypatch, caplog):
    """Agents go on, and the run ends complete; while none can be started, the log says why."""
    monkeypatch.setattr("alexflow.cluster.ray.ANSWER_TIMEOUT", 1.0)
    caplog.set_level(logging.WARNING, "alexflow")
    executor = RayExecutor(cluster.address)
    async with Engine(place, executor=executor) as engine:
        charged = retries_of(engine)
        run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(6)]))
        await begun_in(tmp_path, 2)
        await until(lambda: are_at_work(executor, 2))
        await asyncio.to_thread(cluster.head_node.kill_gcs_server)
        os.kill(executor.agents[0].pid, signal.SIGKILL)  # which another would replace
        await until(lambda: len(executor.agents) == 1)
        await until(lambda: "the Ray cluster does not answer: TimeoutError: no answer within 1 s" in caplog.text)
        (tmp_path / "go").touch()
        assert (await run).ran == 6
    assert len(charged) == 1
    assert sorted(len(attempts(tmp_path, number)) for number in range(6)) == [1, 1, 1, 1, 1, 2]
