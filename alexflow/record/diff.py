"""From records to comparisons of outputs, runs and storages. Only the record is read, unless values are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from alexflow.model import AbstractTask, Output, keys_of
from alexflow.record.changes import changes_between
from alexflow.record.comparison import Comparison, OutputDifference, compare_entries, compare_outputs
from alexflow.record.entry import Entry, EntryOutput
from alexflow.record.loaded_values import compare_values, outputs_of, stored_digest
from alexflow.record.record import Record, check_record
from alexflow.storage import Storage


def diff_outputs(
    first: Record,
    key: str | Output[Any] | AbstractTask,
    second: Record,
    other: str | Output[Any] | AbstractTask,
    *,
    values: bool = False,
) -> Comparison:
    """Compare two outputs, or the outputs of two tasks, and what they were made from.

    Args:
        first: the record of the first.
        key: an output, a task, or how its key or id begins.
        second: the record of the second; it may be the same.
        other: the second output or task.
        values: whether outputs of which the bytes differ are loaded, and the first difference of their values is
            found. The tasks' classes are imported for that.

    Raises:
        NotRecorded: a record does not have one.
        AmbiguousKey: a beginning fits several.
        DocumentError: a class cannot be imported (``values=True``).
    """
    check_record("first", first)
    check_record("second", second)
    rows = first.row(key), second.row(other)

    def row_of(task_id: str) -> Any:
        return second.row_of_task(task_id) or first.row_of_task(task_id)

    entries = _with_digests(first.entry(key), first.storage), _with_digests(second.entry(other), second.storage)
    compared = compare_entries(*entries, changes_between(*rows, row_of))
    if not values or compared.equal:
        return compared
    tasks = entries[0].task(), entries[1].task()
    pairs = zip(outputs_of(tasks[0]), outputs_of(tasks[1]), strict=False)
    by_key = {keys_of(one)[0]: (one, two) for one, two in pairs}
    found = tuple(_with_value(each, by_key, first.storage, second.storage) for each in compared.differences)
    return replace(compared, differences=found)


def _with_digests(entry: Entry, storage: Storage) -> Entry:
    """Complete an entry with digests of outputs that the record has none of: these are read."""
    outputs = tuple(
        output if output.digest is not None else output._replace(digest=stored_digest(storage, output.key))
        for output in entry.outputs
    )
    return replace(entry, outputs=outputs)


def _with_value(
    difference: OutputDifference, outputs: dict[str, tuple[Output[Any], Output[Any]]], before: Storage, after: Storage
) -> OutputDifference:
    pair = outputs.get(difference.key.partition(" → ")[0])
    if difference.kind != "bytes" or pair is None:
        return difference
    values = compare_values(pair[0], before, pair[1], after)
    return replace(difference, value=values.difference)


def diff_runs(record: Record, first: str, second: str) -> Comparison:
    """Compare what two runs have made, by key.

    Args:
        record: the record of both.
        first: the id of a run, or how it begins.
        second: that of another.

    Raises:
        NotRecorded: there is no such run.
        AmbiguousKey: a beginning fits several.
    """
    check_record("record", record)
    ids = record.run(first).id, record.run(second).id
    return compare_outputs(_made_by(record, ids[0]), _made_by(record, ids[1]))


def diff_storages(first: Record, second: Record) -> Comparison:
    """Compare two storages by their keys and the digests in their records: one listing of each, and no output is read.

    An output of which a record has no digest is compared by its being there alone, and counts as ``unknown``.
    """
    check_record("first", first)
    check_record("second", second)
    return compare_outputs(_present(first), _present(second))


def _made_by(record: Record, run_id: str) -> Iterator[EntryOutput]:
    for entry in record.all_generations():
        if entry.run_id == run_id:
            yield from entry.outputs


def _present(record: Record) -> Iterator[EntryOutput]:
    known = {output.key: output for entry in record.entries() for output in entry.outputs}
    for key in record.storage.list():
        yield known.get(key) or EntryOutput(key, None, None)
