"""Objects that pickle refers to by a name: ``typing.NewType``, and whatever has a ``__reduce__`` that gives a text.

Such a name is of no use where its module cannot be imported, as that of a script cannot. So what has one travels by
value, and takes its place in the module where it arrives.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from functools import partial
from pickle import whichmodule  # type: ignore[attr-defined]  # it is in no __all__
from types import FunctionType
from typing import Any, NewType, ParamSpec, TypeVarTuple

#: How one of the kinds that are made by a call is made; those of Python 3.12 have no state that could be read.
_MAKERS: dict[type, Callable[[Any], Any]] = {
    NewType: lambda it: partial(NewType, it.__name__, it.__supertype__),
    ParamSpec: lambda it: partial(ParamSpec, it.__name__, bound=it.__bound__),
    TypeVarTuple: lambda it: partial(TypeVarTuple, it.__name__),
}
_ALIAS: Any = getattr(typing, "TypeAliasType", None)  # from Python 3.12 on
if _ALIAS is not None:
    _MAKERS[_ALIAS] = lambda it: partial(_ALIAS, it.__name__, it.__value__, type_params=it.__type_params__)


def reduced_by_name(
    obj: Any, dispatch_table: Mapping[type, Any], is_known_elsewhere: Callable[[str], bool], place: str
) -> Any:
    """Return what :meth:`pickle.Pickler.reducer_override` is to give, so that an object does not travel as a name.

    Args:
        obj: the object.
        dispatch_table: the pickler's.
        is_known_elsewhere: says whether other processes can import a module of a name.
        place: the name of the function that is called where it arrives.
    """
    kind = type(obj)
    if kind in dispatch_table or issubclass(kind, (type, FunctionType)) or _is_plain(kind):
        return NotImplemented
    reduced = obj.__reduce_ex__(5)  # as pickle does next; not twice, as it may take long
    if not isinstance(reduced, str):
        return reduced
    module = whichmodule(obj, reduced)
    if is_known_elsewhere(module):
        return reduced
    from alexflow.executors.process.worker import unpack  # deferred: it has all that runs a task; few jobs need it

    arrive = getattr(unpack, place)
    if kind in _MAKERS:
        return arrive, (module, reduced, kind, _MAKERS[kind](obj)), _its_module(kind, module)
    return arrive, (module, reduced, kind, partial(kind.__new__, kind)), object.__getstate__(obj)


def _is_plain(kind: type) -> bool:
    """Whether a class leaves it to Python how its instances are pickled."""
    reduce: Any = kind.__reduce__
    reduce_ex: Any = kind.__reduce_ex__
    return reduce is object.__reduce__ and reduce_ex is object.__reduce_ex__


def _its_module(kind: type, module: str) -> Any:
    """The state of what a call has made: an attribute, if the class has it for each object of its own."""
    return None if kind is _ALIAS else (None, {"__module__": module})
