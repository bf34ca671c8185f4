"""2: a worker is killed as by the out-of-memory killer: the error says so; tried again within a limit of its own."""

from __future__ import annotations

import re
import signal

import pytest

from alexflow import Engine, Retry
from alexflow.errors import RunFailed, TaskFailed, WorkerDied
from tests.faults.stubborn import Grows, Starves
from tests.faults.workflows import Number

pytestmark = pytest.mark.anyio

SIZE = 150 * 1024**2


async def test_the_error_names_signal_reason_and_peak(place, log):
    async with Engine(place, workers=1, max_deaths=1, retry=Retry(5)) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(Grows(0, str(log), size=SIZE))
    (error,) = caught.value.exceptions
    assert isinstance(error, WorkerDied)
    assert (error.exitcode, error.signal) == (-signal.SIGKILL, signal.SIGKILL)
    assert (error.attempts, error.deaths) == (2, 2)
    assert SIZE < error.peak_rss < 3 * SIZE
    told = re.search(
        r"was killed by SIGKILL; possibly out of memory; its peak memory was ([\d.]+) MiB \(after 2 worker deaths\)",
        str(error),
    )
    assert told is not None, str(error)
    assert abs(float(told[1]) * 1024**2 - error.peak_rss) < 1024**2


@pytest.mark.parametrize("deaths", [1, 3])
async def test_tried_again_within_its_own_limit(place, log, deaths):
    async with Engine(place, workers=1, max_deaths=deaths) as engine:
        result = await engine.run(Grows(0, str(log), deaths=deaths))
        assert result.ran == 1
        assert result.output.load() == 0


async def test_a_limit_of_none(place, log):
    async with Engine(place, workers=1, max_deaths=0, retry=Retry(5)) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(Grows(0, str(log), deaths=1))
    assert caught.value.exceptions[0].attempts == 1
    assert "after" not in str(caught.value.exceptions[0])


async def test_python_that_cannot_get_memory_is_an_error_like_others(place, log):
    async with Engine(place, workers=1) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(Starves(0, str(log)))
        (error,) = caught.value.exceptions
        assert isinstance(error, TaskFailed)
        assert error.error_type == "MemoryError"
        assert (await engine.run([Number(n) for n in range(20)])).ran == 20
