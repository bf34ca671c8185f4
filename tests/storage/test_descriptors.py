"""Descriptors are counted and waited for: tasks on the loop may have more streams than a process may have files."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest

LIMITED = """
import asyncio, os, resource, sys
import alexflow
from alexflow import Engine, LocalStorage
from tests.storage.descriptor_tasks import *

hard = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
storage = LocalStorage(sys.argv[1])
storage.prepare()
"""


def limited(code: str, place: Any, hard: int = 256) -> list[str]:
    """The lines that a process prints that may have 256 files open, and at most ``hard`` if it asks."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED + textwrap.dedent(code), str(place), str(hard)],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("kind", ["Streams", "ReadsBack", "Large", "TwoStreams", "Paths", "Reads"])
def test_many_tasks_with_a_stream_each(tmp_path, kind):
    """Each has its stream open until all that fit have theirs, and then some."""
    told = limited(
        f"""
        storage.write("given", b"1" * 1000)
        result = alexflow.run([{kind}(n) for n in range(600)], storage=storage, progress=False, on_error="continue")
        print(result.ran, len(result.failures), *(failed.message for failed in result.failures[:1]))
        print(storage.verify().ok, len(os.listdir("/proc/self/fd")) < 64)
        """,
        tmp_path / "results",
    )
    assert told == ["600 0", "True True"]


def test_what_one_task_alone_cannot_have(tmp_path):
    told = limited(
        """
        result = alexflow.run(Hoards(0), storage=storage, progress=False, on_error="continue")
        (failed,) = result.failures
        print(failed.attempts, failed.message)
        print(alexflow.run(Streams(1), storage=storage, progress=False).ran)
        """,
        tmp_path / "results",
    )
    assert told[0].startswith("1 ")
    assert "Too many open files (EMFILE); raise `ulimit -n`, or keep fewer streams open" in told[0]
    assert told[1] == "1"


def test_the_limit_is_raised_as_far_as_may_be(tmp_path):
    """In worker processes, and by ``run`` while it runs; an engine leaves its process as it is."""
    told = limited(
        """
        print(alexflow.run(Limit("loop"), storage=storage, progress=False).output.load())
        print(resource.getrlimit(resource.RLIMIT_NOFILE))
        async def main():
            async with Engine(storage, workers=1) as engine:
                print(await engine.load(LimitInWorker("process").output()), await engine.load(Limit("engine").output()))
        asyncio.run(main())
        """,
        tmp_path / "results",
        hard=1000,
    )
    assert told == ["[1000, 1000]", "(256, 1000)", "[1000, 1000] [256, 1000]"]
