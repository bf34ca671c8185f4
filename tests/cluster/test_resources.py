"""Resources that tasks ask for are packed into those of each agent."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise

import pytest

from alexflow import Engine, ResourceSpec
from alexflow.cli.program import main
from alexflow.cluster import AgentExecutor
from alexflow.cluster.agent_supply import devices_in
from alexflow.errors import DefinitionError, RunFailed, WorkerDied
from tests.cluster.agents import agent
from tests.cluster.waiting import until
from tests.cluster.workflows import Fills, Leaf, Waits, attempts
from tests.process.machine_tasks import Asks

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


def asks(number, **asked):
    return Asks(number, resource_spec=ResourceSpec(**asked) if asked else None)


async def seen(engine, tasks):
    await engine.run([task.output() for task in tasks])
    return [await engine.load(task.output()) for task in tasks]


async def test_devices_of_each_machine_go_to_tasks_that_run_there(place):
    executor = AgentExecutor()
    async with (
        Engine(place, executor=executor) as engine,
        agent(executor, "--devices=gpu=0"),
        agent(executor, "--devices=gpu=7,8"),
    ):
        await until(lambda: len(executor.agents) == 2)
        found = await seen(engine, [asks(n, gpus=1) for n in range(12)])
        (both,) = await seen(engine, [asks(20, gpus=2)])
        none = await seen(engine, [asks(n) for n in range(30, 34)])
    by_device = {device: [each for each in found if each["devices"] == {"gpu": [device]}] for device in (0, 7, 8)}
    assert sum(map(len, by_device.values())) == 12
    assert by_device[0]
    assert by_device[7]
    for device, each in by_device.items():
        spans = sorted((one["from"], one["to"]) for one in each)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(spans)), f"two tasks at once had device {device}"
        assert {one["cuda"] for one in each} <= {str(device)}
    assert (both["devices"], both["cuda"]) == ({"gpu": [7, 8]}, "7,8")
    assert {(each["cuda"], str(each["devices"])) for each in none} == {("", "{}")}


async def test_no_machine_runs_more_than_its_cpus(place, tmp_path):
    executor = AgentExecutor()
    tasks = [Waits(n, str(tmp_path), resource_spec=ResourceSpec(cpus=2)) for n in range(5)]
    async with Engine(place, executor=executor) as engine:
        options = "--cpus=3", "--name=here"
        async with agent(executor, *options, places=4), agent(executor, *options, places=4):
            await until(lambda: len(executor.agents) == 2)
            run = asyncio.create_task(engine.run(tasks))
            await until(lambda: sum(len(attempts(tmp_path, n)) for n in range(5)) == 2)
            assert (await engine.run([Leaf(n) for n in range(40)])).ran == 40  # there is a CPU for these at each
            assert sum(len(attempts(tmp_path, n)) for n in range(5)) == 2
            (tmp_path / "go").touch()
            assert (await run).ran == 5


async def test_c14_what_no_agent_has_is_said_and_waits_for_one_that_does(place, monkeypatch, caplog):
    monkeypatch.setattr("alexflow.cluster.misfits.SAY_AFTER", 0.2)
    caplog.set_level(logging.WARNING, "alexflow")
    executor = AgentExecutor()
    async with Engine(place, executor=executor) as engine, agent(executor, "--devices=gpu=0", "--cpus=2"):
        run = asyncio.create_task(engine.run([asks(1, gpus=4).output(), asks(2, gpus=4).output()]))
        await until(lambda: "no agent has that" in caplog.text)
        assert "asked for 4 of 'gpu', and no agent has that (2 CPUs, " in caplog.text
        assert (await engine.run([Leaf(n) for n in range(50)])).ran == 50  # nothing waits behind it
        async with agent(executor, "--devices=gpu=0,1,2,3"):
            assert (await run).ran == 2


async def test_c15_a_worker_with_too_much_memory_ends_alone(place, tmp_path):
    """It is run once more, alone, and then fails saying what it has used and may; the agent and its others live."""
    executor = AgentExecutor()
    (held := tmp_path / "held").mkdir()  # where the large one waits for a file that never comes
    async with Engine(place, executor=executor) as engine, agent(executor, "--memory=400MiB", places=2) as process:
        other = asyncio.create_task(engine.run(Waits(1, str(tmp_path))))
        await until(lambda: attempts(tmp_path, 1))
        large = asyncio.create_task(engine.run(Fills(2, str(held), 500)))
        await until(lambda: attempts(held, 2))
        (tmp_path / "go").touch()
        assert (await other).ran == 1
        with pytest.raises(RunFailed) as caught:
            await large
        assert len(attempts(tmp_path, 1)) == 1
        assert process.poll() is None
    (error,) = caught.value.exceptions
    assert isinstance(error, WorkerDied)
    assert "its agent has ended it: its workers used" in str(error)
    assert "and may use 400 MiB" in str(error)
    assert "though it ran alone" in str(error)


def test_devices_are_read_as_they_are_written():
    assert devices_in(["gpu=0,GPU-8f", "tpu="]) == {"gpu": (0, "GPU-8f"), "tpu": ()}
    with pytest.raises(DefinitionError, match="devices are given as gpu=0,1"):
        devices_in(["gpu"])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--memory=much", "--memory must be"),
        ("--cpus=0", "--cpus must be at least 1, not 0"),
        ("--devices=gpu", "devices are given as gpu=0,1, not 'gpu'"),
    ],
)
def test_wrong_limits_are_refused(option, message, capsys):
    assert main(["agent", "--connect", "127.0.0.1:1", option]) == 2
    assert message in capsys.readouterr().err
