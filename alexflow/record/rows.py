"""Rows: the lines of a section about one task put together, one row for each time that it has run."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from alexflow.identity.digest import DIGEST_SIZE, ID_SPEC, digest_of_preimage
from alexflow.record.fields import plain, references_in
from alexflow.record.lines import (
    NAMED_ONLY,
    REASONS,
    Completion,
    MadeFrom,
    Shape,
)
from alexflow.record.preimages import unpacked
from alexflow.record.segment import Section

MICROS = 1e6  # in a second

_decode_origin = msgspec.msgpack.Decoder(tuple[Any, Any, dict[str, Any]]).decode  # former versions have other specs
_decode_further = msgspec.msgpack.Decoder(dict[str, Any] | None).decode

#: Of bytes that are no MessagePack, or other than they should be, though their checksum is right.
_DAMAGES = ValueError, msgspec.DecodeError


class Row(Struct, array_like=True):
    """One task that has run, or may have.

    Attributes:
        task_id: the task's id.
        cls: its class, ``module:qualname``.
        keys: of its outputs.
        classes: of its outputs, ``module:qualname``.
        preimage: what the id is the digest of, packed if it is long.
        further: fields that are not significant.
        reads: keys of what it reads; None for the outputs in its fields.
        section: the section that it is from.
        finished: seconds since 1970; None if nothing says that it has run.
        begun: the same, of its start.
        completion: what is known of that.
        run_id: the run that it was for.
        code: the digest of its code.
        executor: what ran it.
        tags: its tags.
    """

    task_id: str
    cls: str
    keys: tuple[str, ...]
    classes: tuple[str, ...]
    preimage: Raw
    further: Raw
    reads: tuple[str, ...] | None
    section: Section
    finished: float | None
    begun: float | None
    completion: Completion | None
    run_id: str
    code: str | None
    executor: str
    tags: tuple[str, ...]

    def canonical(self) -> tuple[str | None, str | int | None, dict[str, Any]]:
        """Return the id spec, the version and the canonical fields; none where they are damaged."""
        try:
            return _decode_origin(unpacked(self.preimage))
        except _DAMAGES:
            return None, None, {}

    def significant_fields(self) -> dict[str, Any]:
        """Return the fields that the id depends on, as a document."""
        return {name: plain(value) for name, value in self.canonical()[2].items()}

    def fields(self) -> dict[str, Any]:
        """Return all fields as a document."""
        return self.significant_fields() | {name: plain(value) for name, value in self.further_fields().items()}

    def further_fields(self) -> dict[str, Any]:
        """Return the canonical fields that the id does not depend on; none where they are damaged."""
        try:
            return _decode_further(self.further) or {}
        except _DAMAGES:
            return {}

    @property
    def is_intact(self) -> bool | None:
        """Whether the id is the digest of what it was made from; None where its rule is one of a former version."""
        try:
            preimage = unpacked(self.preimage)
            spec, *_ = _decode_origin(preimage)
        except _DAMAGES:
            return False
        return None if spec != ID_SPEC else self.task_id[-2 * DIGEST_SIZE :] == digest_of_preimage(preimage)

    def input_keys(self) -> tuple[str, ...]:
        """Return the keys that it reads."""
        if self.reads is not None:
            return self.reads
        return tuple(dict.fromkeys(reference["key"] for reference in self.references() if "key" in reference))

    def references(self) -> Iterator[dict[str, Any]]:
        """Yield the tasks and outputs in its significant fields."""
        return references_in(self.significant_fields())

    @property
    def is_named_only(self) -> bool:
        """Whether it is here because others have it among their fields, and nothing says that it has run."""
        return self.executor == NAMED_ONLY

    def sizes(self) -> Iterator[tuple[str, int | None]]:
        """Yield the keys of its outputs with their sizes in bytes, None where that is not known."""
        stored = self.completion.stored if self.completion is not None else ()
        for place, key in enumerate(self.keys):
            known = stored[place] if place < len(stored) else None
            yield key, None if known is None else known[0]

    @property
    def queued(self) -> float | None:
        """Seconds since 1970, of when it had all that it reads; None where that is not known."""
        known = None if self.completion is None else self.completion.queued
        return None if known is None else self.section.header.started + known / MICROS

    @property
    def stored(self) -> int:
        """The bytes that it stored."""
        return sum(size for size, _ in filter(None, self.completion.stored)) if self.completion else 0


def rows_in(section: Section, prefix: str = "") -> Iterator[Row]:
    """Yield the rows of a section: first those of tasks that have run, in their order, then those that may have.

    Args:
        section: the section.
        prefix: of the storage through which it is read: keys outside of it are left out, others lose it.
    """
    done: set[int] = set()
    for completion in section.completions:
        made = section.made.get(completion.task)
        if made is not None:
            done.add(completion.task)
            row = row_of(section, made, completion, prefix)
            if row is not None:
                yield row
    failed = section.given_up()
    for task, made in section.made.items():
        if task not in done:
            row = row_of(section, made, None, prefix)
            if row is not None and (row.is_named_only or may_have_run(row, failed)):
                yield row


def may_have_run(row: Row, failed: Container[str]) -> bool:
    """Whether a task of which no completion is written may have run: its engine was killed, or is at work.

    Args:
        row: the task.
        failed: ids of tasks of its section that were given up.
    """
    return not row.section.closed and row.task_id not in failed and bool(row.keys)


def row_of(section: Section, made: MadeFrom, completion: Completion | None, prefix: str = "") -> Row | None:
    """Return the row of a task, as it is seen through a storage with a prefix; None if nothing of it is seen there."""
    row = _row(section, made, completion)
    return row if _place(row, section.header.prefix, prefix) else None


def newest_first(rows: Iterable[Row]) -> list[Row]:
    """Order the rows of a task: the last finished first, then those that may have run, then those only named."""
    return sorted(rows, key=_age)


def _age(row: Row) -> tuple[bool, bool, float, float]:
    return row.is_named_only, row.finished is None, -(row.finished or 0.0), -row.section.header.started


def _row(section: Section, made: MadeFrom, completion: Completion | None) -> Row:
    shape = section.shapes[made.shape]
    task_id = section.task_id(made)
    begun = finished = None
    run_id = ""
    if completion is not None:
        begun = section.header.started + completion.started / MICROS
        finished = begun + completion.took / MICROS
        run = section.runs.get(completion.run)
        run_id = "" if run is None else run.id
    return Row(
        task_id=task_id,
        cls=shape.cls,
        keys=made.keys or tuple(f"{task_id}{ending}" for ending, _ in shape.outputs),
        classes=tuple(cls for _, cls in shape.outputs),
        preimage=made.preimage,
        further=made.further,
        reads=made.inputs,
        section=section,
        finished=finished,
        begun=begun,
        completion=completion,
        run_id=run_id,
        code=_code_of(section, shape, completion),
        executor=shape.executor,
        tags=shape.tags,
    )


def _code_of(section: Section, shape: Shape, completion: Completion | None) -> str | None:
    """Return the digest of the code that a task of a shape has run: the last one that held from before it."""
    number = 0 if completion is None else completion.task
    held = [line.digest for line in section.codes if line.shape == shape.number and line.first <= number]
    return held[-1] if held else None


def _place(row: Row, inside: str, seen_through: str) -> bool:
    """Rename a row's keys from those of the engine's storage to those of the reader's; False if none is seen there."""
    if inside == seen_through:
        return True
    keys = [f"{inside}{key}" for key in row.keys]
    if not any(key.startswith(seen_through) for key in keys):
        return False
    row.keys = tuple(key.removeprefix(seen_through) for key in keys)
    row.reads = tuple(f"{inside}{key}".removeprefix(seen_through) for key in row.input_keys())
    return True


def has_ended_before(other: Row, row: Row) -> bool:
    """Whether a task had been over when another one began; all that ran are before one that has not."""
    if other.begun == row.begun:  # it is the same: one that took no time has ended when it began
        return False
    return other.finished is not None and (row.begun is None or other.finished <= row.begun)


def generation_read(generations: Sequence[Row], reader: Row) -> Row | None:
    """Return the generation of an output that a task has read: the newest that was there when it began.

    Args:
        generations: of the output, the newest first.
        reader: the task.
    """
    until = reader.finished
    there = [row for row in generations if row.finished is not None and (until is None or row.finished <= until)]
    if reader.begun is not None:
        for row in there:
            if row.finished is not None and row.finished <= reader.begun:
                return row
        return there[-1] if there else None
    return there[0] if there else None


def reason_of(completion: Completion) -> str:
    """Return the reason for which a task ran."""
    return REASONS[completion.reason] if completion.reason < len(REASONS) else ""


def environment_of(section: Section) -> dict[str, Any]:
    """Return the environment of an engine as plain data."""
    environment = section.environment
    named = {"platform": environment.platform, "packages": environment.packages, "commit": environment.commit}
    return {name: value for name, value in named.items() if value} | environment.further
