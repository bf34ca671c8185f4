"""A task's own parameters as a message, and back.

A job is its class's number and its fields. Most fields are numbers, strings and outputs; those travel as they are,
outputs cut off from their tasks: a key, and how much of it is the task's id. A field that is a list of outputs travels
as a column of keys. Everything else is pickled, with outputs cut off in the same way, so that shipping costs what the
task's own parameters cost, never its ancestors'. Each field is pickled by itself, so that a message can name the one
that cannot travel or arrive; an object that two fields share arrives twice. Classes and functions that the worker
cannot
import (those of ``__main__`` or of a function) travel by value, once per worker; a number stands for them in the jobs.

Pickle, because worker and engine are one program: a job may hold whatever the user's parameters are. Documents
(``alexflow.serialization``) are for what outlives the process or comes from elsewhere.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Collection, Sequence
from copyreg import dispatch_table
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

from msgspec import Struct

from alexflow.errors import ShippingError
from alexflow.executors.process.definitions import Definitions
from alexflow.executors.process.importable import is_found_again
from alexflow.executors.process.singletons import reduced_by_name
from alexflow.executors.process.wire.messages import Fields
from alexflow.hooks import class_name, is_a, passes, text_of
from alexflow.model import AbstractTask, Output
from alexflow.model.class_info import class_info


class Payload(Struct, frozen=True, eq=False):
    """A task's fields, ready to travel.

    Attributes:
        cls: the number of its class.
        fields: their values.
        needs: numbers of all definitions that the worker must have.
    """

    cls: int
    fields: Fields
    needs: Collection[int]


class _FieldPickler(pickle.Pickler):
    """Pickles the values of fields, each by itself.

    ``reducer_override`` is not called for numbers, strings and plain containers, so they cost nothing extra.

    Attributes:
        needs: numbers of the definitions that what was pickled needs.
        sources: the tasks behind the outputs in it, by id.
    """

    def __init__(self, definitions: Definitions):
        self._file = io.BytesIO()
        super().__init__(self._file, protocol=5)
        self._number_of = definitions.number_of
        self._go_by_name = definitions.go_by_name
        self.needs: set[int] = set()
        self.sources: dict[str, AbstractTask] = {}

    def pickled(self, value: Any) -> bytes:
        """A value as bytes; ``needs`` and ``sources`` are of it alone."""
        self.needs = set()
        self.sources = {}
        self._file.seek(0)
        self._file.truncate()
        self.clear_memo()
        self.dump(value)
        return self._file.getvalue()

    def number_of(self, thing: type | FunctionType) -> int:
        number = self._number_of(thing)
        self.needs.add(number)
        return number

    def reducer_override(self, obj: Any) -> Any:
        arguments: tuple[Any, ...]
        if isinstance(obj, Output):
            name, arguments = "output_of", self._output_arguments(obj)
        elif isinstance(obj, AbstractTask):
            name, arguments = "task_of", (self.number_of(type(obj)), _with_made(obj))
        elif isinstance(obj, (type, FunctionType)) and not self._go_by_name(obj):
            name, arguments = "defined", (self.number_of(obj),)
        elif isinstance(obj, ModuleType) and _is_importable(obj):
            return import_module, (obj.__name__,)
        else:
            return reduced_by_name(obj, dispatch_table, _is_importable_name, "same_singleton")
        from alexflow.executors.process.worker import unpack  # deferred: it has all that runs a task; few jobs need it

        return getattr(unpack, name), arguments

    def _output_arguments(self, output: Output[Any]) -> tuple[Any, ...]:
        task_id = output.src_task_id
        source = output.__dict__.get("src_task")
        if source is not None:
            self.sources[task_id] = source
        number = self.number_of(type(output))
        if is_bare(output):
            return number, task_id, output.key
        names = class_info(type(output)).names
        fields = {name: getattr(output, name) for name in names if name not in ("src_task", "key", "storage")}
        return number, task_id, output.key, fields


def _is_importable(module: ModuleType) -> bool:
    """Whether a worker that imports a module of this name gets this one: not a script, nor one that was made."""
    name = module.__name__
    return name != "__main__" and sys.modules.get(name) is module and module.__spec__ is not None


def _is_importable_name(name: str) -> bool:
    """Whether a worker can import a module of this name, and gets the one that is here."""
    module = sys.modules.get(name)
    return module is None or (name != "__main__" and is_found_again(module, name))


def _with_made(task: AbstractTask) -> tuple[Any, ...]:
    """Values of the fields that ``__init__`` takes, and behind them of those that it makes by a factory."""
    info = class_info(type(task))
    values: tuple[Any, ...] = info.values(task)
    return (*values, *(getattr(task, name) for name in info.made_by_factory)) if info.made_by_factory else values


_BASE_FIELDS_COUNT = len(class_info(Output).fields)


def is_bare(output: Output[Any]) -> bool:
    """Whether an output says nothing but its key."""
    return not output.ephemeral and len(class_info(type(output)).fields) == _BASE_FIELDS_COUNT


class Packer:
    """Takes tasks apart for workers.

    Args:
        definitions: numbers for classes and functions.
    """

    def __init__(self, definitions: Definitions):
        self._definitions = definitions
        self._pickler = _FieldPickler(definitions)

    def pack(self, task: AbstractTask) -> Payload:
        """A task's fields as they travel.

        Raises:
            ShippingError: a field cannot be pickled, or its class cannot travel; the message says what it is.
        """
        at = 0  # the field that is looked at
        try:
            needs: list[int] = []
            some_pickled = False
            cls = type(task)
            info = class_info(cls)
            values = info.values(task)
            given = len(values)
            spare = info.spare
            if info.made_by_factory:
                values = _with_made(task)
                given, spare = len(values), 0
            while spare and values[given - 1] is None:
                given -= 1
                spare -= 1
            fields: list[Any] = [*values[:given]]
            for at, value in enumerate(fields):  # for an error
                kind = type(value)
                if not (
                    (kind is int and _LEAST <= value <= _MOST)
                    or (kind is str and (value.isascii() or _is_encodable(value)))
                    or kind in _AS_IT_IS
                ):
                    reference = self._reference(value, needs)
                    if reference is None:
                        reference = [self._pickler.pickled(value)]
                        needs += self._pickler.needs
                        some_pickled = True
                    fields[at] = reference
            at = given
            number = self._definitions.number_of(cls)
            needs.append(number)
            return Payload(number, dict(enumerate(fields)) if some_pickled else fields, needs)
        except BaseException as error:  # whatever is among the user's values does when it is looked at or pickled
            if is_a(error, ShippingError) or passes(error):
                raise
            self._pickler = _FieldPickler(self._definitions)  # the old one may have stopped in the middle
            raise ShippingError(_blame(task, at, error)) from (None if _is_secret(task, at) else error)

    def sources(self, task: AbstractTask) -> dict[str, AbstractTask]:
        """The tasks behind outputs among a task's fields, by id.

        Raises:
            ShippingError: as :meth:`pack`.
        """
        try:
            self._pickler.pickled(class_info(type(task)).values(task))
        except BaseException as error:  # as above
            if is_a(error, ShippingError) or passes(error):
                raise
            self._pickler = _FieldPickler(self._definitions)
            raise ShippingError(_blame(task, sys.maxsize, error)) from error
        return self._pickler.sources

    def _reference(self, value: Any, needs: list[int]) -> list[Any] | None:
        """An output, or a list of outputs, without their tasks; None for everything else."""
        if isinstance(value, Output):
            if not is_bare(value) or value.output_id != value.key:
                return None
            number = self._definitions.number_of(type(value))
            needs.append(number)
            return [number, value.key, len(value.src_task_id)]
        if type(value) is list or type(value) is tuple:
            if not value:
                return [0, [], [], type(value) is tuple]
            if isinstance(value[0], Output):
                return self._column(value, needs)
        return None

    def _column(self, outputs: Sequence[Any], needs: list[int]) -> list[Any] | None:
        """Outputs of one class: its number, their keys, and how much of each is the id of its task."""
        cls = type(outputs[0])
        if len(class_info(cls).fields) != _BASE_FIELDS_COUNT:
            return None
        keys: list[str] = []
        lengths: list[int] = []
        for output in outputs:
            if type(output) is not cls or output.ephemeral:  # nor perhaps an output at all
                return None
            state = output.__dict__
            try:  # of most all is known, and this saves them calls
                key, output_id, task_id = state["key"], state["_output_id"], state["src_task"]._task_id
            except (KeyError, AttributeError):
                key, output_id, task_id = output.key, None, None
            if output_id != key and output.output_id != key:
                return None
            keys.append(key)
            lengths.append(len(output.src_task_id if task_id is None else task_id))
        number = self._definitions.number_of(cls)
        needs.append(number)
        return [number, keys, lengths, type(outputs) is tuple]


#: Types whose values MessagePack carries unchanged; of numbers and strings it does most.
_AS_IT_IS = frozenset({type(None), bool, float, bytes})

_LEAST, _MOST = -(2**63), 2**63 - 1  # integers that it carries


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as in names of files that are not UTF-8
        return False
    return True


def _is_secret(task: AbstractTask, at: int) -> bool:
    """Whether the field at a position is a secret, so that no error about it may be shown."""
    info = class_info(type(task))
    return at < len(info.fields) and info.fields[at].secret


def _blame(task: AbstractTask, at: int, error: BaseException) -> str:
    """Return the message for a task that cannot travel.

    Args:
        task: the task.
        at: which of its fields was looked at, if it was one.
        error: what was raised then.
    """
    cls = type(task)
    why = f"{class_name(type(error))}: {text_of(error)}"
    try:
        info = class_info(cls)
        name = (*info.names, *info.made_by_factory)[at]
        value = getattr(task, name)
        if _is_secret(task, at):
            why = class_name(type(error))  # the message may have the value
            return f"{cls.__qualname__}.{name}, a secret, cannot be sent to a worker process: {why}"
    except BaseException:  # it was the class, or a property in the place of a field
        return f"{class_name(cls)} cannot be sent to a worker process: {why}"
    return (
        f"{cls.__qualname__}.{name} cannot be sent to a worker process: {type(value).__qualname__}: {text_of(error)}; "
        f"pass something picklable, make it inside run(), or set "
        f"options = TaskOptions(executor='thread') on the class"
    )
