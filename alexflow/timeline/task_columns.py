"""The tasks of one run in columns, with what each read: all that a report needs beside the timeline.

Dearer than the fold: about 90 bytes a task and 5 an edge. It is made when a report is written, of one run, from a
second reading of its lines, and nothing of it stays.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import Any

import msgspec

from alexflow.record.fields import plain, references_in
from alexflow.record.lines import Completion, MadeFrom, MadeFromLine, SegmentHeader, Shape
from alexflow.record.preimages import unpacked
from alexflow.storage import Storage
from alexflow.timeline.run_fold import FoldedAttempt, RecordFold, RunFold, SectionFold
from alexflow.timeline.storage_lines import lines_in, segments_of

_DIGEST = re.compile(rb"\.([0-9a-f]{40})")
_IN_KEY = re.compile(r"\.([0-9a-f]{40})")
_TASK_TAG = b"\xa4task"
_SIZE = 20  # bytes of a digest
_MADE_FROM = (3,)  # the kind of lines that say what tasks are made from


class TaskColumns:
    """The attempts of one run, those of one lane in the order of their ends.

    A task has a *number*, in the order in which the record names them, and each of its attempts an *index*.

    Attributes:
        run: the run, folded.
        number: of each attempt's task.
        lane, place_in_lane: the number of its lane in the timeline, and how many are before it there.
        cls: the number of its class in the timeline.
        start, end: microseconds from the run's start.
        cpu: microseconds of processor time; -1 where it is not known.
        rss: of its worker, in bytes; 0 where it is not known.
        stored: bytes.
        attempts: the attempt's number.
        state: how it ended.
        index_of: for each number the index of the attempt that succeeded; -1 if none did.
    """

    def __init__(self) -> None:
        self.run: RunFold | None = None
        self.number, self.lane, self.place_in_lane = array("I"), array("I"), array("I")
        self.cls, self.attempts = array("H"), array("H")
        self.start, self.end, self.cpu, self.rss, self.stored = (array("q") for _ in range(5))
        self.state = bytearray()
        self.index_of = array("i")
        self._sizes: dict[int, tuple[int, ...]] = {}  # of the outputs of tasks with several, by index
        self._numbers: dict[bytes, int] = {}
        self._digests = bytearray()
        self._shapes: dict[tuple[str, tuple[str, ...]], int] = {}  # names, and how the outputs' keys end
        self._shape_of = array("H")
        self._tag_sets: dict[tuple[str, ...], int] = {}
        self._tags_of = array("H")
        self._children: dict[int, list[int]] = {}  # of dynamic tasks, those that make their outputs
        self._several: set[int] = set()  # shapes with several outputs
        self._parents, self._output_of, self._parents_at = array("I"), bytearray(), array("I", [0])
        self._of_section: dict[int, array[int]] = {}
        self._keys: dict[str, int] = {}  # of outputs whose keys do not begin with a task's id
        self._late: list[tuple[int, MadeFrom]] = []  # tasks that read others which the record names later

    def __len__(self) -> int:
        return len(self.number)

    # -- reading

    def add_made(self, section: SectionFold, line: MadeFromLine) -> None:
        """Note what tasks are made from."""
        numbers = self._of_section.setdefault(id(section), array("I"))
        numbers.extend([0] * max(0, line.first + len(line.shapes) - len(numbers)))
        for at, made in enumerate(line.tasks(), line.first):
            number = self._numbers.get(made.digest)
            if number is None:
                number = self._numbers[made.digest] = len(self._numbers)
                self._add_task(section.shapes[made.shape], made)
                self._add_parents(number, made)
                for key in made.keys or ():
                    self._keys[key] = number
                if made.inputs is not None and not section.shapes[made.shape].outputs:
                    self._add_child(number, made)
            numbers[at] = number

    def _add_task(self, recorded: Shape, made: MadeFrom) -> None:
        shape = recorded.name, tuple(ending for ending, _ in recorded.outputs)
        at = self._shapes.setdefault(shape, len(self._shapes))
        if len(recorded.outputs) > 1:
            self._several.add(at)
        self._shape_of.append(at)
        self._tags_of.append(self._tag_sets.setdefault(recorded.tags, len(self._tag_sets)))
        self._digests += made.digest
        self.index_of.append(-1)

    def _add_child(self, number: int, made: MadeFrom) -> None:
        """Note the dynamic task whose outputs a task makes, which has none of its own: a field names one unread."""
        for key in set(_keys_in_fields(made)).difference(made.inputs or ()):
            found = _IN_KEY.search(key)
            generator = None if found is None else self._numbers.get(bytes.fromhex(found[1]))
            if generator is not None:
                self._children.setdefault(generator, []).append(number)

    def _add_parents(self, number: int, made: MadeFrom, *, settled: bool = False) -> None:
        digests = _digests_read(made)
        known = [self._numbers.get(digest) for digest in digests]
        if None in known or made.inputs is not None:
            if not settled:
                self._late.append((number, made))
                self._parents_at.append(len(self._parents))
                return
            found = self._by_key(made)
        elif self._several and any(self._shape_of[each] in self._several for each in known if each is not None):
            found = self._by_key(made)
        else:
            found = [(each, 0) for each in dict.fromkeys(known) if each is not None]
        for parent, output in found:
            if parent != number:
                self._parents.append(parent)
                self._output_of.append(output)
        if not settled:
            self._parents_at.append(len(self._parents))

    def _by_key(self, made: MadeFrom) -> list[tuple[int, int]]:
        """Return the tasks that one has read, each with the number of the output among that task's."""
        names = list(self._shapes)
        found: list[tuple[int, int]] = []
        for key in _keys_read(made):
            number = self._keys.get(key)
            match = _IN_KEY.search(key)
            if number is None and match is not None:
                number = self._numbers.get(bytes.fromhex(match[1]))
            if number is not None:
                endings = names[self._shape_of[number]][1]
                ending = "" if match is None else key[match.end() :]
                found.append((number, min(endings.index(ending), 255) if ending in endings else 0))
        return list(dict.fromkeys(found))

    def add_attempt(self, run: RunFold, folded: FoldedAttempt) -> None:
        """Note an attempt that has ended."""
        line, index = folded.line, len(self.number)
        if isinstance(line, Completion):
            number = self._of_section[id(folded.section)][line.task]
            if self._shape_of[number] in self._several:
                self._sizes[index] = tuple(0 if each is None else each[0] for each in line.stored)
            self.index_of[number] = index
            self.cpu.append(-1 if line.cpu is None else line.cpu)
            self.rss.append(line.rss or 0)
            self.stored.append(sum(each[0] for each in line.stored if each is not None))
            self.attempts.append(min(line.attempts, 65_535))
        else:
            number = self._numbers[bytes.fromhex(line.task_id[-2 * _SIZE :])]
            self.cpu.append(-1)
            self.rss.append(0)
            self.stored.append(0)
            self.attempts.append(min(line.attempt, 65_535))
        self.number.append(number)
        self.lane.append(folded.lane.number)
        self.place_in_lane.append(folded.lane.count - 1)
        self.cls.append(run.timeline.class_number(folded.cls))
        self.start.append(folded.start)
        self.end.append(folded.end)
        self.state.append(folded.state)

    def settle(self) -> None:
        """Add what was read of tasks that the record named later, or by their keys."""
        late, self._late = dict(self._late), []
        before, places, outputs = self._parents, self._parents_at, self._output_of
        if not late:
            return
        self._parents, self._parents_at, self._output_of = array("I"), array("I", [0]), bytearray()
        for number in range(len(self.index_of)):
            if number in late:
                self._add_parents(number, late[number], settled=True)
            else:
                self._parents += before[places[number] : places[number + 1]]
                self._output_of += outputs[places[number] : places[number + 1]]
            self._parents_at.append(len(self._parents))

    # -- asking

    def digest(self, index: int) -> bytes:
        """Return the digest of the id of an attempt's task."""
        number = self.number[index]
        return bytes(self._digests[number * _SIZE : number * _SIZE + _SIZE])

    def task_id(self, index: int) -> str:
        """Return the id of an attempt's task."""
        names = list(self._shapes)
        return f"{names[self._shape_of[self.number[index]]][0]}.{self.digest(index).hex()}"

    def parents(self, index: int) -> list[int]:
        """Return the indices of the tasks of the run whose outputs a task has read."""
        number, index_of = self.number[index], self.index_of
        read = self._parents[self._parents_at[number] : self._parents_at[number + 1]]
        return [at for each in read if (at := index_of[each]) >= 0]

    def children(self, index: int) -> list[int]:
        """Return the indices of the tasks of the run that have made the outputs of a dynamic task."""
        index_of = self.index_of
        return [at for each in self._children.get(self.number[index], ()) if (at := index_of[each]) >= 0]

    def tags(self, index: int) -> tuple[str, ...]:
        """Return the tags of an attempt's task."""
        return list(self._tag_sets)[self._tags_of[self.number[index]]]

    def reads(self, index: int) -> Iterator[tuple[int, int]]:
        """Yield the tasks of the run of which a task has read an output, each with the output's size in bytes."""
        number = self.number[index]
        for place in range(self._parents_at[number], self._parents_at[number + 1]):
            at = self.index_of[self._parents[place]]
            if at >= 0:
                sizes, output = self._sizes.get(at), self._output_of[place]
                yield at, self.stored[at] if sizes is None else sizes[output] if output < len(sizes) else 0


def _digests_read(made: MadeFrom) -> list[bytes]:
    """Return the digests of the tasks whose outputs a task reads, where they are all in its fields."""
    if made.inputs is not None:
        return []
    preimage = unpacked(made.preimage)
    if _TASK_TAG not in preimage:
        return [bytes.fromhex(digits.decode()) for digits in _DIGEST.findall(preimage)]
    return [bytes.fromhex(found[1]) for key in _keys_read(made) if (found := _IN_KEY.search(key))]


def _keys_read(made: MadeFrom) -> list[str]:
    return _keys_in_fields(made) if made.inputs is None else list(made.inputs)


def _keys_in_fields(made: MadeFrom) -> list[str]:
    fields = {name: plain(value) for name, value in msgspec.msgpack.decode(unpacked(made.preimage))[2].items()}
    return [str(each["key"]) for each in references_in(fields) if "key" in each]


def read_run(storage: Storage, run_id: str) -> TaskColumns:
    """Read one run from a storage's record; files that do not name it are passed over.

    Args:
        storage: the storage.
        run_id: the whole id of a run that is there.
    """
    columns = TaskColumns()

    def take(run: RunFold, folded: FoldedAttempt) -> None:
        if run.begun.id == run_id:
            columns.add_attempt(run, folded)

    fold = RecordFold(take)
    number = 0
    for _, data in segments_of(storage):
        if run_id.encode() not in data:
            continue
        for line in lines_in(data):
            if isinstance(line, SegmentHeader):
                number += 1
            fold.add(number, line)
            if isinstance(line, MadeFromLine):
                columns.add_made(fold.sections[number], line)
    columns.run = fold.runs[run_id]
    columns.settle()
    return columns


def fields_of(storage: Storage, run_id: str, digests: set[bytes]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield the fields of some tasks as documents, by the tasks' digests, from one more reading of their run.

    Args:
        storage: the storage.
        run_id: the run.
        digests: the tasks'.
    """
    wanted = set(digests)
    for _, data in segments_of(storage):
        if run_id.encode() in data:
            for line in lines_in(data, _MADE_FROM):
                if isinstance(line, MadeFromLine):
                    for made in line.tasks():
                        if made.digest in wanted:
                            wanted.discard(made.digest)
                            yield made.digest, _fields(made)


def _fields(made: MadeFrom) -> dict[str, Any]:
    significant = msgspec.msgpack.decode(unpacked(made.preimage))[2]
    further = msgspec.msgpack.decode(made.further) or {}
    return {name: plain(value) for name, value in (significant | further).items()}
