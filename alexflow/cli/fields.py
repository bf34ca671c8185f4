"""Fields on the command line: ``--depth 5 --config.lr 0.1`` becomes arguments of a class or function, by annotations.

A value is read by the annotation of its field, so that ``--rate 1`` is the float 1.0 where a float belongs: parameters
of different types are different tasks. Lists, tuples, sets and dicts are JSON; a nested dataclass is given field by
field, or as a JSON object.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from typing import Any

import msgspec

from alexflow.cli.wrong_use import WrongUse, listed
from alexflow.hooks import a_thing, suggestion
from alexflow.record.conditions import json_or_text

#: Resolves a word that names a task or an output, where a field takes one.
ResolveTarget = Callable[[str], Any]

#: Fields as they were given: texts, True for a flag, and below a name with a dot the same again.
GivenFields = dict[str, Any]

_TRUE, _FALSE, _NONE = ("true", "yes", "1"), ("false", "no", "0"), ("none", "null")

#: In a union a text is read as the first of these that it can be, so that it is a ``str`` only if it is nothing else.
_UNION_ORDER = (bool, int, float)


def given_fields(words: Sequence[str], assignments: Sequence[str] = ()) -> GivenFields:
    """Parse ``--name value``, ``--name=value``, ``--flag`` and ``--no-flag``, and assignments ``name=value``."""
    given: GivenFields = {}
    pending = list(words)
    while pending:
        word = pending.pop(0)
        if not word.startswith("--") or len(word) == 2:
            raise WrongUse(f"{word!r} is not a field; fields follow the target as --name value")
        name, equals, value = word[2:].partition("=")
        if equals:
            _put(given, name, value)
        elif pending and not pending[0].startswith("--"):
            _put(given, name, pending.pop(0))
        else:
            _put(given, name, True)
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not (name and equals):
            raise WrongUse(f"--set takes NAME=VALUE, not {assignment!r}")
        _put(given, name, value)
    return given


def _put(given: GivenFields, name: str, value: str | bool) -> None:
    *outer, last = name.replace("-", "_").split(".")
    place = given
    for step in outer:
        place = place.setdefault(step, {})
        if not isinstance(place, dict):
            raise WrongUse(f"{name} is given within {step}, which is given as a whole, too")
    if last in place:
        raise WrongUse(f"{name} is given twice")
    place[last] = value


def call_with(maker: Any, given: GivenFields, resolve: ResolveTarget) -> Any:
    """Call a class or function with fields.

    Raises:
        WrongUse: a field is unknown, missing or cannot be read; or the call raised.
    """
    parameters = _parameters_of(maker)
    arguments = _arguments(maker.__name__, parameters, given, resolve)
    missing = [name for name, (_, default) in parameters.items() if default is _REQUIRED and name not in arguments]
    for name in missing:
        _refuse_secret(f"{maker.__name__}.{name}", parameters[name][0])
    if missing:
        wanted = listed(f"--{name.replace('_', '-')} ({_named(parameters[name][0])})" for name in missing)
        raise WrongUse(f"{maker.__name__} needs {wanted}")
    return _made(maker.__name__, lambda: maker(**arguments))


def changed(instance: Any, given: GivenFields, resolve: ResolveTarget) -> Any:
    """Make a copy of a dataclass's instance with other values in some fields."""
    cls = type(instance)
    parameters = {
        name: (annotation, getattr(instance, name, _REQUIRED)) for name, (annotation, _) in _parameters_of(cls).items()
    }
    arguments = _arguments(cls.__name__, parameters, given, resolve)
    return _made(cls.__name__, lambda: dataclasses.replace(instance, **arguments))


def _made(name: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except WrongUse:
        raise
    except Exception as error:  # the user's code
        raise WrongUse(f"{name} raised {type(error).__name__}: {error}") from error


_REQUIRED = object()

#: The annotation of a secret.
_SECRET = object()

#: Parameters by name: the annotation and the default.
Parameters = Mapping[str, tuple[Any, Any]]


def _parameters_of(maker: Any) -> Parameters:
    try:
        hints = typing.get_type_hints(maker, include_extras=False)
    except Exception:  # a name that only type checkers see, mostly
        hints = {}
    if dataclasses.is_dataclass(maker):
        hints |= {field.name: _SECRET for field in dataclasses.fields(maker) if field.metadata.get("secret")}
        return {
            field.name: (hints.get(field.name, field.type), _default_of(field))
            for field in dataclasses.fields(maker)
            if field.init
        }
    parameters = inspect.signature(maker).parameters.values()
    return {
        each.name: (hints.get(each.name, Any), _REQUIRED if each.default is each.empty else each.default)
        for each in parameters
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    }


def _refuse_secret(path: str, annotation: Any, *, within: bool = False) -> None:
    """Refuse a secret as a field, also one ``within`` a dataclass that is given as a whole.

    The shell's history, the list of processes and the record of the run would keep it.
    """
    if annotation is _SECRET:
        raise WrongUse(
            f"{path} is a secret, which no command line may hold; "
            f"name a function as the target that makes the task with what it reads from the environment or a file"
        )
    for option in _options(annotation) if within else ():
        if dataclasses.is_dataclass(option) and not _names_a_target(option):
            for name, (inner, _) in _parameters_of(option).items():
                _refuse_secret(f"{path}.{name}", inner, within=inner is not annotation)


def _default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return _REQUIRED


def _arguments(owner: str, parameters: Parameters, given: GivenFields, resolve: ResolveTarget) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, value in given.items():
        if name not in parameters and value is True and name.startswith("no_") and name[3:] in parameters:
            name, value = name[3:], False
        if name not in parameters:
            has = f"it has {listed(parameters, 12)}" if parameters else "it has none"
            raise WrongUse(f"{owner} has no field {name!r}{suggestion(name, parameters)} ({has})")
        annotation, default = parameters[name]
        path = f"{owner}.{name}"
        _refuse_secret(path, annotation, within=not isinstance(value, dict))
        if isinstance(value, dict):
            arguments[name] = _nested(path, annotation, default, value, resolve)
        else:
            arguments[name] = _read(path, annotation, value, resolve)
    return arguments


def _nested(path: str, annotation: Any, default: Any, given: GivenFields, resolve: ResolveTarget) -> Any:
    """The dataclass in a field, from what was given for its fields: a changed default, or a new one."""
    if dataclasses.is_dataclass(default) and not isinstance(default, type):
        return changed(default, given, resolve)
    for option in _options(annotation):
        if dataclasses.is_dataclass(option):
            return call_with(option, given, resolve)
    raise WrongUse(f"{path} is {a_thing(_named(annotation))}, which has no fields to be given one by one")


def _read(path: str, annotation: Any, text: str | bool, resolve: ResolveTarget) -> Any:
    if isinstance(text, bool):
        if bool in _options(annotation) or annotation is Any:
            return text
        flag = path.rpartition(".")[2].replace("_", "-")
        raise WrongUse(
            f"{path} {f'needs a value after --{flag}' if text else f'is no flag, so there is no --no-{flag}'}"
        )
    options = _options(annotation)
    if len(options) > 1 and types.NoneType in options and text.lower() in _NONE:
        return None
    options = [option for option in options if option is not types.NoneType]
    fault = ""
    for option in sorted(options, key=_union_rank):
        try:
            return _converted(option, text, resolve)
        except WrongUse as error:
            raise WrongUse(f"{path}: {error}") from None
        except (ValueError, msgspec.ValidationError) as error:
            fault = str(error) if isinstance(error, msgspec.ValidationError) else ""
    raise WrongUse(f"{path} is {_expected(annotation)}, which {text!r} is not" + (f": {fault}" if fault else ""))


def _union_rank(option: Any) -> int:
    if option in _UNION_ORDER:
        return _UNION_ORDER.index(option)
    return len(_UNION_ORDER) + (option is str)


def _options(annotation: Any) -> list[Any]:
    """The types that an annotation allows, without what type checkers add."""
    while True:
        if isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        else:
            break
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [option for part in typing.get_args(annotation) for option in _options(part)]
    return [annotation]


def _converted(option: Any, text: str, resolve: ResolveTarget) -> Any:
    """The value of one type behind a text; raises ValueError or ValidationError."""
    if option is str:
        return text
    if option is bool:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise ValueError
        return text.lower() in _TRUE
    if option in (int, float):
        return option(text)
    if typing.get_origin(option) is typing.Literal:
        return next(choice for choice in (*_choices(option, text),))
    if _names_a_target(option):
        return _target(option, resolve(text))
    if isinstance(option, type) and issubclass(option, Enum):
        return _member(option, text)
    if isinstance(option, type) and issubclass(option, PurePath):
        return option(text)
    if option is Any or isinstance(option, str | typing.TypeVar):
        return json_or_text(text)
    if option in (bytes, bytearray):
        raise WrongUse("bytes cannot be given on the command line; use a function that makes the target")
    return _structured(option, text)


def _choices(option: Any, text: str) -> list[Any]:
    found = [choice for choice in typing.get_args(option) if str(choice) == text]
    if not found:
        raise ValueError
    return found


def _member(option: type[Enum], text: str) -> Enum:
    if text in option.__members__:
        return option[text]
    for member in option:
        if str(member.value) == text:
            return member
    raise ValueError


def _names_a_target(option: Any) -> bool:
    from alexflow.model import AbstractTask, Output  # deferred: it makes no difference to programs that use fields

    origin = typing.get_origin(option) or option
    return isinstance(origin, type) and issubclass(origin, (Output, AbstractTask))


def _target(option: Any, found: Any) -> Any:
    from alexflow.model import AbstractTask, Output  # deferred, as above

    origin = typing.get_origin(option) or option
    if isinstance(found, AbstractTask) and issubclass(origin, Output):
        found = found.output()
        if not isinstance(found, Output):
            raise WrongUse("names a task with several outputs, of which one is needed; use a function")
    if not isinstance(found, origin):
        raise WrongUse(f"takes {a_thing(origin.__name__)}, not {a_thing(type(found).__name__)}")
    return found


def _structured(option: Any, text: str) -> Any:
    """A container, dataclass, date, decimal and the like, as msgspec reads them."""
    data: Any = text
    strict = text[:1] in ("[", "{")
    if strict:
        try:
            data = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise WrongUse(f"{text!r} is not JSON: {error}") from None
    try:
        return msgspec.convert(data, option, strict=strict, dec_hook=_other_type)
    except TypeError as error:  # msgspec has no such type
        raise WrongUse(
            f"{a_thing(_named(option))} cannot be given on the command line; use a function ({error})"
        ) from None


def _other_type(kind: type, data: Any) -> Any:
    if issubclass(kind, PurePath) and isinstance(data, str):
        return kind(data)
    raise TypeError(f"there is no text for {kind.__qualname__}")


def _expected(annotation: Any) -> str:
    parts = []
    for option in _options(annotation):
        if typing.get_origin(option) is typing.Literal:
            parts += [str(choice) for choice in typing.get_args(option)]
        elif isinstance(option, type) and issubclass(option, Enum):
            parts += list(option.__members__)
        else:
            parts.append(_named(option))
    return f"one of {', '.join(parts)}" if len(parts) > 1 else f"a value of type {parts[0]}"


def _named(annotation: Any) -> str:
    if annotation is types.NoneType:
        return "none"
    if typing.get_origin(annotation) is None and isinstance(annotation, type):
        return annotation.__qualname__
    return str(annotation).replace("typing.", "")
