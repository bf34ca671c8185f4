"""The task classes of an engine by name: equal classes, redefined ones, and different classes that share a name.

A class's name is the first part of its tasks' ids. Two classes with one name and different code would get each other's
results: the ``main.py`` of two programs in one process, two notebooks that one program runs. An engine refuses the
second.

A name is also reused for good reasons. Classes of equal code are one class: a cell that was run again, a module that
was imported twice. If the code differs, the second class replaces the first if the first is *gone*: its name, where it
was defined, now means something else. That is the case after a cell was edited and run again, or a module was reloaded.
It is also gone if its file was executed again in another namespace, as by an import after the module was removed from
``sys.modules``. The newest definition counts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, class_name, plain_text
from alexflow.identity.names import MAIN_MODULES
from alexflow.model import AbstractTask
from alexflow.model.class_info import class_info


class ClassRegistry:
    """The task classes of an engine, by the name in their tasks' ids.

    Attributes:
        known: ``id`` of the current classes, so that a user's metaclass is not asked.
        unchecked: classes of the program that was started, of which no storage has been asked whose they are.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, type[AbstractTask]] = {}
        self.known: set[int] = set()
        self.unchecked: list[type[AbstractTask]] = []

    def register_class(self, task: AbstractTask) -> type[AbstractTask] | None:
        """Register the class of a task, which is not known yet.

        Returns:
            The class that it replaces, if there is one.

        Raises:
            DefinitionError: two classes with this name have different code; the message names both places.
        """
        cls = type(task.unwrapped())
        name = class_info(cls).name
        before = self._by_name.get(name)
        if before is not None and before is not cls:
            if not _is_gone(before, cls) and _code_of_class(before, set()) != _code_of_class(cls, set()):
                raise DefinitionError(_conflict(name, before, cls))
            self.known.discard(id(before))
        if cls.__module__ in MAIN_MODULES:
            self.unchecked.append(cls)
        self._by_name[name] = cls
        self.known.add(id(cls))
        return before


def _conflict(name: str, first: type, second: type) -> str:
    return (
        f"two classes with different code are called {name}: one in {_place_of(first)}, the other in "
        f"{_place_of(second)}; their tasks would have the same ids, and get each other's results; "
        f"set task_name = '...' on one of them, or rename it"
    )


def _place_of(cls: type) -> str:
    for function in _functions_of(cls):
        code = function.__code__
        return plain_text(f"{code.co_filename}:{code.co_firstlineno}", SHORT_TEXT)
    return class_name(cls)


def _functions_of(cls: type) -> Iterator[FunctionType]:
    """The functions written in a class, without those that ``@dataclass`` generates."""
    for member in vars(cls).values():
        function = _function_of(member)
        if function is not None and function.__code__.co_filename != "<string>":
            yield function


def _function_of(member: Any) -> FunctionType | None:
    """The function behind a class method, a property or the like."""
    if isinstance(member, classmethod | staticmethod):
        member = member.__func__
    elif isinstance(member, property):
        member = member.fget
    return member if isinstance(member, FunctionType) else None


def _is_gone(before: type, cls: type) -> bool:
    """Whether a class's name now means something else where it was defined."""
    function = next(_functions_of(before), None)
    module = sys.modules.get(before.__module__)
    space: Mapping[str, Any] = function.__globals__ if function is not None else vars(module) if module else {}
    if not _is_there(before, function, space):
        return True
    other = next(_functions_of(cls), None)
    return (
        function is not None
        and other is not None
        and other.__globals__ is not space
        and (module is None or vars(module) is not space)
        and other.__code__.co_filename == function.__code__.co_filename
    )


def _is_there(cls: type, function: FunctionType | None, space: Mapping[str, Any]) -> bool:
    """Whether a class, or the function that a local class is defined in, is found by its name in its namespace."""
    first, *steps = cls.__qualname__.split(".")
    found = space.get(first)
    for step in steps:
        if step == "<locals>":
            outer = _function_of(found)
            return outer is not None and function is not None and _holds(outer.__code__, function.__code__)
        found = vars(found).get(step) if isinstance(found, type) else None
    return found is cls


def _holds(code: CodeType, part: CodeType) -> bool:
    return code is part or any(_holds(const, part) for const in code.co_consts if isinstance(const, CodeType))


# -- code of a class

#: Attributes of a class that say nothing about its behaviour, or are derived from others.
_INCIDENTAL = frozenset({"__module__", "__doc__", "__dict__", "__weakref__", "__class_info__", "__firstlineno__"})

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def _code_of_class(cls: type, seen: set[int]) -> list[Any]:
    """The behaviour of a class, comparable: its code, the code of its module that it uses, and plain values."""
    bases = [_code_of(base, cls.__module__, seen) for base in cls.__bases__]
    members = [
        (name, _code_of(_function_of(member) or member, cls.__module__, seen))
        for name, member in vars(cls).items()
        if name not in _INCIDENTAL
    ]
    return [cls.__qualname__, bases, members]


def _code_of(thing: Any, module: str, seen: set[int]) -> Any:
    if isinstance(thing, type | FunctionType):
        if thing.__module__ != module or id(thing) in seen:
            return thing.__module__, thing.__qualname__
        seen.add(id(thing))
        return _code_of_class(thing, seen) if isinstance(thing, type) else _code_of_function(thing, module, seen)
    return _value(thing)


def _code_of_function(function: FunctionType, module: str, seen: set[int]) -> list[Any]:
    code = function.__code__
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items())
    used = [(name, _code_of(function.__globals__[name], module, seen)) for name in _globals_of(code, function)]
    cells = [_cell(cell, module, seen) for cell in function.__closure__ or ()]
    return [_instructions(code), [_value(default) for default in defaults], used, cells]


def _globals_of(code: CodeType, function: FunctionType) -> list[str]:
    nested = [const for const in code.co_consts if isinstance(const, CodeType)]
    names = {name for part in (code, *nested) for name in part.co_names if name in function.__globals__}
    return sorted(names)


def _cell(cell: Any, module: str, seen: set[int]) -> Any:
    try:
        return _code_of(cell.cell_contents, module, seen)
    except ValueError:  # nothing in it yet
        return None


def _instructions(code: CodeType) -> tuple[Any, ...]:
    """The instructions of a code object, without its position in a file."""
    consts = [_instructions(const) if isinstance(const, CodeType) else _value(const) for const in code.co_consts]
    return code.co_code, consts, code.co_names, code.co_varnames, code.co_freevars


def _value(value: Any) -> Any:
    """A plain value with its type, since 1 and 1.0 are equal; for all others the type alone."""
    kind = type(value)
    if kind in (tuple, frozenset):
        return kind, [_value(part) for part in value] if kind is tuple else frozenset(map(repr, value))
    return (kind, value) if kind in _PLAIN else kind
