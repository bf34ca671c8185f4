"""What a task says is no business of the protocol's."""

from __future__ import annotations

import pytest

from alexflow import Engine
from tests.process.workflows import Loud

pytestmark = pytest.mark.anyio


async def test_a_flood(place, capfd):
    async with Engine(place, workers=2) as engine:
        result = await engine.run([Loud(n, size=5_000_000, value="intact") for n in range(4)])
        assert [output.load()[1] for output in result.output] == ["intact"] * 4
    out, err = capfd.readouterr()
    assert out.count("x" * 999 + "\n") >= 19_000
    assert out.count("raw\n") == 4
    assert out.count("child\n") == 4
    assert err.count("raw\n") == 4
    assert err.count("printed") == 4  # print writes the line end by itself: another worker may come between
