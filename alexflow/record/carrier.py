"""The record of what is copied to another storage, written to the record of that one.

Each engine of which something is copied becomes a section of one segment, with its header, its environment and its
times: what the tasks were made from, what came of them, their runs and the state of their code. It is written before
the outputs are, so none is visible without it, and after the cards that the tasks made in these runs. A task among the
fields of another, of which nothing is copied, is named only, as an engine does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import msgspec

from alexflow.cards.kept import copy_cards
from alexflow.logs import logger
from alexflow.record.frames import frame_of
from alexflow.record.lines import (
    NAMED_ONLY,
    RECORD_MAGIC,
    ClosedLine,
    CodeLine,
    CompletionLine,
    MadeFrom,
    MadeFromLine,
    SegmentHeader,
    SegmentLine,
    Shape,
    ShapesLine,
)
from alexflow.record.record import Record
from alexflow.record.rows import Row
from alexflow.record.segment import Section
from alexflow.record.segment_writer import new_segment_name
from alexflow.record.surroundings import PACKAGES_PREFIX
from alexflow.storage import Storage
from alexflow.storage.reserved import ReservedSpace

_DIGITS = 40  # of the digest in an id

_encode = msgspec.msgpack.Encoder().encode


class RecordCarrier:
    """Carries the record of outputs from one storage to another. Its methods block.

    Args:
        source: where the outputs are.
        target: where they are to be.
    """

    def __init__(self, source: Storage, target: Storage):
        self._source = source
        self._target = target
        self._space = target.reserved("record")
        self._record = Record(source)

    @cached_property
    def _known(self) -> set[str]:
        return {row.task_id for row in Record(self._target).all_rows() if not row.is_named_only}

    def carry(self, keys: Iterable[str]) -> None:
        """Write what is known of outputs that are about to be copied; of those that have no record, nothing.

        If one of the two records cannot be read or written, a warning says so once, and copying goes on.
        """
        if self._space is None:
            return
        try:
            self._carry(keys, self._space)
        except Exception as error:  # the disk's, or the network's, or a record of a later version
            self._space = None
            logger.warning("no longer carrying the record of what is copied; the outputs are: %s", error)

    def _carry(self, keys: Iterable[str], space: ReservedSpace) -> None:
        rows = {row.task_id: row for row in self._record.newest_rows(keys) if row.task_id not in self._known}
        if not rows:
            return
        self._known |= rows.keys()
        copy_cards(self._source, self._target, {row.task_id: row.run_id for row in rows.values()})
        by_section: dict[int, list[tuple[Row, bool]]] = {}
        for row, is_copied in [*((row, True) for row in rows.values()), *((row, False) for row in self._named(rows))]:
            by_section.setdefault(id(row.section), []).append((row, is_copied))
        data = [RECORD_MAGIC]
        for wanted in by_section.values():
            section = wanted[0][0].section
            self._carry_packages(section, space)
            data += (frame_of(_encode(line)) for line in self._lines(section, wanted, space.prefix))
        space.write(new_segment_name(), b"".join(data))

    def _named(self, rows: dict[str, Row]) -> list[Row]:
        """The tasks behind these that are not carried themselves."""
        found: dict[str, Row] = {}
        pending = list(rows.values())
        for row in pending:  # grows
            for reference in row.references():
                task_id = reference.get("id") or reference.get("task", "")
                if task_id not in rows and task_id not in found and task_id not in self._known:
                    behind = self._record.row_of_task(task_id)
                    if behind is not None:
                        found[task_id] = behind
                        pending.append(behind)
        return list(found.values())

    def _carry_packages(self, section: Section, to: ReservedSpace) -> None:
        name = f"{PACKAGES_PREFIX}{section.environment.packages}.txt"
        if not section.environment.packages or name in to.names():
            return
        for space in self._source.reserved_below("record"):
            try:
                to.write(name, space.read(name))
                return
            except FileNotFoundError:
                continue

    def _lines(self, section: Section, rows: Sequence[tuple[Row, bool]], prefix: str) -> list[SegmentLine]:
        header = section.header
        made, shapes, codes, completions = [], [], [], []
        for number, (row, is_copied) in enumerate(rows):
            shape = _shape(number, row, is_copied)
            shapes.append(shape)
            made.append(_made_from(shape, row, is_copied))
            if is_copied and row.code is not None:
                units = self._record.code_units(row.code)
                codes.append(CodeLine(number, number, row.code, units, self._record.code_marks(row.code)))
            if is_copied and row.completion is not None:
                completions.append(msgspec.structs.replace(row.completion, task=number))
        runs = {completion.run for completion in completions}
        return [
            SegmentHeader(header.started, header.host, header.pid, header.user, header.version, prefix),
            section.environment,
            *(section.runs[run] for run in sorted(runs) if run in section.runs),
            ShapesLine(tuple(shapes)),
            *codes,
            MadeFromLine.of(0, made),
            CompletionLine(completions),
            *(section.ended[run] for run in sorted(runs) if run in section.ended),
            *([ClosedLine(0)] if section.closed else []),
        ]


def _shape(number: int, row: Row, is_copied: bool) -> Shape:
    name = row.task_id.rpartition(".")[0]
    if not is_copied:
        return Shape(number, name, row.cls, NAMED_ONLY)
    ends = [key[len(row.task_id) :] if key.startswith(row.task_id) else "" for key in row.keys]
    return Shape(number, name, row.cls, row.executor, tuple(zip(ends, row.classes, strict=False)), row.tags)


def _made_from(shape: Shape, row: Row, is_copied: bool) -> MadeFrom:
    follow = all(key.startswith(row.task_id) for key in row.keys)
    digest = bytes.fromhex(row.task_id[-_DIGITS:])
    keys = None if follow or not is_copied else row.keys
    return MadeFrom(shape.number, digest, row.preimage, row.further, row.reads, keys)
