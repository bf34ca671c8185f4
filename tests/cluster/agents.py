"""Agents for a while."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from alexflow.cluster import AgentExecutor
from tests.kit.agents import start_agent


@asynccontextmanager
async def agent(
    executor: AgentExecutor, *options: str, places: int = 2, stderr: int | None = None, **variables: str
) -> AsyncIterator[subprocess.Popen]:
    """An agent, for as long as the block, unless it ends before."""
    start = partial(start_agent, executor, *options, places=places, stderr=stderr, **variables)
    process = await asyncio.to_thread(start)
    try:
        yield process
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
