"""``Frozen``: the methods of frozen dataclasses, written once.

``@dataclass(frozen=True)`` writes and compiles six methods for each class, which takes 0.4 ms whenever it is imported:
in the process of the program, and once more before the first worker. A class that derives from :class:`Frozen`, and is
decorated with ``@dataclass(init=False, eq=False, repr=False)``, behaves the same; it has an ``__init__`` of its own,
which sets fields with :data:`set_field`.

A base of users' frozen dataclasses has to be one itself, for they refuse another. :func:`frozen_dataclass` decorates
it, and :func:`allow_frozen_subclasses` declares it frozen.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar, dataclass_transform

T = TypeVar("T")

#: ``set_field(instance, name, value)``, for constructors.
set_field = object.__setattr__

if TYPE_CHECKING:

    class _NewInstance(Protocol):
        def __call__(self, cls: type[T], /) -> T: ...


#: ``new_instance(cls)``, without its constructor; a sixth less than by looking that up on ``object`` each time.
new_instance: _NewInstance = object.__new__


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def frozen_dataclass(cls: type[T]) -> type[T]:
    """Decorate as ``@dataclass(frozen=True, init=False, eq=False, repr=False)``, without compiling anything.

    The class inherits the methods of :class:`Frozen`, or of :class:`FrozenFields`.
    """
    return dataclass(init=False, eq=False, repr=False)(cls)


def allow_frozen_subclasses(*classes: type) -> None:
    """Declare classes frozen once all of them are decorated: of a frozen class, only frozen ones may be derived."""
    for cls in classes:
        vars(cls)["__dataclass_params__"].frozen = True


def is_generated(function: Any) -> bool:
    """Whether ``@dataclass`` has written a function."""
    code = getattr(function, "__code__", None)
    return code is not None and code.co_filename == "<string>"


def is_constructed_alike(cls: Any, base: Any) -> bool:
    """Whether the constructor of a class is that of a base, or one that ``@dataclass`` has made of the same fields."""
    own, inherited = fields(cls), fields(base)
    if "__init__" not in vars(cls):
        defaults = [field.name for field in inherited if field.default is not MISSING]
        return cls.__init__ is base.__init__ and all(getattr(cls, name) is getattr(base, name) for name in defaults)
    if cls is base:
        return True
    names = [field.name for field in own if field.init and field.default_factory is MISSING]
    return is_generated(cls.__init__) and names == [field.name for field in own] == [field.name for field in inherited]


class FrozenFields:
    """Base of dataclasses whose instances cannot be changed.

    What is no field may be set on an instance of a subclass that is not decorated, as ``@dataclass`` has it.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if _is_frozen(self, name):
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if _is_frozen(self, name):
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super().__delattr__(name)


def _is_frozen(instance: Any, name: str) -> bool:
    return "__dataclass_fields__" in vars(type(instance)) or name in instance.__dataclass_fields__


class ComparedByFields:
    """Base of dataclasses that are compared and printed by their fields."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return _compared(self) == _compared(other)

    def __hash__(self) -> int:
        return hash(_compared(self))

    def __repr__(self) -> str:
        shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr)  # type: ignore[arg-type]
        return f"{type(self).__qualname__}({shown})"


class Frozen(ComparedByFields):
    """Base of dataclasses that are compared and printed by their fields, and cannot be changed."""

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


def _compared(instance: Any) -> tuple[Any, ...]:
    return tuple(getattr(instance, field.name) for field in fields(instance) if field.compare)
