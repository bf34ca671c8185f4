"""Resolution of the names in a document to classes and functions.

A document may be untrusted. Each reference in it requires a kind of class, and the class that is found is used only if
it is of that kind; a function is a value and is never called. Names are looked up in ``__dict__``s, so that no
property, descriptor or module ``__getattr__`` runs.

The remaining risk: resolving a name imports its module, which runs that module, and the class may read any location
that the document names. ``modules`` bounds both: then a document reaches only the named modules, and those of
alexflow's own classes that run no code, read no location that a document names, and unpickle nothing.
"""

from __future__ import annotations

import enum
import importlib
import sys
import types
from collections.abc import Callable, Iterable
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NamedTuple

import msgspec

from alexflow.hooks import class_name, text_of
from alexflow.identity import (
    PLAIN,
    function_name,
    is_attrs,
    is_dataclass,
    is_namedtuple,
    loaded,
    look_up,
    main_module_name,
    module_name,
    qualified_name,
    short_repr,
)
from alexflow.model import AbstractTask, Output
from alexflow.serialization.fault import DocumentFault
from alexflow.storage import Storage


class ReferenceKind(NamedTuple):
    """A kind of class or function that a reference requires.

    Attributes:
        label: its name in messages, with the article.
        accepts: whether a class (for functions: a function) is of this kind.
    """

    label: str
    accepts: Callable[[Any], bool]


def _is_plain_dataclass(cls: type) -> bool:
    return is_dataclass(cls) and not issubclass(cls, (AbstractTask, Output, Storage, *PLAIN))


def _is_function(found: Any) -> bool:
    """Whether it is a function, or a callable of C or the like that is found by its own name."""
    if isinstance(found, FunctionType | BuiltinFunctionType):
        return True
    return callable(found) and not isinstance(found, type) and function_name(found) is not None


TASK = ReferenceKind("a task", lambda cls: issubclass(cls, AbstractTask))
OUTPUT = ReferenceKind("an output", lambda cls: issubclass(cls, Output))
STORAGE = ReferenceKind("a storage", lambda cls: issubclass(cls, Storage) and is_dataclass(cls))
DATACLASS = ReferenceKind("a dataclass", _is_plain_dataclass)
STRUCT = ReferenceKind("a msgspec.Struct", lambda cls: issubclass(cls, msgspec.Struct))
ENUM = ReferenceKind("an enum", lambda cls: issubclass(cls, enum.Enum))
NAMEDTUPLE = ReferenceKind("a namedtuple", is_namedtuple)
PATH = ReferenceKind("a path", lambda cls: issubclass(cls, PurePath))
TYPE = ReferenceKind("a class", lambda cls: True)
FUNCTION = ReferenceKind("a function", lambda found: _is_function(found))
MODEL = ReferenceKind("a pydantic model", lambda cls: issubclass(cls, loaded("pydantic.main", "BaseModel")))
ATTRS = ReferenceKind("an attrs class", is_attrs)

#: Imported regardless of ``modules``, which has no effect: the classes that documents name are here or come from here.
_OWN_MODULES = tuple(
    f"alexflow.{name}" for name in ("adapters", "core", "coreml", "formats", "legacy", "model", "sources", "storage")
)

#: Classes of those modules that are allowed regardless of ``modules``, besides formats that are safe to share.
_HARMLESS = frozenset(
    {"alexflow.model.output:Output", "alexflow.model.task:ResourceSpec", "alexflow.model.task:WrapperTask"}
    | {"alexflow.model.workflow:Workflow", "alexflow.legacy.workflow:Workflow", "alexflow.legacy.outputs:Output"}
    | {"alexflow.legacy.tasks:ResourceSpec", "alexflow.legacy.tasks:WrapperTask"}
)

#: ``NoneType``, ``ellipsis`` and the like say that they live in builtins, but are found in ``types`` only.
_UNLISTED = {cls.__qualname__: cls for cls in vars(types).values() if isinstance(cls, type)}


class Resolver:
    """Resolves the names of one document, each once.

    Args:
        modules: names of modules that documents may use, with the modules below them. None allows all.
        own_name: gives the name of a class or function in a document.

    Attributes:
        is_bounded: whether ``modules`` were given, so that the document may be untrusted.
    """

    def __init__(self, modules: Iterable[str] | None = None, own_name: Callable[[Any], str] = qualified_name):
        if isinstance(modules, str):
            raise TypeError(f"modules is a sequence of module names, not a string; pass ({modules!r},)")
        self._modules = None if modules is None else tuple(modules)
        self.is_bounded = modules is not None
        self._own_name = own_name
        self._known: dict[tuple[str, str], Any] = {}

    def resolve(self, name: object, kind: ReferenceKind) -> Any:
        """The class or function with this name (``"module:qualname"``), checked to be of the required kind."""
        if not isinstance(name, str):
            raise DocumentFault(f'expected "module:qualname", not {short_repr(name)}')
        found = self._known.get((kind.label, name))
        if found is None:
            found = self._known[kind.label, name] = self._find(name, kind)
        return found

    def _find(self, name: str, kind: ReferenceKind) -> Any:
        module, colon, qualname = name.partition(":")
        if not (module and colon and qualname):
            raise DocumentFault(f'expected "module:qualname", not {short_repr(name)}')
        if "<locals>" in qualname:
            raise DocumentFault(
                f"{name} is local to a function, where nothing else can find it; define it at module level"
            )
        found = self._look_up(module, qualname)
        if (kind is not FUNCTION and not isinstance(found, type)) or not kind.accepts(found):
            raise DocumentFault(f"{name} is not {kind.label}")
        # where the name is all that is checked, it must be the thing's own name
        if kind in (TYPE, FUNCTION) and (own := self._name_of(found)) != name:
            raise DocumentFault(f"{name} is another name of {own}")
        self._check_class(found)  # an allowed module may have imported it from another
        return found

    def _name_of(self, found: Any) -> str | None:
        known = isinstance(found, type | FunctionType | BuiltinFunctionType)
        return self._own_name(found) if known else function_name(found)

    def _look_up(self, module: str, qualname: str) -> Any:
        if not _is_below(module, _OWN_MODULES):
            self._check_allowed(module)
        found = look_up(self._imported(module), qualname)
        if found is None and module == main_module_name():
            # a worker process has the name of another process's script, and may have imported that under its real name
            found = look_up(sys.modules.get(module), qualname)
        if found is None and module == "builtins":
            found = _UNLISTED.get(qualname)
        if found is None:
            found = self._builtin(module, qualname)
        if found is None:
            raise DocumentFault(f"there is no {module}:{qualname}; it may have been renamed or moved")
        return found

    def _builtin(self, module: str, qualname: str) -> Any:
        """A function of C that is found in the module, though it says that it is in a class, as PyTorch's do."""
        found = vars(self._imported(module)).get(qualname.rpartition(".")[2])
        return (
            found
            if isinstance(found, BuiltinFunctionType) and self._own_name(found) == f"{module}:{qualname}"
            else None
        )

    def _check_class(self, found: Any) -> None:
        module = module_name(_module_of(found))
        if not self._is_allowed(module) and not _is_harmless(found):
            raise DocumentFault(_why_refused(module, found))

    def _check_allowed(self, module: str) -> None:
        if not self._is_allowed(module):
            raise DocumentFault(f"the module {module} is not among those allowed by modules=")

    def _is_allowed(self, module: str) -> bool:
        return self._modules is None or _is_below(module, self._modules)

    def module(self, name: object) -> ModuleType:
        """The module of that name, imported if necessary; the one that runs as ``__main__`` is not imported again."""
        if not isinstance(name, str) or not name or name.startswith("."):
            raise DocumentFault(f"expected the name of a module, not {short_repr(name)}")
        self._check_allowed(name)
        return self._imported(name)

    def _imported(self, name: str) -> ModuleType:
        if name.startswith("."):
            raise DocumentFault(f"expected the name of a module, not {short_repr(name)}")
        if name == main_module_name():
            return sys.modules["__main__"]
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as error:  # a module may raise anything while it is imported
            raise DocumentFault(
                f"the module {name} cannot be imported: {class_name(type(error))}: {text_of(error)}"
            ) from error
        if not isinstance(module, ModuleType):  # sys.modules may hold anything
            raise DocumentFault(f"{name} is not a module")
        return module


def _is_below(module: str, tops: Iterable[str]) -> bool:
    return any(module == top or module.startswith(f"{top}.") for top in tops)


def _module_of(found: Any) -> str:
    """The module that a class or function says it is from; of a callable that does not, the one it is found in."""
    module = getattr(found, "__module__", None)
    return module if isinstance(module, str) else (function_name(found) or "").partition(":")[0]


def _is_harmless(found: Any) -> bool:
    if not isinstance(found, type):
        return False
    # the class's own attribute, not an inherited one: a subclass may do anything
    return qualified_name(found) in _HARMLESS or (
        vars(found).get("safe_to_share") is True and _is_below(found.__module__, _OWN_MODULES)
    )


def _why_refused(module: str, found: Any) -> str:
    if not _is_below(module, _OWN_MODULES):
        return f"the module {module} is not among those allowed by modules="
    return f"{qualified_name(found)} {_danger(found)}is allowed only where modules= names {module}"


def _danger(found: Any) -> str:
    if not isinstance(found, type):
        return ""
    if issubclass(found, Storage):
        return "reads and writes where its fields say, so it "
    if not issubclass(found, Output):
        return ""
    if _is_below(found.__module__, ("alexflow.sources",)):
        return "reads whatever its url says, so it "
    return "can run code when it is loaded, so it "
