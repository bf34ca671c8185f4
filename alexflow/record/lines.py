"""The lines of a segment: what each frame of the file holds, as docs/design/record.md states for other readers.

Every line is a MessagePack array whose first item is its kind. A reader passes over kinds that it does not know, and
over further items of those that it does: so a later version can add either.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from itertools import accumulate
from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from alexflow.identity.digest import DIGEST_SIZE
from alexflow.record.preimages import Length, PackedPreimages, packed, unpacked

#: The first line of a file of the record.
RECORD_MAGIC = b"alexflow record 1\n"

#: The ending of a segment's name.
SEGMENT_SUFFIX = ".segment"

#: The beginning of the name of a segment that was merged of others.
MERGED_PREFIX = "merged-"

#: Reasons for which a task ran, by their numbers in a segment. Numbers are never used anew.
REASONS = ("missing", "forced", "lost", "damaged", "upstream")


#: The executor in the shape of tasks that others have among their fields: nothing says that they have run.
NAMED_ONLY = ""

#: In place of a map that is empty.
NIL = Raw(b"\xc0")


#: The end of the year 9999, in seconds since 1970.
_LAST_MOMENT = 253_402_300_799


class SegmentLine(Struct, frozen=True, array_like=True):
    """Base of all lines."""


class SegmentHeader(SegmentLine, frozen=True, array_like=True, tag=0):
    """The first line: the engine that writes the segment.

    Attributes:
        started: seconds since 1970; times in the segment count from here.
        host: the machine's name.
        pid: the process.
        user: the user that runs it.
        version: alexflow's.
        prefix: of keys in the storage that holds the segment, where the engine's storage is a part of that.
    """

    started: Annotated[float, Meta(ge=0, le=_LAST_MOMENT)]
    host: str
    pid: int
    user: str = ""
    version: str = ""
    prefix: str = ""


class EnvironmentLine(SegmentLine, frozen=True, array_like=True, tag=1):
    """The environment of the engine: Python, platform, packages; ``packages`` is a file that lists them."""

    python: str
    platform: str
    packages: str = ""
    commit: str = ""
    further: dict[str, Any] = {}


class Shape(Struct, frozen=True, array_like=True):
    """The properties that tasks of one class share.

    Attributes:
        number: by which the segment refers to it.
        name: the first part of ids: the class's module and name, or its ``task_name``.
        cls: ``module:qualname``.
        executor: what runs it.
        outputs: for each output the end of its key, which begins with the task's id, and its class; a key that does
            not begin so is in the task's own line.
        tags: the tasks' tags.
    """

    number: int
    name: str
    cls: str
    executor: str = ""
    outputs: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()


class ShapesLine(SegmentLine, frozen=True, array_like=True, tag=2):
    """Shapes that the following lines use."""

    shapes: tuple[Shape, ...]


class MadeFrom(Struct, frozen=True, array_like=True):
    """The definition of one task.

    Attributes:
        shape: its shape's number.
        digest: of its id, 20 bytes.
        preimage: the bytes that the id is the digest of: ``[spec, version, fields]``; packed where they are long.
        further: fields that are not significant, as a map of canonical values in MessagePack.
        inputs: keys of what it reads, where these are not the outputs in its fields.
        keys: the keys of its outputs, where one does not begin with its id.
    """

    shape: int
    digest: bytes
    preimage: Raw
    further: Raw = NIL
    inputs: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None


class FurtherOrigin(Struct, frozen=True, array_like=True):
    """Facts about a task besides its preimage, as :class:`MadeFrom` has them; most tasks have none."""

    further: Raw = NIL
    inputs: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None


class MadeFromLine(SegmentLine, frozen=True, array_like=True, tag=3):
    """Tasks that are about to run, or that others have among their fields; written before any of them publishes.

    Attributes:
        first: the number of the first one; the others follow.
        shapes: the numbers of their shapes.
        digests: of their ids, 20 bytes each.
        lengths: of their preimages; none if these are one array in MessagePack.
        preimages: these.
        further: what else is said of some, by their place in the line.
    """

    first: int
    shapes: tuple[int, ...]
    digests: bytes
    lengths: tuple[Length, ...]
    preimages: PackedPreimages
    further: dict[int, FurtherOrigin] = {}

    @classmethod
    def of(cls, first: int, tasks: Sequence[MadeFrom]) -> MadeFromLine:
        """Return the line of some tasks."""
        preimages = [unpacked(made.preimage) for made in tasks]
        further = {
            place: FurtherOrigin(made.further, made.inputs, made.keys)
            for place, made in enumerate(tasks)
            if made.inputs is not None or made.keys is not None or made.further != NIL
        }
        return cls(
            first,
            tuple(made.shape for made in tasks),
            b"".join(made.digest for made in tasks),
            tuple(map(len, preimages)),
            PackedPreimages.of(preimages),
            further,
        )

    def named(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield number, shape and digest of each task: less than half of the work of :meth:`tasks`."""
        for place, shape in enumerate(self.shapes):
            yield self.first + place, shape, self.digests[DIGEST_SIZE * place : DIGEST_SIZE * (place + 1)]

    def numbered(self, shapes: Container[int]) -> Iterator[tuple[int, MadeFrom]]:
        """Yield the tasks with their numbers, but for those whose shape no line has."""
        return (each for each in enumerate(self.tasks(), self.first) if each[1].shape in shapes)

    def tasks(self) -> list[MadeFrom]:
        """Return the tasks; none where what the line says does not fit together."""
        try:
            preimages = self._one_by_one() if self.lengths else self.preimages.in_columns(len(self.shapes))
        except ValueError:
            return []
        if not len(self.shapes) == len(preimages) == len(self.digests) / DIGEST_SIZE:
            return []
        found = []
        for (number, shape, digest), bare in zip(self.named(), preimages, strict=True):
            preimage, further = packed(bare), self.further.get(number - self.first)
            if further is None:
                found.append(MadeFrom(shape, digest, preimage))
            else:
                found.append(MadeFrom(shape, digest, preimage, further.further, further.inputs, further.keys))
        return found

    def _one_by_one(self) -> list[bytes]:
        joined, ends = self.preimages.joined(), tuple(accumulate(self.lengths))
        if ends[-1] != len(joined):
            raise ValueError("packed preimages are damaged: their lengths do not fit them")
        return [joined[end - length : end] for length, end in zip(self.lengths, ends, strict=True)]


class Completion(Struct, frozen=True, array_like=True):
    """A task that has run.

    Attributes:
        task: its number in this segment.
        started: microseconds from the segment's start.
        took: microseconds of the last attempt, as measured where it ran.
        stored: for each output its size in bytes and the digest of its bytes; None for one that was not published.
        run: the number of the run.
        reason: why it ran, by number.
        attempts: how many it took.
        cpu: microseconds of processor time, of the last attempt.
        rss: peak of the worker's memory during the attempt, in bytes.
        worker: its process.
        generated: the number of children of a dynamic task; None for others.
        host: the machine, if it is another one than the engine's.
        queued: microseconds from the segment's start to when it had all that it reads; None where that is not known.
    """

    task: int
    started: int
    took: int
    stored: tuple[tuple[int, bytes] | None, ...] = ()
    run: int = 0
    reason: int = 0
    attempts: int = 1
    cpu: int | None = None
    rss: int | None = None
    worker: int = 0
    generated: int | None = None
    host: str = ""
    queued: int | None = None


class CompletionLine(SegmentLine, frozen=True, array_like=True, tag=4):
    """Tasks that have run and have published."""

    tasks: list[Completion]


class Ended(Struct, frozen=True, array_like=True):
    """A task that has run, as an engine notes it: all that is not in it is that of :class:`Completion`.

    Attributes:
        mark: its number, that of the run and whether it was forced, as :data:`MARK_TASK` and :data:`MARK_RUN` say.
        queued: as in a completion.
        seconds: of the last attempt.
        ended: when that ended, in seconds of the monotonic clock.
    """

    mark: Annotated[int, Meta(ge=0)]
    queued: int
    seconds: Annotated[float, Meta(ge=-_LAST_MOMENT, le=_LAST_MOMENT)]
    ended: Annotated[float, Meta(ge=-_LAST_MOMENT, le=_LAST_MOMENT)]
    stored: tuple[tuple[int, bytes] | None, ...] = ()
    cpu: int | None = None
    rss: int | None = None
    worker: int = 0
    attempts: int = 1
    generated: int | None = None
    host: str = ""

    def completion(self, at: int, now: float) -> Completion:
        """Return the same with all times and numbers apart.

        Args:
            at: when the engine had word of it, in microseconds from the segment's start.
            now: the same moment by the monotonic clock.
        """
        took, run = int(self.seconds * 1e6), self.mark >> 1 & MARK_RUN
        since = max(0.0, now - self.ended) + self.seconds
        return Completion(
            *(self.mark >> MARK_TASK, at - int(since * 1e6), took, self.stored, run, self.mark & 1, self.attempts),
            *(self.cpu, self.rss, self.worker, self.generated, self.host, self.queued),
        )


#: Where the number of a task begins in a mark, in bits, and what the number of its run may be.
MARK_TASK, MARK_RUN = 32, 2**31 - 1


class EndedLine(SegmentLine, frozen=True, array_like=True, tag=13):
    """Tasks that have run and have published, in groups; each has the moment at which the engine had word of it.

    That is in microseconds from the segment's start, and in seconds of the monotonic clock, by which the tasks ended.
    An engine notes them so, for half of the time that completions take.
    """

    groups: list[tuple[int, Annotated[float, Meta(ge=-_LAST_MOMENT, le=_LAST_MOMENT)], list[Ended]]]

    def completions(self) -> CompletionLine:
        """Return the same as completions."""
        return CompletionLine([ended.completion(at, now) for at, now, group in self.groups for ended in group])


#: The attribute of a run that a task has asked for: the id of the task's own run.
WITHIN = "alexflow.within"


class RunBegunLine(SegmentLine, frozen=True, array_like=True, tag=5):
    """A run: a request to an engine.

    Attributes:
        number: by which the segment refers to it.
        id: unique and sortable by time.
        at: microseconds from the segment's start.
        targets: ids of tasks and keys of outputs, at most some.
        about: the command line, the working directory, options.
    """

    number: int
    id: str
    at: int
    targets: tuple[str, ...] = ()
    about: dict[str, Any] = {}

    @property
    def within(self) -> str | None:
        """The id of the run of the task that has asked for it; None if no task has."""
        within = self.about.get("attributes", {}).get(WITHIN)
        return within if isinstance(within, str) else None


class AttemptLine(SegmentLine, frozen=True, array_like=True, tag=6):
    """An attempt that failed.

    Attributes:
        run: the run's number; 0 where that is not known.
        task_id: the task.
        at: microseconds from the segment's start.
        attempt: its number, from 1 on.
        is_last: whether the task was given up.
        error: the message.
        traceback: of the task's own code.
        tail: the end of what it printed: standard output and standard error.
        worker: its process.
        took: microseconds, as measured where it ran; 0 if that is not known, as when its worker died.
        host: the machine of that process, if an agent hosted it.
    """

    run: int
    task_id: str
    at: int
    attempt: int
    is_last: bool
    error: str
    traceback: str = ""
    tail: tuple[str, str] = ("", "")
    worker: int = 0
    took: int = 0
    host: str = ""


class RunEndedLine(SegmentLine, frozen=True, array_like=True, tag=7):
    """The end of a run.

    Attributes:
        number: the run's.
        at: microseconds from the segment's start.
        outcome: ``done``, ``failed``, ``cancelled`` or ``error``.
        counts: tasks that ran, that were there, that failed, that were skipped.
        skipped: ids of those, at most some.
        error: what ended it, if that is no task.
        cancelled: ids of tasks that were under way for it and were cancelled with it, at most some.
    """

    number: int
    at: int
    outcome: str
    counts: tuple[int, int, int, int] = (0, 0, 0, 0)
    skipped: tuple[str, ...] = ()
    error: str = ""
    cancelled: tuple[str, ...] = ()


class CodeLine(SegmentLine, frozen=True, array_like=True, tag=8):
    """The code of a class: the digest of what its tasks run.

    Attributes:
        shape: the number of the class's shape.
        first: the number of the first task for which it holds.
        digest: of the code as a whole.
        parts: names with their digests; None where a file of the space has them, named ``code-`` and the digest.
        marks: what could not be seen, or only be guessed.
    """

    shape: int
    first: int
    digest: str
    parts: tuple[tuple[str, str], ...] | None = None
    marks: tuple[str, ...] = ()


class ClosedLine(SegmentLine, frozen=True, array_like=True, tag=9):
    """The last line of a segment whose engine came to its end: nothing that ran is missing."""

    at: int


class ReportLine(SegmentLine, frozen=True, array_like=True, tag=12):
    """Progress that a running task has reported; of many reports some, and the last one.

    Attributes:
        run: the run's number; 0 where that is not known.
        task_id: the task.
        at: microseconds from the segment's start.
        attempt: the number of the attempt, from 1 on.
        step: the step that was done.
        of: how many there are.
        values: what else it reported.
    """

    run: int
    task_id: str
    at: int
    attempt: int
    step: int | None = None
    of: int | None = None
    values: dict[str, None | bool | int | float | str] = {}


class MergedLine(SegmentLine, frozen=True, array_like=True, tag=10):
    """The first line of a merged segment, before any header.

    Attributes:
        names: the segments that it stands for.
    """

    names: tuple[str, ...]


AnyLine = (
    SegmentHeader
    | EnvironmentLine
    | ShapesLine
    | MadeFromLine
    | CompletionLine
    | EndedLine
    | RunBegunLine
    | AttemptLine
    | RunEndedLine
    | CodeLine
    | ClosedLine
    | ReportLine
    | MergedLine
)
