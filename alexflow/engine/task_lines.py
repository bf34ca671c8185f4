"""Lines of the record for tasks: what each is made from, in as few bytes and steps as there can be."""

from __future__ import annotations

import sys
from binascii import unhexlify
from collections.abc import Iterator
from typing import Any, cast

from msgspec import Raw

from alexflow.graph import Described
from alexflow.hooks import passes
from alexflow.identity import children, qualified_name
from alexflow.logs import logger
from alexflow.model import AbstractTask, Output, flatten, keys_of
from alexflow.model.class_info import class_info
from alexflow.model.made_from import origin_and_outputs, origin_of
from alexflow.record.lines import NAMED_ONLY, NIL, Shape
from alexflow.record.preimages import PreimagePacker
from alexflow.scheduler import TaskSpec

#: Shapes of one class. Where keys differ from task to task in more than their ids, they are in the tasks' own lines.
MOST_SHAPES = 16

#: The form of an output or a task among the fields, in canonical MessagePack.
_OUTPUT_TAG = b"\xa6output"
_TASK_TAG = b"\xa4task"
_SOURCES = "alexflow.sources.external"
_SOURCE_NAME = b"alexflow.sources.external.Known."

_DIGITS = 40  # of the digest at the end of an id

#: In place of the last shape of a class that has had none: no key ends so.
_NO_SHAPE: tuple[str, tuple[str, ...], int] = "\0", (), 0

#: The kind of the line, and the items of :class:`~alexflow.record.lines.OtherOrigin`.
_MADE_FROM = 3
OtherItems = tuple[Raw, tuple[str, ...] | None, tuple[str, ...] | None]


class TaskLines:
    """Makes lines for one segment.

    Attributes:
        new_shapes: shapes that no line of the segment has yet; to be taken before the tasks' line is written.
        classes: the class of each shape of tasks that run, by number.
    """

    def __init__(self) -> None:
        self.new_shapes: list[Shape] = []
        self.classes: dict[int, type] = {}
        self._shapes: dict[Any, int] = {}
        self._next_shape = 0
        self._of_class: dict[type, int] = {}
        self._last: dict[type, tuple[str, tuple[str, ...], int]] = {}  # the last shape of a class with one output
        self._named: set[str] = set()  # tasks among fields that have a line, by id
        self._packer = PreimagePacker()
        self._clear()

    def _clear(self) -> None:
        # of the tasks that were added, column by column
        self._shapes_of: list[int] = []
        self._digests: list[bytes] = []
        self._preimages: list[bytes] = []
        self._others: dict[int, OtherItems] = {}

    def __len__(self) -> int:
        """Count the tasks that were added, and are in no line."""
        return len(self._digests)

    def take(self, first: int) -> tuple[Any, ...]:
        """Return the line of the tasks that were added, as :class:`~alexflow.record.lines.MadeFromLine` has it.

        Args:
            first: the number of the first one.
        """
        lengths, packed = list(map(len, self._preimages)), self._packer.pack(self._preimages)
        line = _MADE_FROM, first, self._shapes_of, b"".join(self._digests), lengths, packed, self._others
        self._clear()
        return line

    def add(self, described: Described) -> int:
        """Add a task to the next line, after those tasks among its fields that may never run themselves.

        Returns:
            How many tasks the line has now; 0 if this one cannot be in it: a task whose parameters have no canonical
            form any more is refused before it runs.
        """
        try:
            task = described.task.unwrapped()
            preimage, further, outputs = origin_and_outputs(task)
            # not by `in`, which looks first whether it is an integer: three times as long
            if (outputs is None and preimage.find(_TASK_TAG) >= 0) or (
                outputs != 0 and _SOURCES in sys.modules and preimage.find(_SOURCE_NAME) >= 0
            ):
                self._add_named(task)
            return self._add(task, described, preimage, further, outputs)
        except BaseException as error:  # of the user's code, and the task's own to report
            if passes(error):
                raise
            logger.debug("no record of what %s is made from", described.spec.task_id, exc_info=True)
            return 0

    def _add(
        self, task: AbstractTask, described: Described, preimage: bytes, further: bytes | None, outputs: int | None
    ) -> int:
        spec = described.spec
        task_id, inputs = spec.task_id, spec.inputs
        digest = _digest(task_id)
        keys: tuple[str, ...] | None = None
        ending, tags, shape = self._last.get(type(task), _NO_SHAPE)
        if spec.outputs != (task_id + ending,) or spec.tags != tags or spec.serves:  # of few
            shape, keys = self._shape(task, described)
        # the outputs in its fields, if those are all of its inputs: their count can only be higher
        if outputs is None:
            outputs = preimage.count(_OUTPUT_TAG)
        are_in_fields = spec.acyclic and outputs == len(inputs)
        if keys is not None or not are_in_fields or further is not None:
            others = NIL if further is None else Raw(further)
            self._others[len(self._digests)] = others, None if are_in_fields else inputs, keys
        return self._append(shape, digest, preimage)

    def _append(self, shape: int, digest: bytes, preimage: bytes) -> int:
        self._shapes_of.append(shape)
        self._digests.append(digest)
        self._preimages.append(preimage)
        return len(self._digests)

    def _shape(self, task: AbstractTask, described: Described) -> tuple[int, tuple[str, ...] | None]:
        """Return the number of a task's shape, and its keys if the shape does not say them."""
        spec = described.spec
        task_id, keys = spec.task_id, spec.outputs
        if spec.serves:
            held = {place for _, place in spec.serves}
            keys = tuple(key for key in keys if key not in held)
        cut = len(task_id)
        endings = tuple([key[cut:] for key in keys if key.startswith(task_id)])
        in_shape = len(endings) == len(keys)
        if in_shape and self._of_class.get(type(task), 0) >= MOST_SHAPES:
            in_shape = self._kind(task, spec, endings) in self._shapes
        kind = self._kind(task, spec, endings if in_shape else ("",) * len(keys))
        number = self._shapes.get(kind)
        if number is None:
            classes = [qualified_name(type(output)) for output in flatten(task.output()) for _ in keys_of(output)]
            padded = endings if in_shape else ("",) * len(keys)
            outputs = tuple(zip(padded, classes, strict=False))
            number = self._shapes[kind] = self._new_shape(task, described.kind, outputs, spec.tags)
        if in_shape and len(endings) == 1:
            self._last[type(task)] = endings[0], spec.tags, number
        return number, None if in_shape else keys

    def _kind(self, task: AbstractTask, spec: TaskSpec, endings: tuple[str, ...]) -> tuple[Any, ...]:
        """Return the key of a shape in the table of shapes."""
        return type(task), endings[0] if len(endings) == 1 else endings, spec.tags

    def _new_shape(
        self, task: AbstractTask, executor: str, outputs: tuple[tuple[str, str], ...] = (), tags: tuple[str, ...] = ()
    ) -> int:
        number = self._next_shape
        self._next_shape += 1
        self._of_class[type(task)] = self._of_class.get(type(task), 0) + 1
        if executor != NAMED_ONLY:
            self.classes[number] = type(task)
        name = task.task_id[: -_DIGITS - 1]
        self.new_shapes.append(Shape(number, name, qualified_name(type(task)), executor, outputs, tags))
        return number

    def _add_named(self, task: AbstractTask) -> None:
        """Add the tasks, and the sources, among a task's fields, and among theirs, that no line has yet."""
        pending = list(tasks_in_fields(task))
        for named in pending:  # grows
            if named.task_id not in self._named:
                self._named.add(named.task_id)
                pending += tasks_in_fields(named)
                digest, (preimage, further) = _digest(named.task_id), origin_of(named)
                shape = self._shapes.get(type(named))
                if shape is None:
                    shape = self._shapes[type(named)] = self._new_shape(named, NAMED_ONLY)
                self._others[len(self)] = NIL if further is None else Raw(further), (), None
                self._append(shape, digest, preimage)


def _digest(task_id: str) -> bytes:
    """Return the digest at the end of an id.

    Raises:
        ValueError: there is none, since a class of the user's makes its ids itself.
    """
    digest = unhexlify(task_id[-_DIGITS:])
    if len(digest) * 2 != _DIGITS:
        raise ValueError(f"{task_id} ends with no digest")
    return digest


def tasks_in_fields(task: AbstractTask) -> Iterator[AbstractTask]:
    """Yield the tasks among a task's significant fields, and those behind sources; not those behind other outputs."""
    info = class_info(type(task))
    pending = [info.identity_value(task, name) for name in info.significant]
    sources = sys.modules.get(_SOURCES)  # if that has not been imported, there are none
    for value in pending:  # grows
        if isinstance(value, AbstractTask):
            yield value.unwrapped()
        elif isinstance(value, Output):
            source = value.__dict__.get("src_task")
            if sources is not None and isinstance(source, sources.Known):
                yield cast(AbstractTask, source)
        else:
            pending += [child for _, child in children(value)]
