"""29: a task of a dynamic task stores that one's output, a sibling fails or the engine is killed before it has run.

The output is not visible; the next run runs what is missing; nothing downstream starts before all are done.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import Engine, LocalStorage, MemoryStorage, Storage
from alexflow.errors import GraphError
from alexflow.storage import PrefixStorage
from tests.faults.dynamic_tasks import KINDS, Appendix, Customers, Report, Setting, mail


def ran(setting: Setting) -> Counter[str]:
    """Count the tasks that ran since the last time, by their names."""
    found = Counter(Path(setting.log).read_text().split())
    Path(setting.log).write_text("")
    return found


def run(target: Any, storage: Any, **options: Any) -> alexflow.Result:
    return alexflow.run(target, storage=storage, workers=2, progress=False, **options)


def outputs(setting: Setting, **more: Any) -> list[str]:
    return [output.key for output in Customers(setting, **more).output().values()]


@pytest.fixture
def setting(log: Path, tmp_path: Path) -> Setting:
    bad = tmp_path / "bad"
    bad.touch()
    return Setting(str(log), str(bad))


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("where", ["local", "prefix", "memory"])
def test_a_sibling_fails(kind: str, where: str, setting: Setting, place: str) -> None:
    local = LocalStorage(place)
    storage: Storage = {"local": local, "prefix": PrefixStorage(local, "here"), "memory": MemoryStorage()}[where]
    if where == "memory" and kind not in ("ReportInThread", "ReportOnLoop"):
        pytest.skip("a worker process cannot reach it")
    more = {"kind": kind, "in_thread": where == "memory"}
    target = mail(setting, **more)
    for attempt in range(2):
        result = run(target, storage, on_error="continue")
        assert [type(failure).__name__ for failure in result.failures] == ["TaskFailed"]
        assert storage.exists_many(outputs(setting, **more)) == set()
        count = ran(setting)
        assert count["Mail"] == 0
        assert sum(count.values()) == (3 if attempt == 0 else 1)  # what is done is not done again
    os.unlink(setting.bad)
    result = run(target, storage)
    assert result.output.load() == "sent: all customers done"
    count = ran(setting)
    assert sum(count.values()) == 2
    assert count["Mail"] == 1
    again = run(Customers(setting, **more), storage)
    assert (again.ran, again.cached) == (0, 1)
    assert storage.exists_many(outputs(setting, **more)) == set(outputs(setting, **more))
    assert [key for key in storage.list() if "-for-" in key] == []


@pytest.mark.parametrize("how", ["killed", "cancelled"])
def test_the_engine_ends_before_the_sibling_has_run(
    how: str, setting: Setting, place: str, fifo: Any, tmp_path: Path
) -> None:
    told, gate = fifo("told"), fifo("gate")
    code = (
        "import sys, alexflow\n"
        "from tests.faults.dynamic_tasks import Setting, mail\n"
        "log, told, gate, place = sys.argv[1:]\n"
        "alexflow.run(mail(Setting(log, '', told, gate)), storage=place, workers=1)\n"
    )
    engine = subprocess.Popen([sys.executable, "-c", code, setting.log, told.path, gate.path, place])
    try:
        asyncio.run(told.receive(1))  # with one worker it comes last
        assert LocalStorage(place).exists_many(outputs(setting)) == set()
    finally:
        engine.send_signal(signal.SIGKILL if how == "killed" else signal.SIGINT)
    engine.wait()
    assert ran(setting) == {"Report": 1, "Appendix": 1, "Sibling": 1}
    assert LocalStorage(place).exists_many(outputs(setting)) == set()
    result = run(mail(Setting(setting.log)), place)
    assert result.output.load() == "sent: all customers done"
    assert ran(setting) == {"Sibling": 1, "Mail": 1}


def test_the_engine_is_killed_at_any_step_of_closing(setting: Setting, tmp_path: Path) -> None:
    """It publishes two outputs, and removes what was held: four steps at least."""
    for nth in range(1, 20):
        place = str(tmp_path / f"results-{nth}")
        command = [sys.executable, "-m", "tests.faults.dynamic_process", place, setting.log, str(nth)]
        end = subprocess.run(command, capture_output=True, timeout=60)
        if end.returncode == 0:
            break
        assert end.returncode == -signal.SIGKILL, end.stderr.decode()
        assert ran(setting) == {"Report": 1, "Appendix": 1, "Sibling": 1}
        result = run(mail(Setting(setting.log)), place)
        assert result.output.load() == "sent: all customers done"
        assert ran(setting) == {"Mail": 1}
        found = LocalStorage(place)
        report = outputs(setting)[0]
        assert report in found.exists_many(outputs(setting))
        run(Customers(Setting(setting.log)), place)
        assert found.exists_many(outputs(setting)) == set(outputs(setting))
        assert ran(setting) == {}
    assert nth > 4


def test_two_engines(setting: Setting, place: str) -> None:
    async def both() -> list[str]:
        async with Engine(place, workers=1) as one, Engine(place, workers=1) as other:
            results = await asyncio.gather(*(engine.run(mail(setting)) for engine in (one, other)))
            return [await result.output.aload() for result in results]

    os.unlink(setting.bad)
    assert asyncio.run(both()) == ["sent: all customers done"] * 2
    assert ran(setting) == {"Report": 1, "Appendix": 1, "Sibling": 1, "Mail": 1}
    assert [key for key in LocalStorage(place).list() if "-for-" in key] == []


def test_forced(setting: Setting, place: str) -> None:
    os.unlink(setting.bad)
    run(mail(setting), place)
    ran(setting)
    changed = Setting(setting.log, value="and once more")
    result = run(mail(changed), place, force=Customers)
    assert result.output.load() == "sent: and once more"
    assert ran(setting) == {"Report": 1, "Appendix": 1, "Mail": 1}  # what has only outputs of its own is done
    assert [key for key in LocalStorage(place).list() if "-for-" in key] == []


def test_the_output_was_removed(setting: Setting, place: str) -> None:
    os.unlink(setting.bad)
    run(Customers(setting), place)
    ran(setting)
    LocalStorage(place).remove_many(outputs(setting)[:1])
    result = run(mail(setting), place)
    assert result.output.load() == "sent: all customers done"
    assert ran(setting) == {"Report": 1, "Mail": 1}


def test_asked_for_without_the_dynamic_task(setting: Setting, place: str) -> None:
    """It would store what is to be seen only when all is done."""
    with pytest.raises(GraphError, match=r"which is an output of a dynamic task that has not generated it"):
        run(Report(setting, Customers(setting).output()["report"]), place)
    assert list(LocalStorage(place).list()) == []


@pytest.mark.parametrize("done", [False, True], ids=["held", "published"])
def test_asked_for_by_itself_although_it_has_run(done: bool, setting: Setting, place: str) -> None:
    if done:
        os.unlink(setting.bad)
    run(Customers(setting), place, on_error="continue")
    assert ran(setting)["Report"] == 1
    mine = Customers(setting).output()
    for child in (Report(setting, mine["report"]), Appendix(setting, mine["appendix"])):
        for target in (child, [child, Customers(setting)]):
            with pytest.raises(GraphError, match=r"which is an output of a dynamic task that has not generated it"):
                run(target, place, on_error="continue")
    assert ran(setting)["Report"] == 0


def test_asked_for_by_itself_while_the_dynamic_task_runs(setting: Setting, place: str, fifo: Any) -> None:
    """The request fails, and the run of the dynamic task does not."""
    told, gate = fifo("told"), fifo("gate")

    async def both() -> alexflow.Result:
        customers = Customers(Setting(setting.log, "", told.path, gate.path))
        async with Engine(place, workers=2) as engine:
            running = asyncio.create_task(engine.run(customers))
            await told.receive(1)
            for name, kind in (("report", Report), ("appendix", Appendix)):
                with pytest.raises(GraphError, match="request that dynamic task"):
                    await engine.run(kind(customers.setting, customers.output()[name]))
            gate.open_gate()
            return await running

    result = asyncio.run(both())
    assert result.ok
    assert ran(setting) == {"Report": 1, "Appendix": 1, "Sibling": 1}
    assert result.output["report"].load() == "all customers done"


@pytest.mark.parametrize("bucket", ["seaweedfs"], indirect=True)
def test_in_a_bucket(bucket: Any, setting: Setting) -> None:
    storage, _ = bucket
    for _ in range(2):
        result = run(mail(setting), storage, on_error="continue")
        assert (result.ok, len(result.failures)) == (False, 1)
        assert storage.exists_many(outputs(setting)) == set()
    assert ran(setting) == {"Report": 1, "Appendix": 1, "Sibling": 2}
    os.unlink(setting.bad)
    result = run(mail(setting), storage)
    assert result.output.load() == "sent: all customers done"
    assert ran(setting) == {"Sibling": 1, "Mail": 1}
    assert [key for key in storage.list() if "-for-" in key] == []
