"""A parameter as plain data that MessagePack writes in exactly one way.

The rule (docs/design/identity.md states it for other implementations): None, booleans, integers of 64 bits,
floats, strings and bytes stand for themselves. Everything else is an array whose first element is a tag. There is no
untagged array or map, so values of different types never give the same bytes. A value without an identity that
every process would agree on (a lambda, an array, an open file) is refused: it is never pickled, never ``repr``-ed.

Rejected: msgspec's own encoding of Python types, which gives equal bytes for a tuple and a list, an enum and its
value, a dataclass and a dict.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from alexflow.errors import IdentityError
from alexflow.hooks import a_thing, as_cause, class_name, is_ctrl_c, text_of
from alexflow.identity.blake2 import blake2b
from alexflow.identity.library_values import library_form, loaded
from alexflow.identity.names import look_up, module_name, qualified_name
from alexflow.identity.short_repr import path_text, short_repr

if TYPE_CHECKING:
    from datetime import timedelta
    from decimal import Decimal

    import msgspec

#: The values that MessagePack can hold; arrays are always tagged.
Canonical: TypeAlias = None | bool | int | float | str | bytes | list[Any] | tuple[Any, ...]

#: Nested tasks whose own id is not known yet; the caller computes their ids and repeats the call.
Pending: TypeAlias = list[Any]


class ComputeNow(list[Any]):
    """A :data:`Pending` for callers that do not repeat the call: it computes the id of each task at once."""

    def append(self, task: Any) -> None:
        _ = task.task_id


@functools.cache
def encoder() -> Callable[[Any], bytes]:
    """The function that encodes plain data as MessagePack."""
    from msgspec.msgpack import Encoder  # deferred: it would be a quarter of the time of `import alexflow`

    return Encoder().encode


def packb(value: Any) -> bytes:
    """Plain data as MessagePack."""
    return encoder()(value)


def canonical(value: Any, pending: Pending) -> Canonical:
    """Reduce a value to plain data; raises IdentityError, without a path, for a value without identity."""
    kind = type(value)
    if kind in _ITSELF or (kind is int and LEAST_INT <= value <= MOST_INT) or (kind is float and value == value):
        return value  # type: ignore[no-any-return]
    encode = _ENCODERS.get(kind)
    if encode is None:  # asked first: to find that `list` has no such attribute takes four times as long
        if getattr(kind, "__canonical_form__", kind) is None:  # instances may have theirs cached
            known: Canonical = value.__canonical_form__
            if known is not None:
                return known
        encode = getattr(kind, "__canonical__", None) or _canonical_of_user_type
    return encode(value, pending)


def _long(value: int, pending: Pending) -> Canonical:
    # hexadecimal: Python refuses to write more than 4,300 decimal digits
    return ["int", f"{value:x}"]


def _nan(value: float, pending: Pending) -> Canonical:
    return ["nan"]


def _sequence(value: list[Any] | tuple[Any, ...], pending: Pending) -> Canonical:
    """An array of the items; outputs, of which most tasks have several, are taken in one step."""
    tag, kinds = "list" if type(value) is list else "tuple", set(map(type, value))
    if kinds <= _ITSELF:
        return [tag, list(value)]
    kind = kinds.pop()
    if not kinds and kind not in _ENCODERS and getattr(kind, "__canonical_form__", kind) is None:
        forms = list(map(_form_of, value))
        if all(forms):  # else one is not known yet
            return [tag, forms]
    return [tag, [canonical(item, pending) for item in value]]


def _entries(value: Mapping[Any, Any], pending: Pending) -> list[list[Canonical]]:
    return [[canonical(k, pending), canonical(v, pending)] for k, v in value.items()]


def _dict(value: dict[Any, Any], pending: Pending) -> Canonical:
    return [
        "dict",
        sorted(_entries(value, pending), key=packb),
    ]  # by key, as keys differ; two NaN do not, so by value then


def _ordered_dict(value: OrderedDict[Any, Any], pending: Pending) -> Canonical:
    return ["odict", _entries(value, pending)]


def _items_of_set(value: Iterable[Any], pending: Pending) -> list[Canonical]:
    return sorted((canonical(item, pending) for item in value), key=packb)


def _set(value: set[Any], pending: Pending) -> Canonical:
    return ["set", _items_of_set(value, pending)]


def _frozenset(value: frozenset[Any], pending: Pending) -> Canonical:
    return ["frozenset", _items_of_set(value, pending)]


def _complex(value: complex, pending: Pending) -> Canonical:
    return ["complex", [canonical(value.real, pending), canonical(value.imag, pending)]]


def _timedelta(value: timedelta, pending: Pending) -> Canonical:
    return ["timedelta", [value.days, value.seconds, value.microseconds]]


def _module(value: ModuleType, pending: Pending) -> Canonical:
    return ["module", module_name(value.__name__)]


def _decimal(value: Decimal, pending: Pending) -> Canonical:
    return ["decimal", decimal_text(value)]


def decimal_text(value: Decimal) -> str:
    """``str(value)``, whatever the decimal context says about capitals."""
    return str(value).replace("e", "E")


def _function(value: FunctionType | BuiltinFunctionType, pending: Pending) -> Canonical:
    if value.__name__ == "<lambda>":
        raise IdentityError("a lambda has no stable identity; define a function at module level and pass that")
    if "<locals>" in value.__qualname__ or not value.__module__:
        raise _nameless("function", value)
    name = qualified_name(value)
    namesake = look_up(sys.modules.get(value.__module__), value.__qualname__)
    if namesake is not value and (_wraps(value, namesake) or _wraps(namesake, value)):
        raise IdentityError(f"this is not {name}, but wraps it or is wrapped in it; give it a name of its own")
    return ["function", name]


def _wraps(function: Any, wrapped: Any) -> bool:
    """Whether a function wraps another according to ``functools.wraps``, which gives it the other's name."""
    for _ in range(_MOST_WRAPPERS):
        function = getattr(function, "__wrapped__", None)
        if function is None or function is wrapped:
            return function is not None
    return False


_MOST_WRAPPERS = 100  # a bound for a function that claims to wrap itself


def _nameless(what: str, thing: Any) -> IdentityError:
    return IdentityError(f"the {what} {thing.__qualname__!r} cannot be named from outside; define it at module level")


_ITSELF = frozenset({type(None), bool, str, bytes})

LEAST_INT, MOST_INT = -(2**63), 2**64 - 1  # integers that MessagePack can hold
_form_of = attrgetter("__canonical_form__")

_Encode: TypeAlias = Callable[[Any, Pending], Canonical]

_ENCODERS: dict[type, _Encode] = {
    int: _long,  # only integers and floats that do not stand for themselves get here
    float: _nan,
    complex: _complex,
    list: _sequence,
    tuple: _sequence,
    dict: _dict,
    OrderedDict: _ordered_dict,
    set: _set,
    frozenset: _frozenset,
    FunctionType: _function,
    BuiltinFunctionType: _function,
    ModuleType: _module,
}

#: Types of modules that need not be imported here: if there is a value of the type, its module has been imported. Each
#: is added to the table above when it is first met.
_ENCODERS_ON_DEMAND: dict[tuple[str, str], _Encode] = {
    ("decimal", "Decimal"): _decimal,
    ("uuid", "UUID"): lambda value, pending: ["uuid", value.hex],
    ("datetime", "datetime"): lambda value, pending: ["datetime", value.isoformat()],
    ("datetime", "date"): lambda value, pending: ["date", value.isoformat()],
    ("datetime", "time"): lambda value, pending: ["time", value.isoformat()],
    ("datetime", "timedelta"): _timedelta,
}


def _canonical_of_user_type(value: Any, pending: Pending) -> Canonical:
    kind = type(value)
    if isinstance(value, type):
        if "<locals>" in value.__qualname__:  # a function may make many of that name
            raise _nameless("class", value)
        return ["type", qualified_name(value)]
    if isinstance(value, enum.Enum):
        # not .name, which a class may define anew
        member = value._name_ if value._name_ is not None else canonical(value.value, pending)
        return ["enum", qualified_name(kind), member]
    if isinstance(value, loaded("pathlib", "PurePath")):
        path: list[Canonical] = ["path", value.as_posix()]
        return path if any(kind is loaded("pathlib", name) for name in _PATHS) else [*path, qualified_name(kind)]
    if is_dataclass(kind) and not issubclass(kind, PLAIN):
        return ["dataclass", qualified_name(kind), _fields(_of_dataclass(value), pending)]
    if isinstance(value, loaded("msgspec", "Struct")):
        return ["struct", qualified_name(kind), _fields(_of_struct(value), pending)]
    if is_namedtuple(kind) and not is_dataclass(kind):
        items = [canonical(item, pending) for item in value]
        return ["namedtuple", qualified_name(kind), items]
    name = kind.__module__, kind.__qualname__
    encode = _ENCODERS_ON_DEMAND.get(name)
    # or derived from it: tests replace the types of datetime by such classes
    if encode is not None and kind in getattr(loaded(*name), "__mro__", ()):
        _ENCODERS[kind] = encode
        return encode(value, pending)
    form = library_form(value)
    if form is not None:
        return form.canonical(value, lambda part: canonical(part, pending))  # type: ignore[no-any-return]
    raise IdentityError(_refusal(value, kind))


_PATHS = ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath", "Path", "PurePath")

#: Subclasses of these have content besides their declared fields, so they are not taken for dataclasses.
PLAIN = (dict, list, tuple, set, frozenset, str, bytes, int, float)


def is_dataclass(cls: type) -> bool:
    """Whether a class, and not only its metaclass, has dataclass fields; runs no code of the class."""
    return any("__dataclass_fields__" in vars(base) for base in cls.__mro__)


def is_namedtuple(cls: type) -> bool:
    """Whether a class was made by ``namedtuple`` or ``NamedTuple``, or inherits from one."""
    return issubclass(cls, tuple) and any(isinstance(vars(base).get("_fields"), tuple) for base in cls.__mro__)


def _of_dataclass(value: Any) -> Iterable[tuple[str, Any]]:
    for field in dataclasses.fields(value):
        if field.metadata and field.repr and field.metadata.get("secret"):
            raise IdentityError(
                f"{type(value).__qualname__}.{field.name} is a secret, which the class itself would print; "
                f"declare it with field(repr=False, metadata={{'secret': True}})"
            )
        if field.compare:
            yield field.name, _identified_field(value, field)


def _identified_field(holder: Any, field: dataclasses.Field[Any]) -> Any:
    value = getattr(holder, field.name)
    return identified(value, field, qualified_name(type(holder))) if field.metadata else value


def _of_struct(value: msgspec.Struct) -> Iterable[tuple[str, Any]]:
    return ((name, getattr(value, name)) for name in value.__struct_fields__)


def identified(value: Any, field: dataclasses.Field[Any], owner: str) -> Any:
    """The value of a field as it enters ids: after its ``encode``, and in place of a secret what gives its digest.

    Args:
        value: the value.
        field: the field.
        owner: name of the class, as ids have it.
    """
    encode = field.metadata.get("encode")
    if not field.metadata.get("secret"):
        return encoded(value, encode)
    try:
        value = encoded(value, encode)
    except IdentityError:
        raise IdentityError("its `encode` raised") from None  # the message may have the value
    return None if value is None else Secret(value, f"{owner}.{field.name}")


class Secret:
    """Stands for the value of a secret field where an id is computed.

    The digest is keyed with the field's name, so that equal secrets of two fields do not look equal. The key is known:
    ids have to be the same everywhere. It keeps nothing from trying short values.

    Args:
        value: the secret.
        name: of the field, behind that of its class.
    """

    def __init__(self, value: Any, name: str):
        self._value = value
        self._key = blake2b(name.encode(), digest_size=32).digest()

    def __canonical__(self, pending: Pending) -> Canonical:
        data = packb(canonical(self._value, pending))
        return ["secret", blake2b(data, key=self._key, person=b"alexflow secret", digest_size=20).hexdigest()]


class Unnamed:
    """Stands for a secret that no id depends on: that there is one is all that is known of it."""

    def __canonical__(self, pending: Pending) -> Canonical:
        return ["secret", None]


def encoded(value: Any, encode: Callable[[Any], Any] | None) -> Any:
    """The value of a field as it enters ids: after the ``encode`` of its metadata, if there is one."""
    if encode is None or value is None:
        return value
    try:
        return encode(value)
    except BaseException as error:
        if is_ctrl_c(error):
            raise
        raise IdentityError(f"its `encode` raised {class_name(type(error))}: {text_of(error)}") from as_cause(error)


def _fields(values: Iterable[tuple[str, Any]], pending: Pending) -> list[list[Canonical]]:
    """Fields by name, without those that are None (so that a field added later keeps old ids)."""
    return sorted([name, canonical(value, pending)] for name, value in values if value is not None)


def _refusal(value: Any, kind: type) -> str:
    name = a_thing(class_name(kind))
    if callable(getattr(kind, "get_secret_value", None)):
        return (
            f"{name} is a secret; pass value.get_secret_value() to a field that is declared with "
            f"field(metadata={{'secret': True}})"
        )
    if kind.__module__ in _OF_TEXT:
        return f"{name} is not a plain Python value; pass str(value) to a field that is a str"
    if callable(getattr(kind, "get_params", None)) and callable(getattr(kind, "set_params", None)):
        return f"{name} has no identity of its own; pass its class and a dict of its parameters, and make it in run()"
    for method in _TO_PLAIN:
        if callable(getattr(kind, method, None)):
            return f"{name} is not a plain Python value; pass value.{method}()"
    if callable(getattr(value, "item", None)) and getattr(value, "ndim", None) == 0:
        return f"{name} is not a plain Python value; pass value.item()"
    if hasattr(value, "__array__") or callable(getattr(kind, "state_dict", None)):
        return (
            f"{name} has no identity of its own; store it with a task and pass that task's output, or declare {_ENCODE}"
        )
    for plain in PLAIN:
        if isinstance(value, plain):
            return f"{name} is a subclass of {plain.__name__}; pass a plain {plain.__name__}"
    if isinstance(value, MethodType):
        return f"this is the method {value.__func__.__qualname__} itself; call it: {value.__func__.__qualname__}()"
    return (
        f"{name} cannot be identified; use plain values, enums, dataclasses, module-level functions "
        f"or classes, tasks or outputs; or declare {_ENCODE}, "
        f"or with compare=False if results do not depend on it"
    )


#: Methods of values that other libraries have in place of plain ones.
_TO_PLAIN = ("to_pydatetime", "to_pytimedelta")

#: Modules of values that their texts give back: URLs and addresses.
_OF_TEXT = ("pydantic.networks", "pydantic_core._pydantic_core", "ipaddress")

_ENCODE = 'the field with field(metadata={"encode": …, "decode": …}), which give a plain value and take it back'


def locate(value: Any, start: str, steps: tuple[str, ...] = ()) -> tuple[str, IdentityError] | None:
    """Find the innermost value without identity, and the path to it; None if there is none.

    It is called only after a refusal, so that the normal case carries no path along.
    """
    try:
        packb(canonical(value, []))
    except (IdentityError, UnicodeEncodeError, TypeError, RecursionError) as error:
        for step, child in children(value) if len(steps) < _DEEPEST_PATH else ():
            found = locate(child, start, (*steps, step))
            if found is not None:
                return found
        return start + path_text(steps), error if isinstance(error, IdentityError) else IdentityError(_explain(error))
    return None


_DEEPEST_PATH = 20  # of a value that contains itself there is no innermost part


def _explain(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply (or it contains itself)"
    return surrogate_refusal(error) if isinstance(error, UnicodeEncodeError) else str(error)


def surrogate_refusal(error: UnicodeEncodeError) -> str:
    """The reason why a text is refused: without the text, which may be a secret."""
    return (
        f"it has the lone surrogate {error.object[error.start]!r} at {error.start}, which UTF-8 cannot write; such a "
        f"text comes from bytes that are not UTF-8, as a file's name may be: pass the bytes, os.fsencode(text)"
    )


def children(value: Any) -> Iterable[tuple[str, Any]]:
    """The values inside a value, with the steps to them; none for tasks and outputs."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield f"[{short_repr(key)}]", item
            yield f"[{short_repr(key)}] (the key)", key
    elif isinstance(value, list | tuple):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from (("{…}", item) for item in value)
    elif isinstance(value, loaded("msgspec", "Struct")):
        yield from ((f".{name}", item) for name, item in _of_struct(value))
    elif is_dataclass(type(value)) and not hasattr(value, "__canonical__"):
        for field in dataclasses.fields(value):
            if field.compare:
                yield f".{field.name}", _encoded_or_refused(value, field)
    elif type(value) not in _ENCODERS and (form := library_form(value)) is not None:
        yield from form.parts(value)


def _encoded_or_refused(value: Any, field: dataclasses.Field[Any]) -> Any:
    try:
        return _identified_field(value, field)
    except IdentityError as error:
        return _Refused(error)


class _Refused:
    """Stands for a value that could not be encoded, so that the path leads to it."""

    def __init__(self, error: IdentityError):
        self._error = error

    def __canonical__(self, pending: Pending) -> Canonical:
        raise self._error
