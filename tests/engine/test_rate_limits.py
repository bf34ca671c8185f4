"""Limits of rates in an engine, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, Retry, RunFailed, Task, TaskOptions, current
from alexflow.errors import DefinitionError, HookError, RetryAfter
from alexflow.limits import RateLimit
from alexflow.testing import Simulation

BEGUN: list[tuple[float, str]] = []


def began(name: object) -> None:
    BEGUN.append((asyncio.get_running_loop().time(), str(name)))


@pytest.fixture(autouse=True)
def nothing_begun() -> None:
    BEGUN.clear()


@dataclass(frozen=True)
class Call(Task):
    """A simulated second of an API."""

    number: int
    tenant: str = ""
    tokens: int = 0
    options = TaskOptions(timeout=1.5)

    @property
    def tags(self) -> set[str]:
        return {"api"}

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="call.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        began(self.number)
        await output.astore(self.number)


def times() -> list[float]:
    first = BEGUN[0][0]
    return [at - first for at, _ in BEGUN]


def most_in(seconds: float) -> int:
    return max(sum(first <= at < first + seconds for at in times()) for first in times())


@pytest.mark.parametrize("burst", [1, 10])
def test_starts_follow_the_rate_and_waiting_is_no_part_of_the_timeout(burst: int) -> None:
    simulation = Simulation(limits={"api": RateLimit(50, per=1.0, burst=burst)})
    result = simulation.run([Call(number) for number in range(200)])
    assert (result.ran, result.failures) == (200, [])
    assert times()[-1] == pytest.approx((200 - burst) / 50, rel=0.03)
    assert most_in(1.0) <= 50


def test_worker_processes_follow_it_too() -> None:
    @dataclass(frozen=True)
    class Plain(Call):
        def run(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
            began(self.number)
            output.store(self.number)

    simulation = Simulation(workers=100, limits={"api": RateLimit(10, per=1.0)})
    assert simulation.run([Plain(number) for number in range(40)]).ran == 40
    assert times()[-1] == pytest.approx(3.9, rel=0.03)
    assert most_in(1.0) <= 10


def test_each_key_has_a_limit_of_its_own() -> None:
    limit = RateLimit(10, per=1.0, key=lambda task: task.tenant)
    simulation = Simulation(limits={"api": limit})
    simulation.run([Call(number, tenant) for number in range(20) for tenant in "abc"])
    assert times()[-1] == pytest.approx(1.9, rel=0.05)


def test_what_a_task_costs_counts() -> None:
    limit = RateLimit(requests=1000, tokens=100, per=1.0, cost=lambda task: {"tokens": task.tokens})
    simulation = Simulation(limits={"api": limit})
    simulation.run([Call(number, tokens=50) for number in range(10)])
    assert times()[-1] == pytest.approx(4.5, rel=0.03)


def test_callers_that_leave_give_their_turns_back() -> None:
    async def scene(engine: Engine) -> None:
        loads = [asyncio.create_task(engine.load(Call(number).output())) for number in range(100)]
        await asyncio.sleep(0.1)
        for load in loads[10:]:
            load.cancel()
        await asyncio.gather(*loads, return_exceptions=True)
        BEGUN.clear()
        asked = asyncio.get_running_loop().time()
        await engine.load(Call(500).output())
        assert BEGUN[0][0] - asked <= 1.021  # the simulated second, and one distance

    Simulation(limits={"api": RateLimit(50, per=1.0)}).play(scene)


def test_the_more_urgent_gets_the_next_turn() -> None:
    async def scene(engine: Engine) -> None:
        bulk = asyncio.create_task(engine.run([Call(number) for number in range(100)], priority=-1))
        await asyncio.sleep(0.5)
        await engine.load(Call(500).output())
        await bulk

    Simulation(limits={"api": RateLimit(10, per=1.0)}).play(scene)
    assert [name for _, name in BEGUN].index("500") <= 6


CLOSED_UNTIL = 60.0
REFUSED: Counter[int] = Counter()


@dataclass(frozen=True)
class Storm(Call):
    """A service that refuses everybody for the first minute, and says for how long."""

    retry = Retry(0)

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        now = asyncio.get_running_loop().time()
        if now < CLOSED_UNTIL:
            REFUSED[self.number] += 1
            raise RetryAfter(10.0)
        await super().run(input, output)


def test_a_storm_of_refusals_costs_no_task_and_few_calls() -> None:
    REFUSED.clear()
    simulation = Simulation(limits={"api": RateLimit(50, per=1.0)})
    result = simulation.run([Storm(number) for number in range(300)])
    assert (result.ran, result.failures) == (300, [])
    assert BEGUN[0][0] >= CLOSED_UNTIL
    assert REFUSED.total() <= 6 * 60  # those under way when the first came back, once in ten seconds; not 300 each time


@dataclass(frozen=True)
class Untagged(Storm):
    @property
    def tags(self) -> set[str]:
        return set()


def test_a_task_without_a_limited_rate_waits_itself() -> None:
    REFUSED.clear()
    result = Simulation().run([Untagged(1), Call(2)])
    assert (result.ran, result.failures) == (2, [])
    assert 5 <= REFUSED[1] <= 7


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (RateLimit(5, per=1.0, key=lambda task: task.no_such), "key of the RateLimit of 'api' raised AttributeError"),
        (RateLimit(5, per=1.0, key=lambda task: task.number), "must be a string"),
        (RateLimit(5, per=1.0, cost=lambda task: {"tokens": 1}), "has 'tokens'; the limit has requests"),
        (RateLimit(5, per=1.0, cost=lambda task: {"requests": 6}), "could never start"),
        (RateLimit(5, per=1.0, cost=lambda task: {"requests": "1"}), "must be a number"),
        (RateLimit(5, per=1.0, cost=lambda task: 1 / 0), "raised ZeroDivisionError"),  # type: ignore[arg-type,return-value]
    ],
)
def test_a_function_that_goes_wrong_fails_its_request_only(limit: RateLimit, message: str) -> None:
    @dataclass(frozen=True)
    class Other(Call):
        @property
        def tags(self) -> set[str]:
            return set()

    async def scene(engine: Engine) -> None:
        other = asyncio.create_task(engine.run(Other(2)))
        with pytest.raises(DefinitionError, match=message):
            await engine.run(Call(1))
        assert (await other).ran == 1

    Simulation(limits={"api": limit}).play(scene)
    assert issubclass(HookError, DefinitionError)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"per": 1.0}, "needs a number"),
        ({"requests": 0, "per": 1.0}, "requests must be"),
        ({"requests": 5, "per": 0}, "per must be"),
        ({"requests": 5, "per": 1.0, "burst": 0}, "burst must be"),
        ({"tokens": 5, "per": 1.0, "burst": 2}, "burst counts requests"),
        ({"requests": 5, "per": 1.0, "key": "tenant"}, "key must be a function"),
        ({"requests": 5, "per": 1.0, "bursts": 3}, "has the unit 'bursts'; did you mean burst?"),
        ({"request": 5, "per": 1.0}, "has the unit 'request'; did you mean requests?"),
        ({"requests": 5, "per": 1.0, "costs": len}, "did you mean cost?"),
    ],
)
def test_what_a_rate_limit_cannot_be(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        RateLimit(**wrong)


@pytest.mark.parametrize("unit", ["tokens", "characters", "cores", "hosts", "posts", "bytes", "queries"])
def test_units_are_no_keywords(unit: str) -> None:
    assert RateLimit(5, per=1.0, **{unit: 7}).quotas == {"requests": 5, unit: 7}


def test_an_engine_refuses_limits_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="or a RateLimit"):
        Engine(tmp_path, limits={"api": "50/s"})  # type: ignore[dict-item]


@dataclass(frozen=True)
class FromWorker(Task):
    """Asks a worker's engine for a pause, once."""

    flag: str

    @property
    def tags(self) -> set[str]:
        return {"api"}

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="call.json")

    def run(self, input: None, output: JSONOutput[int]) -> None:
        if not Path(self.flag).exists():
            Path(self.flag).touch()
            raise RetryAfter(0.05)
        output.store(1)


@pytest.mark.processes
async def test_a_pause_comes_from_a_worker_process(tmp_path: Path) -> None:
    limits = {"api": RateLimit(100, per=1.0)}
    async with Engine(tmp_path / "results", workers=1, limits=limits) as engine:
        assert await engine.load(FromWorker(str(tmp_path / "flag")).output()) == 1


test_a_pause_comes_from_a_worker_process = pytest.mark.anyio(test_a_pause_comes_from_a_worker_process)


def test_an_error_of_the_task_is_still_one() -> None:
    @dataclass(frozen=True)
    class Wrong(Call):
        async def run(self, input: None, output: JSONOutput[int]) -> None:
            raise RetryAfter("soon")  # type: ignore[arg-type]

    with pytest.raises(RunFailed):
        Simulation(limits={"api": RateLimit(5, per=1.0)}).run(Wrong(1))


@dataclass(frozen=True)
class Model(Call):
    """Costs less than it says: 10 of the 50 tokens."""

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        current.spent(tokens=50)
        current.spent(tokens=10, unknown=5)
        await super().run(input, output)


def test_what_was_not_spent_is_there_for_others() -> None:
    limit = RateLimit(requests=1000, tokens=100, per=10.0, cost=lambda task: {"tokens": task.tokens})
    result = Simulation(limits={"api": limit}).run([Model(number, tokens=50) for number in range(20)])
    assert result.ran == 20
    assert times()[-1] < 45  # of the 95 s that the stated costs would take; the first second each is not known


@dataclass(frozen=True)
class ModelInWorker(Task):
    number: int

    @property
    def tags(self) -> set[str]:
        return {"api"}

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="call.json")

    def run(self, input: None, output: JSONOutput[int]) -> None:
        current.spent(tokens=1)
        output.store(self.number)


@pytest.mark.anyio
@pytest.mark.processes
async def test_a_worker_process_says_what_it_has_spent(tmp_path: Path) -> None:
    limits = {"api": RateLimit(tokens=100, per=3600, cost=lambda task: {"tokens": 60})}
    async with Engine(tmp_path, workers=1, limits=limits) as engine:
        async with asyncio.timeout(30):  # without the corrections the second would wait for an hour
            driver = engine._driver
            assert driver is not None
            await engine.run(ModelInWorker(1))
            bucket = driver._scheduler.state.slots.buckets["api"]
            assert bucket._spent == [1.0]


def test_what_cannot_be_spent() -> None:
    @dataclass(frozen=True)
    class Wrong(Call):
        async def run(self, input: None, output: JSONOutput[int]) -> None:
            current.spent(tokens="many")  # type: ignore[arg-type]

    with pytest.raises(RunFailed) as failed:
        Simulation().run(Wrong(1))
    assert "current.spent(tokens=…)" in str(failed.value.exceptions[0])


class EarlyLoop(asyncio.SelectorEventLoop):
    """Its timers go off early, as those of uvloop do, whose clock has milliseconds."""

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        return super().call_at(when - 0.0005, callback, *args, context=context)


def test_timers_that_go_off_early(tmp_path: Path) -> None:
    async def all_calls() -> int:
        async with Engine(tmp_path, limits={"api": RateLimit(100, per=1.0)}) as engine, asyncio.timeout(30):
            return (await engine.run([Call(n) for n in range(20)])).ran

    with asyncio.Runner(loop_factory=EarlyLoop) as runner:
        assert runner.run(all_calls()) == 20
