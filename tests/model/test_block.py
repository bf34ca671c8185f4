"""``output.path()`` and ``output.open("wb")`` without ``with``: whatever is done with them names the remedy."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from alexflow import JSONOutput, MemoryStorage, Output, Task

pytestmark = pytest.mark.anyio


class Named(Task):
    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")


@pytest.fixture
def output() -> Output[int]:
    return Named().output().assign_storage(MemoryStorage())


USES: dict[str, Callable[[Any], Any]] = {
    "with output.path('w') as": lambda output: output.path("w").name,
    "with output.path('r') as": lambda output: os.fspath(output.path()),
    "with output.open('wb') as": lambda output: output.open("wb").write(b"1"),
    "async with output.apath('r') as": lambda output: output.apath().name,
    "async with output.aopen('wb') as": lambda output: output.aopen("wb").write(b"1"),
}


@pytest.mark.parametrize("remedy", USES)
def test_the_remedy_is_named(output: Output[int], remedy: str) -> None:
    with pytest.raises((AttributeError, TypeError)) as refused:
        USES[remedy](output)
    assert remedy in str(refused.value)


async def test_async_blocks_are_as_before(output: Output[int]) -> None:
    async with output.aopen("wb") as file:
        await file.write(b"7")
    async with output.aopen() as stream:
        assert await stream.read() == b"7"


async def test_it_cannot_be_awaited(output: Output[int]) -> None:
    with pytest.raises(TypeError, match=r"async with output\.apath"):
        await cast("Awaitable[Any]", output.apath())


def test_blocks_are_as_before(output: Output[int]) -> None:
    with output.open("wb") as file:
        file.write(b"7")
    with output.path() as path:
        assert path.read_bytes() == b"7"
    assert not hasattr(output.open("wb"), "write")
    with pytest.raises(ZeroDivisionError), output.open("wb") as file:
        raise ZeroDivisionError
