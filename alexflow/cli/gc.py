"""``alexflow gc [KEY …]``: what may go, and with ``--apply`` its removal."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
import time
from collections.abc import Sequence
from typing import Any

from alexflow.checkpoints import KeptCheckpoint, remove_checkpoint
from alexflow.cli import answers
from alexflow.cli.recorded import bytes_in, record_of, seconds_in
from alexflow.cli.status import goes_on
from alexflow.cli.targets import is_live, target_named
from alexflow.cli.wrong_use import WrongUse
from alexflow.engine.targets import read_target
from alexflow.record import Record
from alexflow.retention import (
    Limits,
    Removed,
    Selection,
    Stored,
    StoredOutput,
    merge_segments,
    pins,
    reachable_from,
    remove,
    select,
    stale_checkpoints,
    stored_tasks,
    sweep_notes,
    would_merge,
)
from alexflow.storage import Storage
from alexflow.storage.shown_place import shown_place

#: Ages of the overview that is printed where nothing was asked to go, in days.
AGES = (1, 7, 30, 90)

_DAY = 86_400

#: Outputs that are listed; the others are counted.
OUTPUTS_SHOWN = 20


def execute(options: argparse.Namespace) -> int:
    """Choose what goes, print it, and remove it if that was asked for."""
    record, now = record_of(options), time.time()
    limits = _limits(options, record, now)
    if options.merge_segments:
        if limits != Limits():
            raise WrongUse("--merge-segments removes no output; what is to go is another call")
        return _merge_segments(record.storage, options)
    stored = stored_tasks(record, now)
    if limits == Limits():
        return _overview(stored, options, now)
    protected = _protected(record)
    selection = select(stored, limits, protected, _reachable(record, options))
    checkpoints = stale_checkpoints(record, limits.unused_since, protected)
    if not options.apply:
        _report(stored, selection, None, 0, checkpoints, options)
        return 0
    removed = asyncio.run(remove(record.storage, selection))
    for each in checkpoints:
        remove_checkpoint(record.storage, each)
    swept = record.storage.sweep() + sweep_notes(record.storage, stored.keys - {each.key for each in removed.outputs})
    _report(stored, selection, removed, swept, checkpoints, options)
    return 0


def _merge_segments(storage: Storage, options: argparse.Namespace) -> int:
    space = storage.reserved("record")
    if space is None:
        raise WrongUse(f"{shown_place(storage)} has no record")
    merged = asyncio.run(merge_segments(storage)) if options.apply else would_merge(space)
    if merged.held:
        raise WrongUse("another process is merging the segments of this record")
    if options.json:
        data = {"files": merged.files, "segments": merged.segments, "bytes": merged.bytes, "applied": options.apply}
        answers.print_json({"merge": data})
        return 0
    files, segments = answers.counted(merged.files, "file"), answers.counted(merged.segments, "segment")
    what = f"{files} of the record, {answers.size(merged.bytes)}, into {segments}"
    answers.headline(f"{'merged' if options.apply else 'would merge'} {what}" if merged.files else "nothing to merge")
    if merged.files and not options.apply:
        answers.helps_next(f"{shlex.join(['alexflow', *sys.argv[1:]])} --apply")
    return 0


def _limits(options: argparse.Namespace, record: Record, now: float) -> Limits:
    unused = options.older_than
    return Limits(
        None if unused is None else now - seconds_in(unused, "--older-than"),
        None if options.max_bytes is None else bytes_in(options.max_bytes, "--max-bytes"),
        options.unreachable,
        frozenset(whole for key in options.keys for whole in _whole_keys(record, key)),
    )


def _whole_keys(record: Record, name: str) -> list[str]:
    """Return the key that was named, or began so; of a task all."""
    if record.storage.exists_many([name]):
        return [name]
    entry = record.entry(name)
    if entry.key == record.resolve(name):
        return [entry.key]
    if not entry.outputs:
        raise WrongUse(f"{name} is a task without outputs of its own")
    return [output.key for output in entry.outputs]


def _protected(record: Record) -> set[str]:
    """Return the keys that are pinned or asked for by runs that go on, and of all that those are made from."""
    kept: set[str] = set()
    upstream: list[str] = []
    for each in pins(record.storage):
        kept.add(each.name)
        if each.upstream:
            upstream.append(each.name)
    going_on = {run.id: run for run in record.runs() if goes_on(run)}
    upstream += [target for run in going_on.values() for target in run.targets]
    if going_on:
        upstream += [entry.task_id for entry in record.entries() if entry.run_id in going_on]
    return kept | reachable_from(record, upstream)


def _reachable(record: Record, options: argparse.Namespace) -> set[str]:
    if not options.unreachable:
        return set()
    roots = [each.name for each in pins(record.storage)]
    for text in options.keep:
        if is_live(text):
            request = read_target(target_named(text))
            roots += [task.task_id for task in request.all_tasks]
        else:
            roots.append(record.resolve(text))
    if options.keep_runs is not None:
        since = time.time() - seconds_in(options.keep_runs, "--keep-runs")
        runs = {run.id for run in record.runs() if run.started.timestamp() >= since}
        roots += [entry.task_id for entry in record.entries() if entry.run_id in runs]
        roots += [target for run in record.runs() if run.id in runs for target in run.targets]
    if not roots:
        raise WrongUse("nothing would be kept; name what is with --keep TARGET or --keep-runs AGE, or pin it")
    return reachable_from(record, roots)


def _report(
    stored: Stored,
    selection: Selection,
    removed: Removed | None,
    swept: int,
    checkpoints: Sequence[KeptCheckpoint],
    options: argparse.Namespace,
) -> None:
    outputs: Sequence[StoredOutput] = selection.outputs if removed is None else removed.outputs
    freed = selection.bytes if removed is None else removed.bytes
    gone = set(() if removed is None else removed.outputs)
    data: dict[str, Any] = {
        "remove": _as_data(outputs),
        "bytes": freed,
        "applied": removed is not None,
        "kept": selection.kept,
        "held": [] if removed is None else list(removed.held),
        "swept": swept,
        "checkpoints": [each.task_id for each in checkpoints],
        "stored_bytes": stored.bytes,
        "orphans": _as_data([output for output in stored.orphans if output not in gone]),
    }
    if options.json:
        answers.print_json(data)
        return
    what = f"{answers.counted(len(outputs), 'output')}, {answers.size(freed)}"
    answers.headline(f"would remove {what} of {answers.size(stored.bytes)}" if removed is None else f"removed {what}")
    answers.print_table(
        ("bytes", "key"),
        [(answers.size(output.bytes), output.key) for output in outputs[:OUTPUTS_SHOWN]],
        right=["bytes"],
    )
    if len(outputs) > OUTPUTS_SHOWN:
        print(f"and {len(outputs) - OUTPUTS_SHOWN:,} more; --json has all")
    _print_rest(data, selection)
    if removed is None and outputs:
        answers.helps_next(f"{shlex.join(['alexflow', *sys.argv[1:]])} --apply")
    else:
        answers.helps_next("alexflow status", options.storage)


def _as_data(outputs: Sequence[StoredOutput]) -> list[dict[str, Any]]:
    return [{"key": output.key, "bytes": output.bytes} for output in outputs]


def _print_rest(data: dict[str, Any], selection: Selection) -> None:
    lines = [
        (selection.kept, "stay, because they are pinned or a run that goes on needs them"),
        (len(data["held"]), "stay, because an engine is at work on them"),
        (data["swept"], "stale files swept"),
        (len(data["checkpoints"]), "checkpoints of tasks that are done, or were not run again"),
        (len(data["orphans"]), "without a record, which stay unless they are named"),
    ]
    for count, text in lines:
        if count:
            print(f"{count:,} {text}")


def _overview(stored: Stored, options: argparse.Namespace, now: float) -> int:
    """Print how much there is by when it was used last, so that limits can be chosen."""
    if options.apply:
        raise WrongUse("say what is to go: --older-than AGE, --max-bytes SIZE, --unreachable, or keys")
    ages = [
        (days, [task for task in stored.tasks if task.used is not None and task.used <= now - days * _DAY])
        for days in AGES
    ]
    if options.json:
        unused = [
            {"days": days, "tasks": len(tasks), "bytes": sum(task.bytes for task in tasks)} for days, tasks in ages
        ]
        orphans = [{"key": output.key, "bytes": output.bytes} for output in stored.orphans]
        answers.print_json(
            {
                "remove": [],
                "bytes": 0,
                "applied": False,
                "stored_bytes": stored.bytes,
                "orphans": orphans,
                "unused": unused,
            }
        )
        return 0
    count = sum(len(task.outputs) for task in stored.tasks) + len(stored.orphans)
    answers.headline(f"{answers.counted(count, 'output')}, {answers.size(stored.bytes)}; nothing was asked to go")
    rows = [(f"{days} d", f"{len(tasks):,}", answers.size(sum(task.bytes for task in tasks))) for days, tasks in ages]
    answers.print_table(("unused for", "tasks", "bytes"), rows, right=["unused for", "tasks", "bytes"])
    if stored.orphans:
        size = answers.size(sum(output.bytes for output in stored.orphans))
        outputs = answers.counted(len(stored.orphans), "output")
        print(f"{outputs} without a record, {size}, which stay unless they are named")
    answers.helps_next("alexflow gc --older-than 30d", options.storage)
    return 0
