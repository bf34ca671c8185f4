"""Outputs that a process has at hand are never older than the request that it works for."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from alexflow import Engine, LocalStorage
from tests.engine.workflows import ProcessStep, Step, ThreadStep

pytestmark = pytest.mark.anyio

FIVE = gzip.compress(b"5")

KINDS = pytest.mark.parametrize("kind", [Step, ThreadStep, ProcessStep])


@KINDS
async def test_an_output_that_was_replaced_between_two_requests(place, kind):
    first = kind(1)
    async with Engine(place, workers=1) as engine:
        assert await engine.load(kind(10, (first.output(),)).output()) == 11
        await engine.storage.awrite(first.output().key, FIVE, replace=True)
        assert await engine.load(kind(20, (first.output(),)).output()) == 25


@KINDS
async def test_an_output_that_was_removed_and_made_by_another_engine(place, kind):
    first = kind(1)
    async with Engine(place, workers=1) as engine:
        await engine.run(kind(10, (first.output(),)))
        await engine.storage.aremove_many([first.output().key])
        other = await asyncio.to_thread(LocalStorage, place)
        await other.awrite(first.output().key, FIVE)
        assert await engine.load(kind(20, (first.output(),)).output()) == 25
