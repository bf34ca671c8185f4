"""Lines of the record for tasks: what each is made from, in as few bytes and steps as there can be."""

from __future__ import annotations

import sys
from binascii import unhexlify
from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from typing import Any, cast

from msgspec import Raw, Struct

from alexflow.engine.line_columns import SOURCES, ClassFields, LineColumns, names_tasks, outputs_in
from alexflow.errors import IdentityError
from alexflow.graph import Described
from alexflow.hooks import passes
from alexflow.identity import ID_SPEC, children, packb, qualified_name
from alexflow.logs import logger
from alexflow.model import AbstractTask, Output, WrapperTask, flatten, keys_of
from alexflow.model.class_info import class_info
from alexflow.model.made_from import origin_of
from alexflow.record.lines import NAMED_ONLY, NIL, MadeFrom, MadeFromLine, Shape
from alexflow.record.preimages import PreimagePacker
from alexflow.scheduler import TaskSpec

#: Shapes of one class. Where keys differ from task to task in more than their ids, they are in the tasks' own lines.
MOST_SHAPES = 16

_DIGITS = 40  # of the digest at the end of an id

_acyclic_of = attrgetter("acyclic")

#: In place of the last shape of a class that has had none: no key ends so.
_NO_SHAPE: tuple[str, tuple[str, ...], int] = "\0", (), 0

#: The kind of the line, and the items of :class:`~alexflow.record.lines.FurtherOrigin`.
_MADE_FROM = 3
FurtherItems = tuple[Raw, tuple[str, ...] | None, tuple[str, ...] | None]


class LinesOfTasks(Struct, frozen=True, eq=False):
    """Lines of tasks.

    Attributes:
        tasks: those that they have of the ones that are about to run, in their order; behind them may be others.
        size: the number of all that they have.
        lines: each as a :class:`~alexflow.record.lines.MadeFromLine`, or its items.
    """

    tasks: Sequence[Described]
    size: int
    lines: list[MadeFromLine | tuple[Any, ...]]


class TaskLines:
    """Makes lines for one segment.

    Attributes:
        new_shapes: shapes that no line of the segment has yet; to be taken before the tasks' lines are written.
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
        self._fields: dict[type, ClassFields] = {}
        self._packer = PreimagePacker()

    def lines(self, tasks: Sequence[Described], first: int) -> LinesOfTasks:
        """Return the lines of some tasks, one for each class, with those among their fields that may never run.

        A task is left out whose parameters have no canonical form any more: it is refused before it runs.

        Args:
            tasks: that are about to run.
            first: the number of the first one.
        """
        ordered: list[Described] = []
        lines: list[MadeFromLine | tuple[Any, ...]] = []
        behind: dict[str, MadeFrom] = {}  # what is named in their fields, by id
        for group in _by_class(tasks):
            try:
                lines.append(self._in_columns(group, first + len(ordered), behind))
                ordered += group
            except BaseException as error:  # of the user's code, and a task's own to report; or they do not fit columns
                if passes(error):
                    raise
                apart = [(each, self._apart(each, behind)) for each in group]
                made = [each for _, each in apart if each is not None]
                lines += [MadeFromLine.of(first + len(ordered), made)] if made else []
                ordered += [each for each, found in apart if found is not None]
        if behind:
            lines.append(MadeFromLine.of(first + len(ordered), list(behind.values())))
            self._named |= behind.keys()
        is_same = len(lines) == 1 and len(ordered) == len(tasks)
        return LinesOfTasks(tasks if is_same else ordered, len(ordered) + len(behind), lines)

    def _in_columns(self, group: Sequence[Described], first: int, behind: dict[str, MadeFrom]) -> tuple[Any, ...]:
        """Return the items of the line of tasks of one class.

        Args:
            group: the tasks.
            first: the number of the first one.
            behind: gets what is named in their fields.

        Raises:
            BaseException: one has no canonical form any more, or they have less in common than columns need.
        """
        tasks, specs = _unwrapped(group), [described.spec for described in group]
        cls, count = type(tasks[0]), len(tasks)
        fields = self._fields.get(cls)
        if fields is None:
            fields = self._fields[cls] = ClassFields(cls)
        columns = LineColumns(tasks, fields)
        digests = _digests([spec.task_id for spec in specs])
        shapes, keys = self._shapes_of(tasks, group)
        further = fields.further(tasks)
        inputs = _inputs_elsewhere(specs, columns.outputs(count))
        others: dict[int, FurtherItems] = {}
        if further or inputs or keys:
            for place in sorted({*further, *inputs, *keys}):
                others[place] = further.get(place, NIL), inputs.get(place), keys.get(place)
        for place in columns.naming:
            self._add_named(tasks[place], behind)
        values = packb((ID_SPEC, fields.version, columns.values))
        packed = self._packer.pack_joined(values, count, has_outputs=columns.nests)
        return _MADE_FROM, first, shapes, digests, (), (*packed, columns.tables), others

    def _apart(self, described: Described, behind: dict[str, MadeFrom]) -> MadeFrom | None:
        """Return what a task is made from, by itself; None if that has no canonical form.

        Args:
            described: the task.
            behind: gets what is named in its fields.
        """
        spec = described.spec
        try:
            task = described.task.unwrapped()
            preimage, further = origin_of(task)
            digest = _digests((spec.task_id,))
            if names_tasks(preimage):
                self._add_named(task, behind)
            shape, keys = self._shape(task, described)
        except BaseException as error:  # as above
            if passes(error):
                raise
            logger.debug("no record of what %s is made from", spec.task_id, exc_info=True)
            return None
        inputs = _inputs_elsewhere((spec,), [outputs_in(preimage)]).get(0)
        return MadeFrom(shape, digest, Raw(preimage), NIL if further is None else Raw(further), inputs, keys)

    def _shapes_of(
        self, tasks: Sequence[AbstractTask], group: Sequence[Described]
    ) -> tuple[list[int], dict[int, tuple[str, ...]]]:
        """Return the number of each task's shape, and the keys of those whose shape does not say them, by place."""
        if type(tasks[0]) not in self._last:
            self._shape(tasks[0], group[0])
        ending, tags, shape = self._last.get(type(tasks[0]), _NO_SHAPE)
        for described in group:
            spec = described.spec
            if spec.outputs != (spec.task_id + ending,) or spec.tags != tags or spec.serves:
                break
        else:  # as mostly
            return [shape] * len(tasks), {}
        found = [self._shape(task, described) for task, described in zip(tasks, group, strict=True)]
        keys = {place: keys for place, (_, keys) in enumerate(found) if keys is not None}
        return [shape for shape, _ in found], keys

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

    def _add_named(self, task: AbstractTask, behind: dict[str, MadeFrom]) -> None:
        """Add the tasks, and the sources, among a task's fields, and among theirs, that no line has yet."""
        pending = list(tasks_in_fields(task))
        for named in pending:  # grows
            task_id = named.task_id
            if task_id not in self._named and task_id not in behind:
                pending += tasks_in_fields(named)
                digest, (preimage, further) = _digests((task_id,)), origin_of(named)
                shape = self._shapes.get(type(named))
                if shape is None:
                    shape = self._shapes[type(named)] = self._new_shape(named, NAMED_ONLY)
                others = NIL if further is None else Raw(further)
                behind[task_id] = MadeFrom(shape, digest, Raw(preimage), others, ())


def _by_class(tasks: Sequence[Described]) -> Collection[Sequence[Described]]:
    """Group tasks by their class; wrappers are of a class of their own."""
    if len(tasks) == 1 or len({type(described.task) for described in tasks}) == 1:
        return (tasks,)
    groups: dict[type, list[Described]] = {}
    for described in tasks:
        groups.setdefault(type(described.task), []).append(described)
    return groups.values()


def _unwrapped(group: Sequence[Described]) -> list[AbstractTask]:
    """Return the tasks of a group, without their wrappers.

    Raises:
        IdentityError: these are around tasks of several classes.
    """
    tasks = [described.task for described in group]
    if isinstance(tasks[0], WrapperTask):
        tasks = [task.unwrapped() for task in tasks]
        if len(set(map(type, tasks))) > 1:
            raise IdentityError("what is wrapped is not of one class")
    return tasks


def _inputs_elsewhere(specs: Sequence[TaskSpec], outputs: list[int]) -> dict[int, tuple[str, ...]]:
    """Return the inputs of tasks whose inputs are not the outputs in their fields, by place.

    Args:
        specs: of the tasks.
        outputs: how many each has in its fields; it can only be too many.
    """
    if [len(spec.inputs) for spec in specs] == outputs and all(map(_acyclic_of, specs)):
        return {}
    held = zip(specs, outputs, strict=True)
    return {
        place: spec.inputs for place, (spec, count) in enumerate(held) if not spec.acyclic or len(spec.inputs) != count
    }


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
    sources = sys.modules.get(SOURCES)  # if that has not been imported, there are none
    for value in pending:  # grows
        if isinstance(value, AbstractTask):
            yield value.unwrapped()
        elif isinstance(value, Output):
            source = value.__dict__.get("src_task")
            if sources is not None and isinstance(source, sources.Known):
                yield cast(AbstractTask, source)
        else:
            pending += [child for _, child in children(value)]
