"""Canonical forms of values that other libraries define, some of the standard library among them.

No library is imported here: if there is a value of a class, the class's module has been imported.

Each form comes in three parts, so that one place holds all there is to say of a kind of value: what it is made of
(``parts``, which documents write and messages name by their path), and the canonical value made of that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from alexflow.errors import IdentityError
from alexflow.identity.names import look_up, module_name, qualified_name

#: From a value inside to its canonical form.
Of = Callable[[Any], Any]


class LibraryForm:
    """The canonical form of a kind of value.

    Attributes:
        canonical: gives it, with a function for the values inside.
        parts: the values inside, each with the step that leads to it.
    """

    __slots__ = ("canonical", "parts")

    def __init__(self, canonical: Callable[[Any, Of], Any], parts: Callable[[Any], Iterable[tuple[str, Any]]]):
        self.canonical = canonical
        self.parts = parts


def loaded(module: str, name: str) -> Any:
    """A class of a module; an empty tuple, of which nothing is an instance, if the module has not been imported."""
    return getattr(sys.modules.get(module), name, ())


def library_form(value: Any) -> LibraryForm | None:
    """The form of a value; None for one that has none."""
    kind = type(value)
    form = _EXACT.get((kind.__module__, kind.__qualname__))
    if form is not None and kind is loaded(kind.__module__, kind.__qualname__):
        return form
    for module, name, form in _DERIVED:
        if isinstance(value, loaded(module, name)):
            return form
    if is_attrs(kind):
        return _ATTRS
    return _CALLABLE if callable(value) and function_name(value) is not None else None


# -- classes by their fields


def is_attrs(cls: type) -> bool:
    """Whether a class was made by attrs; runs no code of the class."""
    return any("__attrs_attrs__" in vars(base) for base in cls.__mro__)


def fields_of_attrs(value: Any) -> Iterator[tuple[str, Any]]:
    """Fields of an attrs instance that it is compared by."""
    for attribute in type(value).__attrs_attrs__:
        if attribute.eq:
            metadata = attribute.metadata
            if metadata.get("secret") or metadata.get("encode"):
                raise IdentityError(
                    f"{type(value).__qualname__}.{attribute.name} has metadata for alexflow, which an attrs class "
                    f"cannot have; declare the secret, or `encode`, on the task's own field"
                )
            yield attribute.name, getattr(value, attribute.name)


def fields_of_model(value: Any) -> Iterator[tuple[str, Any]]:
    """Fields of a pydantic model, and what it has besides where it allows that."""
    for name in type(value).model_fields:
        yield name, getattr(value, name)
    yield from (value.__pydantic_extra__ or {}).items()


def _by_fields(tag: str, fields_of: Callable[[Any], Iterable[tuple[str, Any]]]) -> LibraryForm:
    def canonical(value: Any, of: Of) -> Any:
        fields = sorted([name, of(item)] for name, item in fields_of(value) if item is not None)
        return [tag, qualified_name(type(value)), fields]

    def parts(value: Any) -> Iterable[tuple[str, Any]]:
        return ((f".{name}", item) for name, item in fields_of(value))

    return LibraryForm(canonical, parts)


_ATTRS = _by_fields("attrs", fields_of_attrs)


# -- callables


def function_name(value: Any) -> str | None:
    """``module:qualname`` of a callable that is found under that name; None if it is not.

    So are functions of C, of Cython, of Numba, and those in a cache. NumPy's and SciPy's universal functions do not
    know their module.
    """
    qualname = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    owner = getattr(value, "__objclass__", None)
    module = getattr(owner if owner is not None else value, "__module__", None)
    modules = _UFUNCS if isinstance(value, loaded("numpy", "ufunc")) else (module,)
    for name in modules:
        if isinstance(name, str) and isinstance(qualname, str) and look_up(sys.modules.get(name), qualname) is value:
            return f"{module_name(name)}:{qualname}"
    return None


_UFUNCS = ("numpy", "scipy.special")

_CALLABLE = LibraryForm(lambda value, of: ["function", function_name(value)], lambda value: ())


def _partial(value: Any, of: Of) -> Any:
    keywords = sorted([name, of(item)] for name, item in value.keywords.items())
    return ["partial", of(value.func), [of(item) for item in value.args], keywords]


def _parts_of_partial(value: Any) -> Iterator[tuple[str, Any]]:
    yield ".func", value.func
    yield from ((f".args[{index}]", item) for index, item in enumerate(value.args))
    yield from ((f".keywords[{name!r}]", item) for name, item in value.keywords.items())


# -- numbers, texts, zones


def _zone(value: Any, of: Of) -> Any:
    if value.key is None:
        raise IdentityError("a ZoneInfo that was made from a file has no key; make it by its name: ZoneInfo('…')")
    return ["zone", value.key]


def _pattern(value: Any, of: Of) -> Any:
    return ["pattern", value.pattern, value.flags]


def _dtype(value: Any, of: Of) -> Any:
    if value.names is not None:
        if any(len(field) > 2 for field in value.fields.values()):
            raise IdentityError("a structured dtype with titles has no form; leave the titles out")
        fields = [[name, _dtype(value.fields[name][0], of), value.fields[name][1]] for name in value.names]
        return ["dtype", fields, value.itemsize]
    if value.subdtype is not None:
        return ["dtype", _dtype(value.base, of), list(value.shape)]
    return ["dtype", dtype_text(value)]


def dtype_text(value: Any) -> str:
    """The text of a simple dtype: NumPy's, with ``=`` for this machine's order of bytes; or the name of its class."""
    if value.type.__module__ != "numpy":
        return qualified_name(value.type)  # as of bfloat16, whose text is that of two bytes
    text: str = value.str
    if text[0] not in "<>|":
        raise IdentityError(f"the dtype {value} has no text that gives it back; pass its name as a string")
    return f"={text[1:]}" if value.isnative and text[0] != "|" else text


def _leaf(canonical: Callable[[Any, Of], Any]) -> LibraryForm:
    return LibraryForm(canonical, lambda value: ())


#: Of exactly these classes.
_EXACT = {
    ("builtins", "range"): _leaf(lambda value, of: ["range", [of(value.start), of(value.stop), of(value.step)]]),
    ("fractions", "Fraction"): _leaf(lambda value, of: ["fraction", [of(value.numerator), of(value.denominator)]]),
    ("zoneinfo", "ZoneInfo"): _leaf(_zone),
    ("re", "Pattern"): _leaf(_pattern),
    ("torch", "dtype"): _leaf(lambda value, of: ["torch.dtype", str(value).removeprefix("torch.")]),
    ("functools", "partial"): LibraryForm(_partial, _parts_of_partial),
}

#: Forms that instances of subclasses have, too.
_DERIVED = (
    ("numpy", "dtype", _leaf(_dtype)),
    ("pydantic.main", "BaseModel", _by_fields("model", fields_of_model)),
)
