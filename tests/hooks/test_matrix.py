"""Every hook × every kind of exception × every executor, in one engine: that request fails, its neighbours do not."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from alexflow import Engine
from alexflow.errors import DefinitionError, OutputMissing, RunFailed, StorageError, TaskFailed
from tests.hooks.broken import WHERE, Good, GoodInThread, GoodOnLoop, made
from tests.hooks.exceptions import KINDS

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

#: Seconds within which a case must be over; a hang is none of milliseconds.
SOON = 15

RUNS = ("process", "thread", "loop, async", "loop, plain")
GENERATES = ("dynamic", "dynamic, async")
EVERYWHERE = (*RUNS, *GENERATES)

#: By hook: where it is called, and what the error names besides the task's class, one of these. None: nothing fails.
HOOKS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "task_id": (EVERYWHERE, "task_id"),
    "version": (EVERYWHERE, ""),
    "unwrapped": (EVERYWHERE, ""),
    "field": (EVERYWHERE, "task_id"),
    "field.encode": (EVERYWHERE, "pair"),
    "input": (EVERYWHERE, "input"),
    "input.__iter__": (EVERYWHERE, "input"),
    "input.__len__": (EVERYWHERE, "input"),
    "input, where it runs": (EVERYWHERE, "input"),
    "input's decode": (EVERYWHERE, "decode|Stored"),
    "output": (EVERYWHERE, "output"),
    "output, where it runs": (("process", "dynamic", "dynamic, async"), "output"),
    "output.physical_key_list": (EVERYWHERE, ""),
    "output.assign_storage": (EVERYWHERE, "assign_storage"),
    "output.encode": (RUNS, "Stored|encode"),
    "output.decode": (EVERYWHERE, "Stored"),
    "tags": (EVERYWHERE, "tags"),
    "run": (EVERYWHERE, ""),
    "__repr__": (EVERYWHERE, ""),
    "__eq__": (EVERYWHERE, None),
    "__hash__": (EVERYWHERE, None),
    "__len__": (EVERYWHERE, None),
    "__bool__": (EVERYWHERE, None),
    "__class__": (EVERYWHERE, ""),
    "value.__getstate__": (("process",), "value"),
    "value.__setstate__": (("process",), ""),
    "value.__eq__": (EVERYWHERE, None),
    "value.__hash__": (EVERYWHERE, None),
    "value.__bool__": (EVERYWHERE, None),
    "value.__repr__": (EVERYWHERE, ""),
    "generate's __iter__": (("dynamic",), ""),
    "generate's __next__": (GENERATES, ""),
    "generate's last __next__": (GENERATES, ""),
    "child's task_id": (GENERATES, "Child"),
    "child's input": (GENERATES, "Child"),
    "child's tags": (GENERATES, "Child"),
    "child's run": (GENERATES, "Child"),
}

Told = DefinitionError | StorageError | RunFailed

#: What fails is not the task itself.
OTHERS = ("Child", "Stored")

PLACES = [(where, hook) for hook, (places, _) in HOOKS.items() for where in places]

_numbers = itertools.count()


def test_there_are_enough() -> None:
    assert len(PLACES) * len(KINDS) >= 403
    assert {where for where, _ in PLACES} == set(WHERE)


@pytest.mark.parametrize(("where", "hook"), PLACES, ids=["-".join(place) for place in PLACES])
async def test_only_that_request_fails(engine: Engine, where: str, hook: str) -> None:
    n = next(_numbers)
    async with asyncio.timeout(SOON):
        beside = asyncio.create_task(neighbours(engine, 2 * n))
        tasks = {kind: made(where, hook, kind, n) for kind in KINDS}  # all at once
        errors = await asyncio.gather(*(failure(engine, task, hook) for task in tasks.values()))
        await beside
        await neighbours(engine, 2 * n + 1)
    told = {kind: said(error) for kind, error in zip(tasks, errors, strict=True)}
    assert not {kind: text for kind, text in told.items() if not is_right(where, hook, kind, text)}


def is_right(where: str, hook: str, kind: str, told: str) -> bool:
    """Whether a request that told this has failed as it should, or has not."""
    names = HOOKS[hook][1]
    if names is None or (kind == "StopIteration" and where == "dynamic" and hook == "generate's last __next__"):
        return not told  # an iterator that has only said that it has no more
    return (WHERE[where].__name__ in told or names in OTHERS) and any(name in told for name in names.split("|"))


async def neighbours(engine: Engine, n: int) -> None:
    goods = [Good(n), GoodInThread(n), GoodOnLoop(n)] if n % 4 == 0 else [GoodInThread(n), GoodOnLoop(n)]
    result = await engine.run(goods)
    assert [output.load() for output in result.output] == [n] * len(goods)


async def failure(engine: Engine, task: Any, hook: str) -> Told | None:
    """Return the error of a request that cannot go well."""
    try:
        if hook == "output.decode":
            await engine.load(task.output())
        else:
            await engine.run(task)
    except (DefinitionError, StorageError, RunFailed) as error:
        return error
    except OSError as error:  # as any of the storage's
        assert hook == "output.decode"
        return DefinitionError(f"Stored: {error}")
    return None


def said(error: Told | None) -> str:
    """The text of what a request has raised; nothing if it went well."""
    if isinstance(error, RunFailed):
        for one in error.exceptions:
            assert isinstance(one, TaskFailed | OutputMissing)
        return str(error.report)
    return str(error) if error is not None else ""
