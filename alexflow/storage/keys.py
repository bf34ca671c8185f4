"""Which keys a storage accepts: relative names that stay below its root on every platform."""

from __future__ import annotations

import re

from alexflow.errors import InvalidKey

# an empty step (also a leading or trailing slash), a step of one or two dots, a backslash, or NUL
_UNSAFE = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|[\\\0]")

#: What begins so at a storage's root is not an output: files on their way, what was moved aside, the storage's notes.
RESERVED = ".alexflow"

LONGEST_NAME = 255  # bytes between two slashes, as file systems have it


def check_key(key: str) -> str:
    """``key`` itself.

    Raises:
        InvalidKey: it is empty or absolute, has a ``..`` or empty step, a backslash, a NUL or too long a step, or
            begins with ``.alexflow``.
    """
    if "/" in key or "\\" in key or "\0" in key or key in _STEPS:  # seldom; the pattern takes longer
        _check_steps(key)
    if key[0] == "." and key[: len(RESERVED)].lower() == RESERVED:  # lower: as a case-insensitive disk sees it
        raise InvalidKey(f"the output key {key!r} begins with {RESERVED}, which the storage keeps to itself; rename it")
    if key[1:2] == ":":  # a drive, on Windows
        raise _unsafe(key)
    if len(key) > LONGEST_NAME or not key.isascii():
        _check_lengths(key)
    return key


_STEPS = frozenset({"", ".", ".."})


def _check_steps(key: str) -> None:
    if _UNSAFE.search(key) is not None:
        raise _unsafe(key)


def _check_lengths(key: str) -> None:
    try:
        lengths = [len(step.encode()) for step in key.split("/")]
    except UnicodeEncodeError as error:
        raise InvalidKey(f"the output key {key!r} is not a text that UTF-8 can write: {error.reason}") from None
    if max(lengths) > LONGEST_NAME:
        raise InvalidKey(f"the output key {key!r} has a step longer than {LONGEST_NAME} bytes; shorten it")


def _unsafe(key: str) -> InvalidKey:
    return InvalidKey(
        f"the output key {key!r} could leave the storage's root; use a relative name without empty, '.' or '..' "
        f"steps, backslashes or NUL"
    )
