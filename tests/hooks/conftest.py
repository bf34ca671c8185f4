"""For tests that share an engine, so that many cases take little time."""

from collections.abc import AsyncIterator

import pytest

from alexflow import Engine


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def engine(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    """One engine for all cases of a module: what one of them does to it, the next one sees."""
    async with Engine(tmp_path_factory.mktemp("results"), workers=1) as engine:
        yield engine
