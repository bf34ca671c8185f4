"""Streams of outputs in real buckets: parts on the machine where the task runs, and the whole everywhere else."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from alexflow import Engine, open_storage
from alexflow.errors import StreamRestarted
from tests.kit.servers.s3 import Server
from tests.services.stream_tasks import Told
from tests.services.test_streams import Starts, parts_of, take, tell

pytestmark = [pytest.mark.anyio, pytest.mark.processes]

#: What another process does: it reads a stream to its end, and prints its parts, and that it was restarted.
READER = """
import asyncio, json, sys
from alexflow import Engine, open_storage
from alexflow.errors import StreamRestarted
from tests.services.stream_tasks import Told

async def read(url, options, pipe, name):
    async with Engine(open_storage(url, **options)) as engine:
        stream = engine.stream(Told(pipe, name).output())
        print(json.dumps("reads"), flush=True)
        while True:
            try:
                async for part in stream:
                    print(json.dumps(part), flush=True)
                return
            except StreamRestarted:
                print(json.dumps("restarted"), flush=True)

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


@asynccontextmanager
async def reader(
    bucket: tuple[str, dict[str, Any]], pipe: str, name: str, **environment: str
) -> AsyncIterator[Callable[[], Coroutine[Any, Any, str]]]:
    """Read in another process, which ends well. Gives what returns the next that it prints."""
    url, options = bucket
    command = [sys.executable, "-c", READER, url, json.dumps(options), pipe, name]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, env={**os.environ, **environment}
    )

    async def printed() -> str:
        assert process.stdout is not None
        return str(json.loads(await process.stdout.readline()))

    assert await printed() == "reads"
    yield printed
    assert process.stdout is not None
    assert await process.stdout.read() == b""
    assert await process.wait() == 0


@pytest.mark.parametrize("retries", [False, True])
async def test_other_processes_get_parts_on_this_machine_and_the_whole_on_another(
    bucket: tuple[str, dict[str, Any]], pipe: str, tmp_path: Path, *, retries: bool
) -> None:
    url, options = bucket
    name, elsewhere = f"retries-{retries}", tmp_path / "elsewhere"
    elsewhere.mkdir()
    output = Told(pipe, name).output()
    async with Engine(open_storage(url, **options)) as engine:
        starts = Starts(engine)
        stream = engine.stream(output)
        taking = asyncio.create_task(take(stream, 4))
        await tell(pipe, "one")
        assert await taking == "one\n"
        async with reader(bucket, pipe, name) as here, reader(bucket, pipe, name, TMPDIR=str(elsewhere)) as there:
            assert await here() == "one\n"
            if retries:
                await tell(pipe, "!")
                await starts.reach(2)
                going_on = asyncio.create_task(take(stream, 1))
                await tell(pipe, "two")
                with pytest.raises(StreamRestarted):
                    await going_on
                assert await here() == "restarted"
                assert await here() == "two\n"
            await tell(pipe, *([] if retries else ["two"]), ".")
            told = "two\n" if retries else "one\ntwo\n"
            assert "".join(await parts_of(stream)) == "two\n"
            if not retries:
                assert await here() == "two\n"
            assert await there() == told
        assert "".join(await parts_of(engine.stream(output))) == told  # a late reader
        assert engine.stats().computed == 1
    async with Engine(open_storage(url, **options)) as later:
        assert "".join(await parts_of(later.stream(output))) == told
