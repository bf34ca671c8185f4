"""A table of workers has one row for an event loop, however many tasks that ran at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import alexflow
from alexflow import JSONOutput, LocalStorage, Task, TaskOptions
from alexflow.report.writing import report_page
from alexflow.timeline.place_rows import place_rows
from alexflow.timeline.run_fold import RecordFold
from alexflow.timeline.segments import RecordTail
from alexflow.web.messages import changes


@dataclass(frozen=True)
class Waits(Task):
    n: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        await asyncio.sleep(0.05)
        await output.astore(self.n)


@dataclass(frozen=True)
class InThread(Waits):
    options = TaskOptions(executor="thread")

    def run(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        output.store(self.n)


def test_lanes_of_an_event_loop_are_one_row(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    alexflow.run([*map(Waits, range(30)), *map(InThread, range(3))], storage=storage, progress=False)
    fold = RecordFold()
    for section, line in RecordTail(storage).new_lines():
        fold.add(section, line)
    (run,) = fold.runs.values()
    assert len(run.timeline.lanes) > 20, "they ran at the same time"
    rows = place_rows(run)
    (loop,) = (row for row in rows if not row.is_bounded)
    assert loop.tasks == 30
    assert sum(row.tasks for row in rows) == 33
    whole = loop.end - loop.begun
    assert loop.busy_text(whole) == f"{loop.busy / whole:.1f} at once"
    assert [row.busy_text(2 * row.busy) for row in rows if row.is_bounded] == ["50%"] * (len(rows) - 1)
    shown = changes(run, (), None)["tables"]["workers"]
    assert [row[0] for row in shown] == [row.name for row in rows]
    page = report_page(storage, run.begun.id)
    assert f"<td>{loop.name}</td>" in page
    assert f"<td>{loop.name} (2)</td>" not in page
