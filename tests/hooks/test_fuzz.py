"""Random classes with one or two broken hooks, among ten good tasks of another caller, in one engine.

``ALEXFLOW_FUZZ`` in the environment says how many, as ``nox -s fuzz`` has it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alexflow import Engine
from alexflow.errors import DecodingError, DefinitionError, RunFailed
from tests.hooks.broken import WHERE, Good, GoodInThread, GoodOnLoop, made
from tests.hooks.exceptions import KINDS
from tests.hooks.test_matrix import HOOKS

EXAMPLES = int(os.environ.get("ALEXFLOW_FUZZ", "100"))

pytestmark = pytest.mark.timeout(max(120, EXAMPLES))

#: Seconds within which an example must be over.
SOON = 30

#: Examples that share an engine.
SHARED = 250

_numbers = itertools.count()


class Shared:
    """An engine on an event loop of its own, now and then another one."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._examples = 0
        self._runner: asyncio.Runner | None = None
        self.engine: Engine

    def run(self, work: Any) -> None:
        if self._runner is None or self._examples >= SHARED:
            self.close()
            self._open()
        assert self._runner is not None
        self._examples += 1
        self._runner.run(work(self.engine))

    def _open(self) -> None:
        self._examples = 0
        self._runner = asyncio.Runner()
        self.engine = Engine(self._folder / str(next(_numbers)), workers=2, limits={"gpu": 1})
        self._runner.run(self.engine.__aenter__())

    def close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            with runner:
                runner.run(asyncio.wait_for(self.engine.__aexit__(None, None, None), SOON))


@contextmanager
def sharing(folder: Path) -> Iterator[Shared]:
    shared = Shared(folder)
    try:
        yield shared
    finally:
        shared.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with sharing(tmp_path_factory.mktemp("results")) as shared:
        yield shared


broken = st.tuples(
    st.sampled_from(sorted(WHERE)),
    st.lists(st.sampled_from(sorted(HOOKS)), min_size=1, max_size=2, unique=True).map("|".join),
    st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=2).map("|".join),
)

good = st.lists(st.sampled_from([Good, GoodInThread, GoodOnLoop]), min_size=10, max_size=10)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken, good, st.booleans(), st.sampled_from(["stop", "continue"]))
def test_good_tasks_of_another_caller_are_right(shared, broken, good, forces, on_error) -> None:
    n = next(_numbers)

    async def example(engine: Engine) -> None:
        async with asyncio.timeout(SOON):
            task = made(*broken, n)
            others = [cls(20 * n + number) for number, cls in enumerate(good)]
            result, _ = await asyncio.gather(engine.run(others), fails(engine, task, forces, on_error))
            assert [output.load() for output in result.output] == [20 * n + number for number in range(10)]

    shared.run(example)


async def fails(engine: Engine, task: Any, forces: bool, on_error: Any) -> None:
    """Ask for it in every way; what it raises is one of these, or nothing."""
    try:
        result = await engine.run(task, force=[task] if forces else (), on_error=on_error)
        if result.ok and "output.decode" in task.hook:
            await engine.load(task.output())
    except (DefinitionError, DecodingError, RunFailed):
        pass
    except OSError:  # of a decode, as any of the storage's
        if "output.decode" not in task.hook:
            raise
