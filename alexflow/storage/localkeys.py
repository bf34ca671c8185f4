"""Which keys a directory holds: asked one by one, or in one listing, whichever costs less."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from alexflow.storage.keys import RESERVED, check_key
from alexflow.storage.oserror import NOT_THERE, failed

#: Up to here keys are checked one by one, about 1 µs each, without a thread.
FEW = 256  # keys


def one_by_one(base: str, keys: Iterable[str]) -> set[str]:
    """Those of ``keys`` that are there, each asked after: for few."""
    base += "/"
    # access costs half of what a stat that fails does, and most questions are about what is not there yet
    return {key for key in keys if os.access(base + key, os.F_OK) and not os.path.isdir(base + key)}


def by_directory(base: str, keys: Sequence[str]) -> set[str]:
    """Those of ``keys`` that are there, in one listing where most of a directory is asked after: for many."""
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
        # a directory's size grows with its entries; list it only if most of it was asked for
        if len(keys) <= FEW or (status := os.stat(path)).st_size > 512 * len(keys):
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
