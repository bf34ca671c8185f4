"""Keys that a storage accepts: relative names that stay below its root on every platform."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from alexflow.errors import InvalidKey
from alexflow.hooks import SHORT_TEXT, class_name, repr_of

# an empty step (also a leading or trailing slash), a step of one or two dots, a backslash, or NUL; few keys have steps
_UNSAFE = r"(?:^|/)\.{0,2}(?:/|$)|[\\\0]"

#: Names that begin so at a storage's root are not outputs: staged files, quarantined objects, sidecars.
RESERVED = ".alexflow"

#: Damaged objects are moved to this directory.
QUARANTINE = f"{RESERVED}/quarantine"

LONGEST_NAME = 255  # bytes between two slashes, as file systems have it

LONGEST_KEY = 4095  # bytes, as Linux has it for paths

#: Steps of a key. Directories are made by recursion, which Python bounds.
DEEPEST_KEY = 255

#: Keys that were lately accepted. Each is checked at several places on its way to a storage; all but the first look
#: here, which takes a tenth of the time.
ACCEPTED: set[str] = set()

_REMEMBERED = 8192  # keys
_AT_ONCE = 256  # names of a listing
_SHOWN = 60  # characters, of a key that is too long to be shown whole


def check_key(key: str) -> str:
    """``key`` itself.

    Raises:
        InvalidKey: it is no text, is empty or absolute, has a ``..`` or empty step, a backslash, a NUL, too long a
            step or too many, is too long as a whole, or begins with ``.alexflow``.
    """
    if type(key) is str and key in ACCEPTED:
        return key
    accept_key(key)
    return key


def accept_key(key: str) -> None:
    """:func:`check_key` for a caller that has looked into :data:`ACCEPTED` itself."""
    if not (  # as most are: one step of ASCII characters; half the time of a pattern
        type(key) is str
        and key.isascii()
        and "/" not in key
        and "\\" not in key
        and "\0" not in key
        and 1 < len(key) < LONGEST_NAME
        and key[0] != "."
        and key[1] != ":"
    ):
        _look_closer(key)
    if len(ACCEPTED) >= _REMEMBERED:
        ACCEPTED.clear()
    ACCEPTED.add(key)


def _look_closer(key: str) -> None:
    if not isinstance(key, str):
        raise InvalidKey(f"an output key is a text, not {class_name(type(key))}")
    if "/" in key or "\\" in key or "\0" in key or key in _STEPS:  # seldom; the pattern takes longer
        _check_steps(key)
    if key[0] == "." and key[: len(RESERVED)].lower() == RESERVED:  # lower: as a case-insensitive disk sees it
        raise InvalidKey(f"the output key {key!r} begins with {RESERVED}, which the storage keeps to itself; rename it")
    if key[1:2] == ":":  # a drive, on Windows
        raise _unsafe(key)
    if len(key) > LONGEST_NAME or not key.isascii():
        _check_lengths(key)


def check_keys(keys: Iterable[str]) -> Sequence[str]:
    """``keys``, as a sequence: those that an iterator gives as a tuple.

    Many keys take a third of the time that :func:`check_key` takes for each: they are searched as one text for whatever
    may be wrong, and looked at singly only if it has any of that.

    Raises:
        InvalidKey: as :func:`check_key`.
    """
    if isinstance(keys, str):
        raise InvalidKey(f"keys are given as a list; {keys!r} is one text")
    if not isinstance(keys, Sequence):
        if not isinstance(keys, Iterable):
            raise InvalidKey(f"keys are given as a list, not {repr_of(keys, SHORT_TEXT)}")
        keys = tuple(keys)
    if len(keys) <= 1 or _may_be_wrong(keys):
        for key in keys:
            check_key(key)
    return keys


def check_prefix(prefix: str) -> str:
    """``prefix`` itself: nothing, or how keys begin.

    Raises:
        InvalidKey: no key may begin so.
    """
    if not isinstance(prefix, str):
        raise InvalidKey(f"a prefix of keys is a text, not {repr_of(prefix)}")
    if prefix:
        check_key(prefix[:-1] if prefix[-1] == "/" else prefix)
    return prefix


def only_keys(names: Iterable[str]) -> Iterator[str]:
    """The names that a storage accepts as keys; other programs' files may have any name."""
    for batch in in_batches(names, _AT_ONCE):
        yield from filter(is_key, batch) if _may_be_wrong(batch) else batch


def in_batches(names: Iterable[str], size: int) -> Iterator[Sequence[str]]:
    """Group names into batches; an error of ``names`` is raised after all names before it."""
    rest = iter(names)
    while True:
        batch: list[str] = []
        try:
            for name in islice(rest, size):
                batch.append(name)  # noqa: PERF402  # names before an error are not to be lost
        except Exception:
            if batch:
                yield batch
            raise
        if not batch:
            return
        yield batch


def is_key(name: str) -> bool:
    """Whether a storage accepts ``name`` as a key."""
    try:
        check_key(name)
    except InvalidKey:
        return False
    return True


def _may_be_wrong(keys: Sequence[str]) -> bool:
    try:
        text = "/".join(keys)
        return (
            "/." in text
            or "//" in text
            or "\\" in text
            or "\0" in text
            or ":" in text
            or text[:1] in _FIRST
            or text[-1] == "/"
            or not text.isascii()
            or len(max(keys, key=len)) > LONGEST_NAME
        )
    except TypeError:
        return True


#: Beginnings of keys that have to be checked singly.
_FIRST = frozenset({"", ".", "/"})


_STEPS = frozenset({"", ".", ".."})


def _check_steps(key: str) -> None:
    if re.search(_UNSAFE, key) is not None:
        raise _unsafe(key)


def _check_lengths(key: str) -> None:
    try:
        lengths = [len(step.encode()) for step in key.split("/")]
    except UnicodeEncodeError as error:
        raise InvalidKey(f"the output key {key!r} is not a text that UTF-8 can write: {error.reason}") from None
    if len(lengths) > DEEPEST_KEY:
        raise InvalidKey(f"the output key {key[:_SHOWN]!r}… has more than {DEEPEST_KEY} steps; shorten it")
    if sum(lengths) + len(lengths) - 1 > LONGEST_KEY:
        raise InvalidKey(f"the output key {key[:_SHOWN]!r}… is longer than {LONGEST_KEY:,} bytes; shorten it")
    if max(lengths) > LONGEST_NAME:
        raise InvalidKey(f"the output key {key!r} has a step longer than {LONGEST_NAME} bytes; shorten it")


def _unsafe(key: str) -> InvalidKey:
    return InvalidKey(
        f"the output key {key!r} could leave the storage's root; use a relative name without empty, '.' or '..' "
        f"steps, backslashes or NUL"
    )
