"""Nothing upstream of an existing output is looked at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, MemoryStorage, Output, Task

pytestmark = pytest.mark.anyio

asked: Counter[str] = Counter()


class Recording(MemoryStorage):
    """Counts which keys are looked for."""

    def exists_many(self, keys):
        asked.update(keys)
        return super().exists_many(keys)


@dataclass(frozen=True)
class Link(Task):
    n: int
    before: Output[int] | None = None

    def input(self) -> Any:
        asked["input of " + str(self.n)] += 1
        return self.before

    def output(self) -> Output[int]:
        asked["output of " + str(self.n)] += 1
        return self.build_output(JSONOutput[int], key=f"n{self.n}")

    async def run(self, input: Any, output: Output[int]) -> None:
        await output.astore(self.n)


def chain(length):
    links = [Link(0)]
    for n in range(1, length):
        links.append(Link(n, links[-1].output()))
    return links


@pytest.mark.parametrize("as_output", [False, True], ids=["task", "output"])
async def test_a_target_that_exists_costs_one_check(as_output):
    links = chain(10)
    async with Engine(Recording()) as engine:
        await engine.run(links[-1])
        target = links[-1].output() if as_output else links[-1]
        asked.clear()
        result = await engine.run(target)
        assert (result.ran, result.cached) == (0, 1)
        looked_for = {name: count for name, count in asked.items() if " of " not in name}
        assert looked_for == {links[-1].output().key: 1}
        assert not any(name.startswith(("input of", "output of")) and not name.endswith(" 9") for name in asked)


async def test_no_further_than_what_exists():
    links = chain(10)
    async with Engine(Recording()) as engine:
        await engine.run(links[5])
        asked.clear()
        result = await engine.run(links[9])
        assert (result.ran, result.cached) == (4, 1)
        assert links[4].output().key not in asked
        assert not any(asked[f"input of {n}"] for n in range(6))


async def test_what_reads_an_output_that_was_removed_is_not_computed_again():
    links = chain(3)
    async with Engine(Recording()) as engine:
        await engine.run(links[-1])
        engine.storage.remove_many([links[0].output().key])
        asked.clear()
        assert (await engine.run(links[-1])).ran == 0
        assert links[0].output().key not in asked
