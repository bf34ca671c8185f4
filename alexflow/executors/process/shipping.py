"""A task's own parameters as bytes, and back.

A job is its class's number and its fields, pickled. Outputs among the fields are cut off from their tasks, so that
shipping costs what the task's own parameters cost, never its ancestors'. Classes and functions that the worker cannot
import (those of ``__main__`` or of a function) travel by value, once per worker; a number stands for them in the
jobs.

Pickle, because worker and engine are one program: a job may hold whatever the user's parameters are. Documents
(``alexflow.serialization``) are for what outlives the process or comes from elsewhere.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from dataclasses import MISSING
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import cloudpickle

from alexflow.errors import ShippingError
from alexflow.executors.process.messages import Definition
from alexflow.identity import qualified_name
from alexflow.model import AbstractTask, Output
from alexflow.model.output import output_by_reference
from alexflow.model.plan import plan_of


class Definitions:
    """The engine's numbers for classes and functions, the same for all its workers."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._definitions: list[Definition] = []

    def number_of(self, thing: type | FunctionType) -> int:
        """The number of a class or function."""
        number = self._numbers.get(thing)
        if number is None:
            number = len(self._definitions)
            if importable(thing):
                definition = Definition(number, name=f"{thing.__module__}:{thing.__qualname__}")
            else:
                definition = Definition(number, value=_by_value(thing))
            self._numbers[thing] = number
            self._definitions.append(definition)
        return number

    def __getitem__(self, number: int) -> Definition:
        return self._definitions[number]


def importable(thing: type | FunctionType) -> bool:
    """Whether another process gets the same object by importing its name."""
    if thing.__module__ == "__main__" or "<" in thing.__qualname__:
        return False
    found: Any = sys.modules.get(thing.__module__)
    if found is None or not _is_found_again(found, thing.__module__):
        return False
    for name in thing.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is thing


#: Whether modules are found where their names say.
_found_again: WeakKeyDictionary[ModuleType, bool] = WeakKeyDictionary()


def _is_found_again(module: ModuleType, name: str) -> bool:
    """Whether an import in another process finds this module: not if it was executed from a file or a cell by hand."""
    known = _found_again.get(module)
    if known is None:
        known = _found_again[module] = _search(module, name)
    return known


def _search(module: ModuleType, name: str) -> bool:
    spec = getattr(module, "__spec__", None)
    if spec is None:
        return False
    path = None
    if parent := name.rpartition(".")[0]:
        package = sys.modules.get(parent)
        path = getattr(package, "__path__", None)
        if package is None or path is None or not _is_found_again(package, parent):
            return False
    found = (finder.find_spec(name, path) for finder in sys.meta_path if hasattr(finder, "find_spec"))
    return any(other is not None and other.origin == spec.origin for other in found)


class _ValuePickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles classes and functions whole; unlike its base it keeps the qualified names of classes, and what a field
    without default has in its place.
    """

    def reducer_override(self, obj: Any) -> Any:
        if obj is MISSING:
            return "MISSING"
        reduced = super().reducer_override(obj)
        if isinstance(obj, type) and isinstance(reduced, tuple) and len(reduced) == 6:
            make, arguments, *rest = reduced
            return (_named, (obj.__qualname__, make, arguments), *rest)
        return reduced


def _named(qualname: str, make: Callable[..., type], arguments: tuple[Any, ...]) -> type:
    cls = make(*arguments)
    cls.__qualname__ = qualname
    return cls


def _by_value(thing: type | FunctionType) -> bytes:
    file = io.BytesIO()
    module = sys.modules.get(thing.__module__)
    lost = module is not None and thing.__module__ != "__main__" and not _is_found_again(module, thing.__module__)
    if lost and thing.__module__ not in cloudpickle.list_registry_pickle_by_value():
        cloudpickle.register_pickle_by_value(module)  # what the thing uses of its module is not found either
    else:
        lost = False
    try:
        _ValuePickler(file, protocol=5).dump(thing)
    finally:
        if lost:
            cloudpickle.unregister_pickle_by_value(module)
    return file.getvalue()


class Packed:
    """A task's fields, ready to travel.

    Attributes:
        cls: the number of its class.
        fields: their values, pickled.
        needs: numbers of all definitions that the worker must have.
        sources: the tasks behind outputs among the fields, by id.
    """

    __slots__ = ("cls", "fields", "needs", "sources")

    def __init__(self, cls: int, fields: bytes, needs: set[int], sources: dict[str, AbstractTask]):
        self.cls = cls
        self.fields = fields
        self.needs = needs
        self.sources = sources


class _JobPickler(pickle.Pickler):
    """Pickles one task's fields.

    ``reducer_override`` is not called for numbers, strings and plain containers, so they cost nothing extra.
    """

    def __init__(self, definitions: Definitions):
        self._file = io.BytesIO()
        super().__init__(self._file, protocol=5)
        self._number_of = definitions.number_of
        self.needs: set[int] = set()
        self.sources: dict[str, AbstractTask] = {}

    def pack(self, task: AbstractTask) -> Packed:
        self.needs = set()
        self.sources = {}
        self._file.seek(0)
        self._file.truncate()
        self.clear_memo()
        cls = type(task)
        number = self.number_of(cls)
        self.dump(plan_of(cls).values(task))
        return Packed(number, self._file.getvalue(), self.needs, self.sources)

    def number_of(self, thing: type | FunctionType) -> int:
        number = self._number_of(thing)
        self.needs.add(number)
        return number

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Output):
            return _output, self._output_arguments(obj)
        if isinstance(obj, AbstractTask):
            return _task, (self.number_of(type(obj)), plan_of(type(obj)).values(obj))
        if isinstance(obj, (type, FunctionType)) and not importable(obj):
            return _defined, (self.number_of(obj),)
        return NotImplemented

    def _output_arguments(self, output: Output[Any]) -> tuple[Any, ...]:
        task_id = output.src_task_id
        source = output.__dict__.get("src_task")
        if source is not None:
            self.sources[task_id] = source
        plan = plan_of(type(output))
        number = self.number_of(type(output))
        if len(plan.fields) == _BASE_FIELDS_COUNT and not output.ephemeral:
            return number, task_id, output.key
        fields = {name: getattr(output, name) for name in plan.names if name not in ("src_task", "key", "storage")}
        return number, task_id, output.key, fields


_BASE_FIELDS_COUNT = len(plan_of(Output).fields)


class Packer:
    """Takes tasks apart for workers.

    Args:
        definitions: numbers for classes and functions.
    """

    def __init__(self, definitions: Definitions):
        self._definitions = definitions
        self._pickler = _JobPickler(definitions)

    def pack(self, task: AbstractTask) -> Packed:
        """A task's fields as bytes.

        Raises:
            ShippingError: a field cannot be pickled; the message names class and field.
        """
        try:
            return self._pickler.pack(task)
        except Exception as error:  # whatever a value's __reduce__ raises
            self._pickler = _JobPickler(self._definitions)  # the old one stopped in the middle
            raise ShippingError(_blame(task, self._definitions, error)) from error


def _blame(task: AbstractTask, definitions: Definitions, error: Exception) -> str:
    cls = type(task)
    for field in plan_of(cls).fields:
        value = getattr(task, field.name)
        try:
            _JobPickler(definitions).dump(value)
        except Exception as reason:
            return (
                f"{cls.__qualname__}.{field.name} cannot be sent to a worker process: "
                f"{type(value).__qualname__}: {reason}; "
                f"pass something picklable, make it inside run(), or set executor = 'thread' on the class"
            )
    return f"{qualified_name(cls)} cannot be sent to a worker process: {error}"


# -- in the worker


class Arrivals:
    """What a worker has been told: definitions by number, and how to ask for a task.

    There is one per worker process, because unpickling calls module-level functions.
    """

    def __init__(self) -> None:
        self._definitions: dict[int, Definition] = {}
        self._things: dict[int, Any] = {}
        self.fetch_task: Callable[[str], AbstractTask] = _no_engine

    def add(self, definitions: list[Definition]) -> None:
        """Take in definitions; resolved when first used, so that an import error hits only those who need it."""
        for definition in definitions:
            self._definitions[definition.number] = definition

    def thing(self, number: int) -> Any:
        """The class or function with this number."""
        thing = self._things.get(number)
        if thing is None:
            thing = self._things[number] = _resolve(self._definitions[number])
        return thing

    def unpack(self, cls: int, fields: bytes) -> AbstractTask:
        """Put a task together again."""
        return _task(cls, pickle.loads(fields))


def _resolve(definition: Definition) -> Any:
    if definition.value:
        thing = pickle.loads(definition.value)
        _make_found(thing)
        return thing
    module, _, qualname = definition.name.partition(":")
    found: Any = import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def _make_found(thing: Any) -> None:
    """Let what came by value, and what it uses of its module, be found by name: its instances can be pickled then."""
    module_name = thing.__module__
    module = sys.modules.setdefault(module_name, ModuleType(module_name))
    pending = [thing]
    seen = {id(thing)}
    while pending:
        thing = pending.pop()
        if thing.__qualname__.isidentifier():
            setattr(module, thing.__qualname__, thing)
        members = vars(thing).values() if isinstance(thing, type) else (thing,)
        for member in members:
            function = getattr(member, "__func__", getattr(member, "fget", member))  # of class methods and properties
            if isinstance(function, FunctionType):
                for used in function.__globals__.values():
                    if isinstance(used, type | FunctionType) and used.__module__ == module_name and id(used) not in seen:
                        seen.add(id(used))
                        pending.append(used)


def _no_engine(task_id: str) -> AbstractTask:
    raise LookupError(f"{task_id} is known only while a job runs")


arrivals = Arrivals()


def _defined(number: int) -> Any:
    return arrivals.thing(number)


def _task(number: int, values: tuple[Any, ...]) -> AbstractTask:
    cls: type[AbstractTask] = arrivals.thing(number)
    return cls(**dict(zip(plan_of(cls).names, values, strict=True)))


def _output(number: int, task_id: str, key: str, fields: dict[str, Any] | None = None) -> Output[Any]:
    return output_by_reference(arrivals.thing(number), task_id, key, fields or {}, _fetch)


def _fetch(task_id: str) -> AbstractTask:
    return arrivals.fetch_task(task_id)
