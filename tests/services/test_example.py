"""The example of a service, as a process, in short: equal requests, clients that hang up, SIGTERM."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.drive import rows
from tests.services.drive.__main__ import table
from tests.services.drive.service import Services

for name in ("uvicorn", "fastapi", "aiohttp"):
    pytest.importorskip(name)

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


async def test_the_example_under_a_little_load(tmp_path: Path) -> None:
    async with Services(tmp_path) as services:
        server = await services.start()
        found = await rows.stampede(server)
        found += await rows.streams(server)
        found += await rows.disconnects(server, clients=50)
        found += await rows.kills(server, requests=8, times=2)
        found += await rows.sigterm(server, clients=20)
    assert not [row for row in found if row.met is False], table(found)
