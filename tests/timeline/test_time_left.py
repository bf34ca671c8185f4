"""The time that is left for a class: by earlier runs of the record while a run has few ends of it, then by its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import pytest

from alexflow import Engine, JSONOutput, LocalStorage, Task, open_record, run
from alexflow.timeline.earlier_runs import EARLIER_COUNT_AS, EarlierRuns, blended
from alexflow.timeline.fold import GIVEN_UP, RETRIED, SUCCEEDED_LATER, TimelineFold
from alexflow.timeline.run_fold import RecordFold, RunFold
from alexflow.timeline.run_view import ClassRow, class_rows
from alexflow.timeline.segments import RecordTail

GATE: dict[str, asyncio.Event] = {}


@pytest.fixture(autouse=True)
def gate() -> Iterator[None]:
    yield
    GATE.clear()


class Waits(Task):
    n: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="x.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        if GATE:
            GATE["begun"].set()
            await GATE["open"].wait()
        else:
            await asyncio.sleep(0.02)
        await output.astore(self.n)


@dataclass(frozen=True)
class Seen(Waits):
    n: int


@dataclass(frozen=True)
class New(Waits):
    n: int


def last_run(storage: LocalStorage) -> RunFold:
    fold = RecordFold()
    for section, line in RecordTail(storage).new_lines():
        fold.add(section, line)
    return fold.runs[max(fold.runs)]


def rows_of(fold: RunFold, under_way: dict[str, int] | None = None, **to_do: int) -> dict[str, ClassRow]:
    names = {f"{__name__}.{name}": count for name, count in to_do.items()}
    return {row.name: row for row in class_rows(fold, under_way, names if to_do else None)}


async def while_it_waits(storage: LocalStorage, tasks: list[Task]) -> RunFold:
    GATE["begun"], GATE["open"] = asyncio.Event(), asyncio.Event()
    async with Engine(storage) as engine:
        asked = asyncio.create_task(engine.run(tasks))
        await GATE["begun"].wait()
        while len((fold := last_run(storage)).under_way()) < len(tasks):  # noqa: ASYNC110  # nothing else says so
            await asyncio.sleep(0.01)
        GATE["open"].set()
        await asked
    return fold


def test_an_earlier_run_says_what_a_class_that_has_not_ended_will_take(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    run([Seen(n) for n in range(3)], storage=storage, progress=False)
    run([Seen(n) for n in range(3, 7)], storage=storage, progress=False)
    recorded = fmean(entry.seconds or 0.0 for entry in open_record(storage).entries(Seen))
    fold = asyncio.run(while_it_waits(storage, [Seen(7), Seen(8), New(1)]))
    assert fold.timeline.count == 0
    assert fold.earlier.seconds(f"{__name__}.Seen") == pytest.approx(recorded)
    lanes = fold.earlier.lanes
    assert lanes
    rows = rows_of(fold)
    assert rows["Seen"].left == pytest.approx(recorded * 2 / min(lanes, 2))
    assert rows["New"].left is None
    assert (rows["New"].under_way, rows["New"].to_do) == (1, None)


def of_two_after_three(place: Path) -> RunFold:
    """A run while two tasks of it wait; three of their class have run before."""
    storage = LocalStorage(place)
    run([Seen(n) for n in range(3)], storage=storage, progress=False)
    return asyncio.run(while_it_waits(storage, [Seen(7), Seen(8)]))


def test_of_an_engine_here_all_that_is_to_do_counts(tmp_path: Path) -> None:
    fold = of_two_after_three(tmp_path)
    mean = fold.earlier.seconds(f"{__name__}.Seen")
    assert mean is not None
    rows = rows_of(fold, {f"{__name__}.Seen": 16}, Seen=160, New=5)
    assert rows["Seen"].left == pytest.approx(mean / 16 * 160)  # as many lanes as tasks run
    assert (rows["Seen"].to_do, rows["New"].to_do, rows["New"].left) == (160, 5, None)


def test_a_runs_own_tasks_soon_say_it_themselves(tmp_path: Path) -> None:
    fold = of_two_after_three(tmp_path)
    earlier = fold.earlier.seconds(f"{__name__}.Seen")
    assert earlier is not None
    lefts = []
    for ended in range(1, 201):  # each took a second, one after the other
        fold.timeline.add(f"{__name__}.Seen", "here", (ended - 1) * 1_000_000, ended * 1_000_000)
        row = rows_of(fold, Seen=10)["Seen"]
        lefts.append(row.left or 0.0)
    assert lefts == sorted(lefts)
    assert lefts[0] == pytest.approx(10 * (1 + earlier * EARLIER_COUNT_AS) / (1 + EARLIER_COUNT_AS))
    assert 9.5 < lefts[-1] < 10


def test_the_mean_is_of_attempts_that_succeeded() -> None:
    timeline = TimelineFold()
    for state, took in ((RETRIED, 900), (SUCCEEDED_LATER, 4_000_000), (0, 2_000_000), (GIVEN_UP, 1)):
        timeline.add("A", "here", 0, took, state)
    earlier = EarlierRuns(lambda: iter([timeline]))
    assert earlier.seconds("A") == 3.0
    assert earlier.seconds("B") is None


def test_without_earlier_runs_a_run_has_itself() -> None:
    assert blended(0.0, 0, None) is None
    assert blended(2.0, 1, None) == 2.0
    assert blended(0.0, 0, 3.0) == 3.0
    assert EarlierRuns(lambda: iter([])).lanes == 0
