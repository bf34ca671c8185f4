"""Tasks see the context of whoever opened the engine; nobody sees theirs."""

from __future__ import annotations

import asyncio

import pytest

from alexflow import Engine, MemoryStorage
from tests.engine.workflows import Context, ContextInThread, ContextOfGenerate, variable

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", [Context, ContextInThread, ContextOfGenerate])
async def test_of_the_opener_not_of_the_caller(kind):
    token = variable.set("the opener's")
    try:
        async with Engine(MemoryStorage()) as engine:

            async def ask(n):
                variable.set(f"caller {n}'s")
                return await engine.load(kind(n).output())

            seen = await asyncio.gather(*(asyncio.create_task(ask(n)) for n in range(5)))
            assert seen == ["the opener's"] * 5
            variable.set("later")
            assert await engine.load(kind(9).output()) == "the opener's"
            assert variable.get() == "later"
    finally:
        variable.reset(token)
