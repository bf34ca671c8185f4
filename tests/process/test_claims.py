"""Tasks that claim CPUs and devices, with real worker processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain, pairwise

import pytest

from alexflow import Engine, JSONOutput, ResourceSpec, Task, Workers
from alexflow.errors import DefinitionError, GraphError
from tests.process.machine_tasks import Asks, AsksInThread, AsksOnLoop, Dies, WithNumpy

pytestmark = [pytest.mark.anyio, pytest.mark.processes]

FOUR = "alexflow.executors.supply.cpus"


async def seen(engine, tasks):
    await engine.run([task.output() for task in tasks])
    return [await engine.load(task.output()) for task in tasks]


def asks(number, until="", cls=Asks, **asked):
    return cls(number, until, resource_spec=ResourceSpec(**asked) if asked else None)


async def test_a_task_sees_its_devices_and_others_see_none(tmp_path):
    async with Engine(tmp_path, workers=2, devices={"gpu": [3, 5]}) as engine:
        one, two, none = await seen(engine, [asks(1, gpus=1), asks(2, gpus=2), asks(3)])
    assert one["devices"]["gpu"] in ([3], [5])
    assert one["cuda"] == str(one["devices"]["gpu"][0])
    assert (two["devices"], two["cuda"]) == ({"gpu": [3, 5]}, "3,5")
    assert (none["devices"], none["cuda"]) == ({}, "")


async def test_the_process_of_a_device_stays_from_task_to_task(tmp_path):
    async with Engine(tmp_path, workers=2, devices={"gpu": [0, 1]}) as engine:
        found = await seen(engine, [asks(n, gpus=1) for n in range(8)])
        found += await seen(engine, [asks(n, gpus=1) for n in range(8, 12)])  # they were idle in between
    assert len({(each["pid"], each["cuda"]) for each in found}) == 2


async def test_no_device_is_over_its_share(tmp_path):
    amounts = [1, 2, 0.5, 0.5, 1]
    tasks = [asks(n, gpus=amounts[n % 5]) for n in range(40)]
    async with Engine(tmp_path, workers=4, devices={"gpu": [0, 1, 2]}) as engine:
        found = await seen(engine, tasks)
    shares = [min(1, amounts[n % 5]) for n in range(40)]
    changes = [((each["from"], 1), share, each) for each, share in zip(found, shares, strict=True)]
    changes += [((each["to"], 0), -share, each) for each, share in zip(found, shares, strict=True)]
    used: Counter[int] = Counter()
    for _, change, each in sorted(changes, key=lambda change: change[0]):
        for device in each["devices"]["gpu"]:
            used[device] += change
            assert used[device] <= 1


async def test_a_device_is_free_again_when_its_process_was_killed(tmp_path):
    attempts = tmp_path / "attempts"
    async with Engine(tmp_path / "results", workers=2, devices={"gpu": ["GPU-1"]}) as engine:
        await engine.run([asks(1, str(attempts), Dies, gpus=1), asks(2, gpus=1)])
    assert len(attempts.read_text().split()) == 2


async def test_gpus_are_those_that_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,GPU-8f")
    async with Engine(tmp_path, workers=2) as engine:
        (found,) = await seen(engine, [asks(1, gpus=2)])
    assert found["devices"] == {"gpu": [7, "GPU-8f"]}


async def test_in_threads_and_on_the_loop_a_task_is_told_its_devices(tmp_path):
    async with Engine(tmp_path, workers=2, devices={"gpu": [3]}) as engine:
        found = await seen(engine, [asks(1, cls=AsksInThread, gpus=1), AsksOnLoop(2), asks(3, cls=AsksInThread)])
    assert [each["devices"] for each in found] == [{"gpu": [3]}, {"gpu": [3]}, {}]


async def test_one_capacity_for_all_executors(tmp_path, monkeypatch):
    monkeypatch.setattr(FOUR, lambda: 4)
    tasks = [asks(n, cls=cls, cpus=3) for n in range(6) for cls in (Asks, AsksInThread)]
    async with Engine(tmp_path, workers=4) as engine:
        found = await seen(engine, tasks)
    spans = sorted((each["from"], each["to"]) for each in found)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


async def test_libraries_start_as_many_threads_as_a_task_has_cpus(tmp_path, monkeypatch):
    pytest.importorskip("numpy")
    pytest.importorskip("threadpoolctl")
    monkeypatch.setattr(FOUR, lambda: 4)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    async with Engine(tmp_path, workers=Workers(1, threads=1)) as engine:
        found = []
        for n, asked in enumerate([{}, {"cpus": 2}, {"cpus": 3}, {}]):
            found += await seen(engine, [asks(n, cls=WithNumpy, **asked)])
    assert len({each["pid"] for each in found}) == 1
    assert [each["threads"] for each in found] == ["1", "2", "3", "1"]
    most = [max(each["blas"]) for each in found]
    assert most[0] == most[3] == 1
    assert most[1] == 2


@dataclass(frozen=True)
class Stores(Task):
    number: int

    def output(self):
        return self.build_output(JSONOutput, key="number.json")

    def run(self, input, output):
        output.store(self.number)


def without_threadpoolctl():
    import sys

    import numpy as np

    np.ones((2, 2)) @ np.ones((2, 2))
    sys.modules["threadpoolctl"] = None  # type: ignore[assignment]


async def test_threads_that_cannot_be_adjusted_are_told_of_once(tmp_path, monkeypatch, caplog):
    pytest.importorskip("numpy")
    monkeypatch.setattr(FOUR, lambda: 4)
    workers = Workers(1, threads=1, preload=None, initializer=without_threadpoolctl)
    async with Engine(tmp_path, workers=workers) as engine:
        await engine.run(Stores(0))
        assert "threadpoolctl" not in caplog.text
        for n, cpus in enumerate([2, 1, 3, 2]):
            await engine.run(Stores(10 + n, resource_spec=ResourceSpec(cpus=cpus)))
    assert caplog.text.count("a task has 2 CPUs") == caplog.text.count("pip install 'alexflow[threads]'") == 1


async def test_what_there_never_is_is_refused_before_any_work(tmp_path):
    async with Engine(tmp_path, workers=2, devices={"gpu": [0]}) as engine:
        for asked, message in [
            ({"cpus": 640}, r"Asks\.resource_spec asks for cpus=640, and this engine has \d+"),
            ({"gpus": 2}, r"asks for 2 of 'gpu', and this engine has 1: 0"),
            ({"devices": {"tpu": 1}}, r"asks for 1 of 'tpu', and this engine has none; name them: Engine\(devices="),
            ({"memory": "4096TiB"}, r"asks for 4\S+ GiB of memory, and this engine has "),
        ]:
            with pytest.raises((DefinitionError, GraphError), match=message):
                await engine.run([asks(1).output(), asks(2, **asked).output()])
        assert not await asks(1).output().assign_storage(engine.storage).aexists()


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        (["gpu"], "devices must be a dict"),
        ({"gpu": 2}, r"devices\['gpu'\] must be a list"),
        ({"gpu": [0, 0]}, "names a device twice"),
        ({"gpu": [-1]}, "must be a list"),
        ({"a b": [0]}, "a kind of device is a name"),
    ],
)
def test_wrong_devices_are_refused(devices, message):
    with pytest.raises(DefinitionError, match=message):
        Engine(devices=devices)


async def test_a_task_that_asks_for_nothing_runs_beside_one_that_waits_for_a_device(tmp_path):
    gate = tmp_path / "gate"
    holds, waits = asks(1, str(gate), gpus=1), asks(2, gpus=1)
    async with Engine(tmp_path / "results", workers=2, devices={"gpu": [0]}) as engine:
        both = chain([holds, waits], (asks(n) for n in range(3, 60)))
        await engine.load(asks(100).output())
        import asyncio

        run = asyncio.ensure_future(engine.run([task.output() for task in both]))
        await engine.load(asks(59).output())
        gate.touch()
        await run
