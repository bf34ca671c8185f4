"""Comparison of a value with the value that its stored form gives, before it is stored.

Most values are equal to what comes back, which Python finds out in one comparison. Only where they are not is the place
looked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from alexflow.hooks import a_thing, repr_of, text_of
from alexflow.identity import path_text

#: Limit for a value in a message.
_SHOWN = 80  # characters

#: Depth down to which the path of a value that cannot be written is searched.
_DEEPEST = 100  # levels


def check_returned(value: Any, back: Any, remedy: str) -> None:
    """See that what comes back is what was to be stored.

    Args:
        value: what is to be stored.
        back: what its stored form gives.
        remedy: what to do where it is something else.

    Raises:
        ValueError: it is something else; the message begins with the path to it.
    """
    if (value == back) is True:
        return
    for path, item, found in _pairs(value, back):
        if not _is_same(item, found):
            where = path or "the value"
            raise ValueError(f"{where} is {_short_repr(item)} and would come back as {_short_repr(found)}; {remedy}")


def _pairs(value: Any, back: Any) -> Iterator[tuple[str, Any, Any]]:
    """Pairs of parts of two values that have to be equal, each with its path: leaves, or parts of different types."""
    pending: list[tuple[tuple[str, ...], Any, Any]] = [((), value, back)]
    while pending:
        path, value, back = pending.pop()
        if type(value) is list and type(back) is list and len(value) == len(back):
            pending += (((*path, f"[{index}]"), *pair) for index, pair in enumerate(zip(value, back, strict=True)))
        elif type(value) is dict and type(back) is dict:
            missing = next((key for key in value if key not in back), None)
            if missing is not None or len(value) != len(back):
                yield (
                    f"a key of {path_text(path) or 'the value'}",
                    missing,
                    next((key for key in back if key not in value), None),
                )
                return
            pending += (((*path, f"[{_short_repr(key)}]"), item, back[key]) for key, item in value.items())
        else:
            yield path_text(path), value, back


def _is_same(value: Any, back: Any) -> bool:
    if type(value) is float and type(back) is float and math.isnan(value):
        return math.isnan(back)
    return (value == back) is True


def _short_repr(value: Any) -> str:
    return repr_of(value, _SHOWN)


def written(value: Any, encode: Callable[[Any], bytes]) -> bytes:
    """``encode(value)``.

    Raises:
        TypeError: a part of it cannot be encoded; the message begins with the path to it.
    """
    try:
        return encode(value)
    except Exception as error:  # the value's own code may raise anything
        path, refused = _refused_part(value, encode)
        where = f"{path or 'the value'} is {a_thing(type(refused).__qualname__)}"
        raise TypeError(f"{where}: {text_of(error)}{_remedy(type(refused))}") from error


def _remedy(kind: type) -> str:
    """Name the method that makes plain data of one of NumPy's values, which metrics often are."""
    names = {base.__name__ for base in kind.__mro__ if base.__module__ == "numpy"}
    method = "item" if "generic" in names else "tolist" if "ndarray" in names else ""
    return f"; store its .{method}()" if method else ""


def _refused_part(value: Any, encode: Callable[[Any], Any]) -> tuple[str, Any]:
    """Find the innermost part of a value that ``encode`` refuses; return its path and the part."""
    path: list[str] = []
    for _ in range(_DEEPEST):
        inner = next((part for part in _parts(value) if not _takes(encode, part[1])), None)
        if inner is None:
            break
        path.append(f"[{_short_repr(inner[0])}]")
        value = inner[1]
    return path_text(path), value


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from enumerate(value)


def _takes(encode: Callable[[Any], Any], value: Any) -> bool:
    try:
        encode(value)
    except Exception:  # the value's own code may raise anything
        return False
    return True
