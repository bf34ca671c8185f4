"""Lines through a cluster, for agents that cannot dial the engine: they are told an address where nothing answers."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal

import pytest

pytest.importorskip("distributed")

from alexflow import Engine
from alexflow.cluster import DaskExecutor
from alexflow.cluster.pilot import ENGINE_ENDED, AgentHolder, PilotOptions
from tests.cluster.test_faults import retries_of
from tests.cluster.waiting import are_at_work, begun_in, until
from tests.cluster.workflows import Talks, Waits, sum_of

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


class Unreachable(DaskExecutor):
    """Tells its agents an address where nothing listens."""

    async def _dialled_address(self) -> str:
        return "127.0.0.1:1"


async def test_lines_through_the_scheduler_of_dask(place, scheduler, workers, caplog):
    caplog.set_level(logging.WARNING, "alexflow")
    executor = Unreachable(f"tcp://{scheduler}")
    async with Engine(place, executor=executor) as engine:
        assert (await engine.run(sum_of(300))).output.load() == sum(range(300))
        await until(lambda: len(executor.agents) == 2)
        await engine.load(Talks().output())
    assert ("far.away", logging.WARNING, "logged far away") in caplog.record_tuples
    assert caplog.text.count("cannot dial this engine; their lines go through the cluster") == 1


async def test_a_worker_that_is_killed_behind_a_tunnel(place, tmp_path, scheduler, workers):
    executor = Unreachable(f"tcp://{scheduler}")
    async with Engine(place, executor=executor) as engine:
        charged = retries_of(engine)
        run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(4)]))
        await begun_in(tmp_path, 2)
        await until(lambda: are_at_work(executor, 2))
        workers[0].send_signal(signal.SIGKILL)
        await until(lambda: len(executor.agents) == 1)
        (tmp_path / "go").touch()
        assert (await run).ran == 4
    assert len(charged) == 1


def test_a_pilot_whose_engine_is_gone_starts_no_agent(monkeypatch):
    """An address where nothing answers may be out of reach, or its engine gone: then nobody asks for a way there."""
    monkeypatch.setattr("alexflow.cluster.tunnel.UNUSED_TIMEOUT", 0.1)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    assert AgentHolder().hold(PilotOptions("127.0.0.1:1", "token", "node", 1, 1)) == ENGINE_ENDED
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime == before
