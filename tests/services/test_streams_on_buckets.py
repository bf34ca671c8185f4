"""Streams of outputs in real buckets: parts in the engine that makes them, and the whole everywhere else."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alexflow import Engine, open_storage
from alexflow.errors import StreamRestarted
from tests.kit.servers.s3 import Server
from tests.services.stream_tasks import Told
from tests.services.test_streams import Starts, parts_of, take, tell

pytestmark = [pytest.mark.anyio, pytest.mark.processes]

#: What another process does: it reads a stream to its end, and prints its parts.
READER = """
import asyncio, json, sys
from alexflow import Engine, open_storage
from tests.services.stream_tasks import Told

async def read(url, options, pipe, name):
    async with Engine(open_storage(url, **options)) as engine:
        print("reads", flush=True)
        print(json.dumps([part async for part in engine.stream(Told(pipe, name).output())]))

asyncio.run(read(sys.argv[1], json.loads(sys.argv[2]), *sys.argv[3:]))
"""

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["seaweedfs", "moto"])
def bucket(request: pytest.FixtureRequest, server: Callable[[str], Server]) -> tuple[str, dict[str, Any]]:
    """A place in a bucket of each server, and the options with which it is opened."""
    running = server(request.param)
    return running.url(), running.options


@pytest.fixture
def pipe(tmp_path: Path) -> str:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("retries", [False, True])
async def test_another_process_gets_the_whole(bucket: tuple[str, dict[str, Any]], pipe: str, *, retries: bool) -> None:
    url, options = bucket
    output = Told(pipe, f"retries-{retries}").output()
    async with Engine(open_storage(url, **options)) as engine:
        starts = Starts(engine)
        stream = engine.stream(output)
        taking = asyncio.create_task(take(stream, 4))
        await tell(pipe, "one")
        assert await taking == "one\n"
        if retries:
            await tell(pipe, "!")
            await starts.reach(2)
            going_on = asyncio.create_task(take(stream, 1))
            await tell(pipe, "two")
            with pytest.raises(StreamRestarted):
                await going_on
        command = [sys.executable, "-c", READER, url, json.dumps(options), pipe, f"retries-{retries}"]
        reader = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        assert reader.stdout is not None
        assert await reader.stdout.readline() == b"reads\n"
        await tell(pipe, *([] if retries else ["two"]), ".")
        told = "two\n" if retries else "one\ntwo\n"
        assert "".join(await parts_of(stream)) == "two\n"
        printed, _ = await reader.communicate()
        assert "".join(json.loads(printed)) == told
        assert reader.returncode == 0
        assert "".join(await parts_of(engine.stream(output))) == told  # a late reader
        assert engine.stats().computed == 1
    async with Engine(open_storage(url, **options)) as later:
        assert "".join(await parts_of(later.stream(output))) == told
