"""The files of a directory that belong to a source: all, or those that patterns choose.

A pattern is that of :mod:`fnmatch`. Without a slash it is compared with each part of a file's path in the directory, so
that ``.git`` leaves out a whole tree; with one, with all of the path, in which ``*`` stands for slashes as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from alexflow.arguments import wrong_argument
from alexflow.errors import StorageError
from alexflow.hooks import SHORT_TEXT, repr_of

#: The names of both lists of patterns: arguments of ``source``, and options of the source that it makes.
ONLY, IGNORE = "only", "ignore"


class ChosenFiles:
    """The choice of a source's files.

    Args:
        options: of the source, with the patterns.
    """

    def __init__(self, options: Mapping[str, Any]):
        self._only: Sequence[str] = options.get(ONLY, ())
        self._ignore: Sequence[str] = options.get(IGNORE, ())

    def of(self, directory: str) -> Iterator[tuple[str, str]]:
        """Yield each file below a directory, by its name in it, and its path; sorted. Links are followed."""
        for inside, directories, names in os.walk(directory, onerror=_raise, followlinks=True):
            above = os.path.relpath(inside, directory).replace(os.sep, "/")
            prefix = "" if above == "." else f"{above}/"
            directories[:] = sorted(name for name in directories if not _fits(prefix + name, name, self._ignore))
            for name in directories:
                _check_link(os.path.join(inside, name), directory)
            for name in sorted(names):
                path = prefix + name
                if not _fits(path, name, self._ignore) and (not self._only or _is_among(path, self._only)):
                    yield path, os.path.join(inside, name)


def _fits(path: str, name: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns is that of a file or a directory itself."""
    return any(fnmatchcase(path if "/" in pattern else name, pattern) for pattern in patterns)


def _is_among(path: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns is that of a file, or of a directory above it."""
    parts = path.split("/")
    return any(_fits("/".join(parts[: end + 1]), part, patterns) for end, part in enumerate(parts))


def patterns_of(name: str, given: object) -> list[str]:
    """Return the patterns of an argument.

    Raises:
        DefinitionError: it is neither a pattern nor a list of them.
    """
    patterns = [given] if isinstance(given, str) else given
    if not isinstance(patterns, list | tuple) or not all(isinstance(each, str) and each for each in patterns):
        raise wrong_argument(name, given, "a pattern or a list of them, such as ['*.csv']")
    return list(patterns)


def _short(value: object) -> str:
    return repr_of(value, SHORT_TEXT)


def _raise(error: OSError) -> None:
    raise StorageError(f"cannot read the source {error.filename}: {error.strerror}") from error


def _check_link(path: str, top: str) -> None:
    """Check that a directory is not a link to one of its own parents below ``top``."""
    if not os.path.islink(path):
        return
    there, above = os.path.realpath(path), path
    while above != top:
        above = os.path.dirname(above)
        if os.path.realpath(above) == there:
            raise StorageError(f"{path} is a link to a directory above it, so the source has no end; remove the link")
