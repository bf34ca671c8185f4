"""An output's task travels only when it is asked for."""

from __future__ import annotations

import msgspec
import pytest

from alexflow import Engine
from alexflow.executors.process.definitions import Definitions
from alexflow.executors.process.payload import Packer
from tests.process.workflows import Counted, Link

pytestmark = pytest.mark.anyio


def chain(length, note=""):
    link = Link(0, note=note)
    for n in range(1, length):
        link = Link(n, link.output(), note)
    return link


async def test_the_task_behind_and_all_behind_that(place):
    link = chain(30, "some note")
    async with Engine(place, workers=2) as engine:
        result = await engine.run(link)
        seen = result.output.load()
        expected, before = [], link.before
        while before is not None:
            expected.append((before.src_task.n, "some note", before.src_task.task_id))
            before = before.src_task.before
        assert seen == expected
        assert [n for n, _, _ in seen] == list(range(28, -1, -1))


def test_shipping_costs_what_the_own_parameters_cost():
    packer = Packer(Definitions())
    encode = msgspec.msgpack.encode
    sizes = {length: len(encode(packer.pack(chain(length, "n" * 1000)).fields)) for length in (2, 10, 100, 1_000)}
    assert sizes[1_000] - sizes[2] <= 4  # the number itself
    assert sizes[2] < 1_300


def test_packing_looks_at_no_ancestor():
    link = chain(1_000)
    assert set(Packer(Definitions()).sources(link)) == {link.before.src_task_id}


async def test_a_format_that_does_more_at_construction_is_whole_without_the_task(place):
    one, two = Counted(1), Counted(2)
    task = Counted(3, one.output(), [one.output(), two.output()])
    keys = [each.output().key for each in (one, one, two)]
    async with Engine(place, workers=1) as engine:
        seen = (await engine.run(task)).output.load()
    assert seen == (task.output().key, [], [[key] for key in keys])
