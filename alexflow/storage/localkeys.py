"""Which keys a directory holds: asked one by one, or in one listing, whichever costs less."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from alexflow.storage.keys import RESERVED, check_key
from alexflow.storage.oserror import NOT_THERE, failed

#: Up to here keys are looked for without a thread: one by one, at some 1 µs each, unless the directory is nearly empty.
FEW = 256  # keys

#: Below, no listing is worth its opening.
LEAST = 8  # keys

# A directory's size grows with its entries: so large it may be for each key that is asked after, and be listed still.
_OF_FEW, _OF_MANY = 64, 512  # bytes


def one_by_one(base: str, keys: Iterable[str]) -> set[str]:
    """Those of ``keys`` that are there, each asked after: for few."""
    base += "/"
    # access costs half of what a stat that fails does, and most questions are about what is not there yet
    return {key for key in keys if os.access(base + key, os.F_OK) and not os.path.isdir(base + key)}


def by_directory(base: str, keys: Sequence[str]) -> set[str]:
    """Those of ``keys`` that are there, in one listing where that costs less."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        wanted[key.rpartition("/")[0]].append(key)
    found: set[str] = set()
    for directory, inside in wanted.items():
        found |= _within(base, directory, inside)
    return found


def _within(base: str, directory: str, keys: list[str]) -> set[str]:
    path = f"{base}/{directory}"
    try:
        if len(keys) < LEAST:
            return one_by_one(base, keys)
        status = os.stat(path)
        if status.st_size > len(keys) * (_OF_FEW if len(keys) <= FEW else _OF_MANY):
            return one_by_one(base, keys)
        without = 2 if directory or not os.path.isdir(f"{path}/{RESERVED}") else 3  # links of it, if all are files
        names = os.listdir(path) if status.st_nlink == without else _files_in(path)
    except NOT_THERE:
        return set()
    except OSError as error:
        raise failed("list", path, error) from error
    return set(keys).intersection(f"{directory}/{name}" for name in names) if directory else set(keys) & set(names)


def _files_in(directory: str) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if not entry.is_dir()]


def all_keys(base: str, prefix: str) -> Iterator[str]:
    """All that begin with ``prefix``, in no order."""
    directory = prefix.rpartition("/")[0]
    if directory:
        check_key(directory)
    pending = [directory]
    while pending:
        directory = pending.pop()
        path = f"{base}/{directory}"
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if not directory and entry.name.startswith(RESERVED):
                        continue
                    key = f"{directory}/{entry.name}" if directory else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(key)
                    elif key.startswith(prefix):
                        yield key
        except NOT_THERE:
            continue
        except OSError as error:
            raise failed("list", path, error) from error
