"""Unpacking in the worker: tasks that the engine took apart are rebuilt.

This is apart from the engine's side, so that a worker starts without what only that needs.
"""

from __future__ import annotations

import linecache
import pickle
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

from alexflow.errors import ShippingError, TaskStopped
from alexflow.executors.attempt import check_id
from alexflow.executors.process.wire.main_module import main_module
from alexflow.executors.process.wire.messages import Definition, Fields
from alexflow.executors.process.wire.reentry import reentry
from alexflow.forks import contained
from alexflow.hooks import class_name, text_of
from alexflow.identity import look_up
from alexflow.model import AbstractTask, Output
from alexflow.model.class_info import ClassInfo, class_info
from alexflow.model.construction import output_by_reference, outputs_by_key
from alexflow.model.function_task import constructor_of
from alexflow.model.task import rebuild_task


class Unpacker:
    """Rebuilds tasks: it has the definitions by number, and a way to fetch a task.

    There is one per worker process, because unpickling calls module-level functions.
    """

    def __init__(self) -> None:
        self._definitions: dict[int, Definition] = {}
        self._things: dict[int, Any] = {}
        self._new: list[int] = []  # not used yet, perhaps
        self._checked: dict[int, ClassInfo] = {}  # rebuildable classes of which a task has had the right id here
        self.has_imported = False  # since it was last set back
        self.has_all = (
            True  # whether no job needs an import any more, nor has one changed the process since it was noted
        )
        self.fetch_task: Callable[[str], AbstractTask] = _no_engine
        self.importing: Callable[[int], None] = lambda number: None  # called before an import, and with 0 after it
        self.imported: Callable[[int], None] = lambda count: None  # called when nothing is left to be imported

    def let_go(self) -> None:
        """Cut the ties to the engine: this process has become a fork of the worker."""
        self.fetch_task = _in_a_fork
        self.importing = lambda number: None
        self.imported = lambda count: None

    def add(self, definitions: list[Definition]) -> None:
        """Define classes and functions; an import error hits only the jobs that need it."""
        for definition in definitions:
            number = definition.number
            if self._definitions.get(number) is not None:  # it has changed
                self._things.pop(number, None)
                self._checked.pop(number, None)
            self._definitions[number] = definition
            self._new.append(number)
            self.has_all = False

    def resolve(self) -> None:
        """Import what the next jobs may need, while there is nothing to do."""
        is_new = bool(self._new)
        while self._new:
            try:
                self.thing(self._new.pop())
            except BaseException:  # reported to the jobs that need it, when they try again
                continue
        if is_new:
            with suppress(OSError):  # the engine has gone, which the next look for work shows
                self.imported(len(self._definitions))

    def thing(self, number: int) -> Any:
        """Return the class or function with this number."""
        thing = self._things.get(number)
        if thing is None:
            self.importing(number)
            self.has_imported, self.has_all = True, False
            try:
                thing = self._things[number] = _resolve(self._definitions[number])
            finally:
                self.importing(0)
        return thing

    def note_imports(self) -> None:
        """Count what imports have changed in the process as noted."""
        self.has_imported = False
        self.has_all = len(self._things) == len(self._definitions)

    def unpack_job(self, cls: int, fields: Fields, task_id: str) -> AbstractTask:
        """Rebuild the task of a job, and check that it has its id here, too.

        Plain values arrive as they were sent. So where a class is rebuildable, and one of its tasks has had the right
        id, all have.

        Raises:
            NonDeterministicTask: it has another id here.
        """
        if isinstance(fields, list) and (info := self._checked.get(cls)) is not None:
            return rebuild_task(info, self._values(fields), task_id)
        task = self.unpack(cls, fields)
        check_id(task, task_id)
        if isinstance(fields, list) and (info := class_info(type(task))).rebuildable:
            self._checked[cls] = info
        return task

    def unpack(self, cls: int, fields: Fields) -> AbstractTask:
        """Rebuild a task."""
        if isinstance(fields, dict):
            return task_of(cls, self._unpickled(cls, fields))
        return task_of(cls, self._values(fields))

    def _unpickled(self, cls: int, fields: dict[int, Any]) -> list[Any]:
        values: list[Any] = []
        self.thing(cls)  # first: it brings what it uses, of which some may be among the values
        try:
            for value in fields.values():
                values.append(self._arrived(value) if type(value) is list else value)  # noqa: PERF401  # see below
        except (TaskStopped, ShippingError):
            raise
        except BaseException as error:  # whatever a value of the user's does when it is made
            info = class_info(self.thing(cls))
            field = f"{self._definitions[cls].name}.{(*info.names, *info.made_by_factory)[len(values)]}"
            raise ShippingError(f"{field} cannot be unpickled in a worker process: {_reason(error)}") from error
        return values

    def _values(self, fields: list[Any]) -> list[Any]:
        if list not in map(type, fields):  # of plain values only, as many tasks are
            return fields
        return [self._arrived(value) if type(value) is list else value for value in fields]

    def _arrived(self, reference: list[Any]) -> Any:
        """Return the value that a list stands for; outputs come without their tasks."""
        if len(reference) == 3:
            cls, key, length = reference
            return outputs_by_key(self.thing(cls), [key], [length], _fetch)[0]
        if len(reference) == 1:
            return pickle.loads(reference[0])
        cls, keys, lengths, is_tuple = reference
        outputs = outputs_by_key(self.thing(cls), keys, lengths, _fetch) if keys else []
        return tuple(outputs) if is_tuple else outputs


def _resolve(definition: Definition) -> Any:
    reentry.refused = ""
    if definition.value:
        try:
            return contained(pickle.loads, definition.value)
        except TaskStopped:
            raise
        except BaseException as error:  # whatever it was pickled with does when it is made
            raise ShippingError(
                f"{definition.name} cannot be unpickled in a worker process: {_reason(error)}"
            ) from error
    module, _, qualname = definition.name.partition(":")
    try:
        found: Any = contained(import_module, module)
        for name in qualname.split("."):
            found = getattr(found, name)
    except TaskStopped:
        raise
    except BaseException as error:  # whatever a module does when it is imported
        raise ShippingError(f"{module}.{qualname} cannot be imported in a worker process: {_reason(error)}") from error
    return found


def _reason(error: BaseException) -> str:
    return reentry.refused or f"{class_name(type(error))}: {text_of(error)}"


def _no_engine(task_id: str) -> AbstractTask:
    raise LookupError(f"{task_id} is known only while a job runs")


def _in_a_fork(task_id: str) -> AbstractTask:
    raise LookupError(f"{task_id} cannot be fetched in a process that a task has forked; fetch it before")


unpacker = Unpacker()


# what a pickled job calls, by name


def defined(number: int) -> Any:
    """The class or function with a number."""
    return unpacker.thing(number)


def task_of(number: int, values: Sequence[Any]) -> AbstractTask:
    """A task from its class's number and the values of its fields; the last may be left out if they are at default.

    Behind the fields that ``__init__`` takes come those that it makes by a factory, if there are any.
    """
    cls: type[AbstractTask] = unpacker.thing(number)
    info = class_info(cls)
    if info.made_by_factory:
        count = len(info.names)
        task = _constructed(cls, info, values[:count])
        task.__dict__.update(zip(info.made_by_factory, values[count:], strict=True))
        return task
    return _constructed(cls, info, values)


def _constructed(cls: type[AbstractTask], info: ClassInfo, values: Sequence[Any]) -> AbstractTask:
    make = constructor_of(cls)
    if len(values) <= info.positional:
        return make(*values)  # type: ignore[no-any-return]
    at = info.positional
    return make(*values[:at], **dict(zip(info.names[at:], values[at:], strict=False)))  # type: ignore[no-any-return]


def output_of(number: int, task_id: str, key: str, fields: dict[str, Any] | None = None) -> Output[Any]:
    """An output without its task, which is fetched at the first access."""
    return output_by_reference(unpacker.thing(number), task_id, key, _fetch, fields)


def _fetch(task_id: str) -> AbstractTask:
    return unpacker.fetch_task(task_id)


def named(module: str, qualname: str, is_found: bool, make: Callable[..., type], arguments: tuple[Any, ...]) -> type:
    """A class that came by value, under its qualified name."""
    cls = make(*arguments)
    cls.__qualname__ = qualname
    if is_found:
        _place(module, qualname, cls)
    return cls


def placed(module: str, qualname: str, make: Callable[..., FunctionType], arguments: tuple[Any, ...]) -> FunctionType:
    """A function that came by value."""
    function = make(*arguments)
    _place(module, qualname, function)
    return function


def singleton(module: str, name: str, kind: type, make: Callable[[], Any]) -> Any:
    """An object that came by value with what uses it, and of which there is one: as the value of a global."""
    thing = make()
    _place(module, name, thing)
    return thing


def same_singleton(module: str, name: str, kind: type, make: Callable[[], Any]) -> Any:
    """The object that has come by value before, as something that the task's class uses, or else a new one."""
    there = look_up(sys.modules.get(module), name)
    return there if type(there) is kind else singleton(module, name, kind, make)


def _place(module: str, qualname: str, thing: Any) -> None:
    """Let what came by value be found by its name, as in the engine's process: its instances can be pickled then."""
    if module == "__main__":
        main_module.appear()
    *way, last = qualname.split(".")
    at: Any = sys.modules.setdefault(module, ModuleType(module))
    for name in way:
        if not hasattr(at, name):
            setattr(at, name, SimpleNamespace())  # for a class that has not come, unlike what is in it
        at = getattr(at, name)
    setattr(at, last, thing)


def from_file(path: str, lines: str | None, make: Callable[..., CodeType], arguments: tuple[Any, ...]) -> CodeType:
    """Code that came by value, with the file that it is from, and its lines if there is no such file."""
    if lines is not None:
        linecache.cache[path] = (len(lines), None, lines.splitlines(keepends=True), path)
    return make(*arguments).replace(co_filename=path)
