"""``alexflow status``."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

from alexflow.checkpoints import kept_checkpoints
from alexflow.cli import answers
from alexflow.cli.recorded import record_of
from alexflow.record import Record, Run
from alexflow.record.engine_process import engine_exists
from alexflow.record.rows_of_storage import make_index_again
from alexflow.storage import Storage
from alexflow.storage.shown_place import shown_place

#: How long a run on another machine that has not ended is taken to go on.
FOREIGN_ALIVE = timedelta(days=7)

#: Unfinished entries that are printed; the others are counted.
UNFINISHED_SHOWN = 10


def execute(options: argparse.Namespace) -> int:
    """Print what a storage holds, how much of it is recorded, and the engines that work on it."""
    record = record_of(options)
    if options.rebuild_index:
        make_index_again(record.storage)
    data = _status(record)
    if options.json:
        answers.print_json(data)
        return 0
    answers.headline(
        f"{answers.counted(data['outputs'], 'output')}, {answers.size(data['bytes'])}; "
        f"{answers.counted(data['entries'], 'task')} and {answers.counted(data['runs'], 'run')} in the record"
    )
    print(f"storage         {shown_place(record.storage)}")
    print(f"without record  {data['without_record']:,}")
    print(f"quarantined     {data['quarantined']:,}")
    print(f"not finished    {len(data['unfinished']):,}")
    for task_id in data["unfinished"][:UNFINISHED_SHOWN]:
        print(f"  {task_id}")
    if len(data["unfinished"]) > UNFINISHED_SHOWN:
        print(f"  and {len(data['unfinished']) - UNFINISHED_SHOWN:,} more")
    if checkpoints := data["checkpoints"]:
        size = answers.size(sum(each["bytes"] or 0 for each in checkpoints))
        print(f"checkpoints     {len(checkpoints):,}, {size}")
        for each in checkpoints[:UNFINISHED_SHOWN]:
            print(f"  {each['task_id']}: {each['name']!r}, saved {each['saves']:,} times")
    answers.print_table(("engine", "host", "run", "since"), [_engine_row(each) for each in data["engines"]])
    answers.helps_next("alexflow runs" if data["runs"] else "alexflow gc", options.storage)
    return 0


def _engine_row(engine: dict[str, Any]) -> tuple[str, ...]:
    return str(engine["pid"]), engine["host"], engine["run_id"], engine["since"]


def _status(record: Record) -> dict[str, Any]:
    storage = record.storage
    rows = [row for row in record.all_rows() if not row.is_named_only]
    recorded = {key: size for row in rows for key, size in row.sizes()}
    count = total = unrecorded = 0
    for key in storage.list():
        count += 1
        size = recorded.get(key)
        unrecorded += key not in recorded
        total += storage.size(key) if size is None else size
    runs = record.runs()
    return {
        "storage": shown_place(storage),
        "outputs": count,
        "bytes": total,
        "entries": len(rows),
        "without_record": unrecorded,
        "quarantined": sum(1 for _ in storage.quarantined()),
        "unfinished": [row.task_id for row in rows if row.finished is None],
        "runs": len(runs),
        "checkpoints": _checkpoints(storage),
        "engines": [_engine(run) for run in runs if goes_on(run)],
    }


def _checkpoints(storage: Storage) -> list[dict[str, Any]]:
    kept = kept_checkpoints(storage)
    return [{"task_id": each.task_id, "name": each.name, "saves": each.saves, "bytes": each.bytes} for each in kept]


def _engine(run: Run) -> dict[str, Any]:
    return {"host": run.host, "pid": run.pid, "run_id": run.id, "since": answers.iso(run.started)}


def goes_on(run: Run) -> bool:
    """Whether a run has not ended and its process is alive, as far as can be seen from this machine.

    Of a process on another machine it is not known; for a week it is taken to be alive.
    """
    if run.ended is not None:
        return False
    exists = engine_exists(run.host, run.pid)
    return datetime.now(UTC) - run.started < FOREIGN_ALIVE if exists is None else exists
