"""Lines of the record for tasks: what each is made from, in as few bytes and steps as there can be."""

from __future__ import annotations

import sys
from binascii import unhexlify
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from msgspec import Raw

from alexflow.graph import Described
from alexflow.hooks import passes
from alexflow.identity import children, packb, qualified_name
from alexflow.logs import logger
from alexflow.model import AbstractTask, Output, flatten, keys_of
from alexflow.model.class_info import class_info
from alexflow.model.made_from import PreimageParts, further_of, kept_nowhere, origin_of, preimage_parts
from alexflow.record.id_tables import IdTables
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

#: The number of the shape, the preimage, and the fields that are not significant.
NamedItems = tuple[int, bytes, bytes | None]


class TasksLine(NamedTuple):
    """A line of tasks.

    Attributes:
        tasks: those that it has of the ones that are about to run, in its order; behind them may be others.
        size: the number of all that it has.
        items: these, as :class:`~alexflow.record.lines.MadeFromLine` has them.
    """

    tasks: Sequence[Described]
    size: int
    items: tuple[Any, ...]


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
        self._packer, self._tables = PreimagePacker(), IdTables(_SOURCE_NAME.decode())
        self._clear()

    def _clear(self) -> None:
        # of the tasks in the next line, column by column
        self._shapes_of: list[int] = []
        self._ids: list[str] = []
        self._preimages: list[PreimageParts | Raw] = []
        self._others: dict[int, OtherItems] = {}
        self._behind: dict[str, NamedItems] = {}  # what is named in their fields, by id
        self._nests = False

    def line(self, tasks: Sequence[Described], first: int) -> TasksLine:
        """Return the line of some tasks, with those among their fields behind them that may never run themselves.

        A task is left out whose parameters have no canonical form any more: it is refused before it runs.

        Args:
            tasks: that are about to run.
            first: the number of the first one.
        """
        try:
            for described in tasks:
                self._add(described)
            return self._taken(tasks, first)
        except BaseException as error:  # of the user's code, and a task's own to report; or ids are not alike
            if passes(error):
                raise
        self._clear()
        self._tables.clear()
        return self._taken([described for described in tasks if self._could_add(described)], first)

    def _could_add(self, described: Described) -> bool:
        try:
            _digests((described.spec.task_id,))
            self._add(described, apart=True)
        except BaseException as error:  # as above
            if passes(error):
                raise
            logger.debug("no record of what %s is made from", described.spec.task_id, exc_info=True)
            return False
        return True

    def _taken(self, tasks: Sequence[Described], first: int) -> TasksLine:
        """Return the line of the tasks that were added."""
        for task_id, (shape, preimage, further) in self._behind.items():
            self._others[len(self._ids)] = NIL if further is None else Raw(further), (), None
            self._shapes_of.append(shape)
            self._ids.append(task_id)
            self._preimages.append(Raw(preimage))
        digests = _digests(self._ids)
        values, tables = packb(self._preimages), self._tables.take()
        packed = self._packer.pack_joined(values, len(self._ids), has_outputs=self._nests)
        items = _MADE_FROM, first, self._shapes_of, digests, (), (*packed, tables), self._others
        line = TasksLine(tasks, len(self._ids), items)
        self._named |= self._behind.keys()
        self._clear()
        return line

    def _add(self, described: Described, *, apart: bool = False) -> None:
        """Add a task to the next line.

        Args:
            described: the task.
            apart: whether its preimage is encoded by itself: if that fails, those of others are not concerned.
        """
        task, spec = described.task.unwrapped(), described.spec
        cls = type(task)
        info = task.__class_info__
        if info.cls is not cls:
            info = class_info(cls)
        preimage: PreimageParts | Raw
        if cls is not self._tables.cls:
            self._tables.of_class(cls)
        preimage, outputs, nests = preimage_parts(task, info, kept_nowhere if apart else self._tables.keep)
        if apart or nests:
            preimage, further_outputs = self._apart(task, packb(preimage))
            outputs += further_outputs
        further = None
        for name in info.insignificant:
            if getattr(task, name, None) is not None:
                further = further_of(task, info)
                break
        task_id, inputs = spec.task_id, spec.inputs
        keys: tuple[str, ...] | None = None
        ending, tags, shape = self._last.get(cls, _NO_SHAPE)
        if spec.outputs != (task_id + ending,) or spec.tags != tags or spec.serves:  # of few
            shape, keys = self._shape(task, described)
        # the outputs in its fields, if those are all of its inputs: their count can only be higher
        are_in_fields = spec.acyclic and outputs == len(inputs)
        if keys is not None or not are_in_fields or further is not None:
            others = NIL if further is None else Raw(further)
            self._others[len(self._ids)] = others, None if are_in_fields else inputs, keys
        self._shapes_of.append(shape)
        self._ids.append(task_id)
        self._preimages.append(preimage)

    def _apart(self, task: AbstractTask, preimage: bytes) -> tuple[Raw, int]:
        """Return a preimage that is encoded by itself, and the number of outputs in it; note what it names."""
        self._nests = True
        # not by `in`, which looks first whether it is an integer: three times as long
        if preimage.find(_TASK_TAG) >= 0 or (_SOURCES in sys.modules and preimage.find(_SOURCE_NAME) >= 0):
            self._add_named(task)
        return Raw(preimage), preimage.count(_OUTPUT_TAG)

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
            task_id = named.task_id
            if task_id not in self._named and task_id not in self._behind:
                pending += tasks_in_fields(named)
                _digests((task_id,))
                origin = origin_of(named)
                shape = self._shapes.get(type(named))
                if shape is None:
                    shape = self._shapes[type(named)] = self._new_shape(named, NAMED_ONLY)
                self._behind[task_id] = shape, *origin


def _digests(task_ids: Sequence[str]) -> bytes:
    """Return the digests at the end of ids.

    Raises:
        ValueError: an id has none, since a class of the user's makes its ids itself.
    """
    digests = unhexlify("".join([task_id[-_DIGITS:] for task_id in task_ids]))
    if len(digests) * 2 != _DIGITS * len(task_ids):
        raise ValueError(f"one of {task_ids} ends with no digest")
    return digests


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
