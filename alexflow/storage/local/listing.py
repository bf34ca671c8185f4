"""Keys that exist in a directory: asked one by one, or listed at once, whichever costs less."""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import StorageError
from alexflow.storage.files import NOT_THERE, is_file, storage_error
from alexflow.storage.keys import RESERVED

#: Up to here keys are looked for without a thread: one by one, at some 1 µs each, unless the directory is nearly empty.
MAX_INLINE_KEYS = 64  # keys

#: Below, no listing is worth its opening.
MIN_KEYS_TO_LIST = 8  # keys

#: Bytes of a directory for each key, above which its keys are asked one by one: two names of outputs. A name costs
#: 0.5 µs to list, a key 0.5 to 1.3 µs to ask. A directory in memory (tmpfs) says 20 bytes a name, and no blocks.
_BYTES_TO_LIST, _BYTES_TO_LIST_IN_MEMORY = 256, 40


@blocks_briefly("a small file: it costs less than a thread would")
def one_by_one(base: str, keys: Iterable[str]) -> set[str]:
    """The subset of ``keys`` that exists, asked one by one: for few keys."""
    base += "/"
    found: set[str] = set()
    is_there = False
    for key in keys:
        path = base + key
        # access costs half of what a stat that fails does, and what comes after one that is there mostly is there, too
        is_there = (is_there or os.access(path, os.F_OK)) and _is_file(path)
        if is_there:
            found.add(key)
    return found


def _is_file(path: str) -> bool:
    try:
        return is_file(path)
    except OSError:  # it has just gone
        return False


def existing(base: str, keys: Sequence[str]) -> set[str]:
    """The subset of ``keys`` that exists."""
    if len(keys) < MIN_KEYS_TO_LIST:
        return one_by_one(base, keys)
    if "/" not in "".join(keys):  # as of most: all in one directory
        return _within(base, "", keys)
    wanted: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        wanted[key.rpartition("/")[0]].append(key)
    found: set[str] = set()
    for directory, inside in wanted.items():
        found |= _within(base, directory, inside)
    return found


def _within(base: str, directory: str, keys: Sequence[str]) -> set[str]:
    count = len(keys)
    if count < MIN_KEYS_TO_LIST:
        return one_by_one(base, keys)
    path = f"{base}/{directory}"
    try:
        names = (
            _if_nearly_empty(path, count) if count <= MAX_INLINE_KEYS else _if_not_much_larger(path, directory, count)
        )
    except NOT_THERE:
        return set()
    except PermissionError:  # the directory may be open for names, and not for listings
        names = None
    except OSError as error:
        raise storage_error("list", path, error) from error
    if names is None:
        return one_by_one(base, keys)
    inside = (f"{directory}/{name}" for name in names) if directory else names
    found = set(keys).intersection(inside)
    return {key for key in keys if key in found}  # the caller's texts, so that those of a long listing are freed here


@blocks_briefly("a small file: it costs less than a thread would")
def _if_nearly_empty(path: str, count: int) -> list[str] | None:
    """The files of a directory that has few for each of ``count`` keys, else None.

    It may be the event loop that waits: this ends soon even where a directory's size says nothing, as on SMB and FUSE.
    """
    if os.stat(path).st_size > 64 * count:
        return None
    with os.scandir(path) as entries:
        first = list(itertools.islice(entries, 4 * count + 1))
    return None if len(first) > 4 * count else _files_of(first)


def _if_not_much_larger(path: str, directory: str, count: int) -> list[str] | None:
    """The files of a directory, most of which ``count`` keys are, judged by the directory's size; else None."""
    status = os.stat(path)
    if status.st_size > count * (_BYTES_TO_LIST if status.st_blocks else _BYTES_TO_LIST_IN_MEMORY):
        return None
    without = 2 if directory or not os.path.isdir(f"{path}/{RESERVED}") else 3  # links of it, if all are files
    if status.st_nlink == without:
        return os.listdir(path)
    with os.scandir(path) as entries:
        return _files_of(entries)


def _files_of(entries: Iterable[os.DirEntry[str]]) -> list[str]:
    return [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]


def all_keys(base: str, prefix: str) -> Iterator[str]:
    """All keys that begin with ``prefix``, in no order. An error is raised after all keys that could be listed.

    A link to a directory is followed, as it is for a key, unless it leads to what is listed already.

    Raises:
        StorageError: a directory could not be listed.
    """
    directory = prefix.rpartition("/")[0]
    pending = [directory]
    trouble: StorageError | None = None
    while pending:
        directory = pending.pop()
        path = f"{base}/{directory}"
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if not directory and entry.name.startswith(RESERVED):
                        continue
                    key = f"{directory}/{entry.name}" if directory else entry.name
                    if entry.is_dir(follow_symlinks=False) or _is_part_elsewhere(base, directory, entry):
                        pending.append(key)
                    elif key.startswith(prefix) and entry.is_file(follow_symlinks=False):
                        yield key
        except NOT_THERE:
            continue
        except OSError as error:
            trouble = trouble or storage_error("list", path, error)
    if trouble is not None:
        raise trouble


def _is_part_elsewhere(base: str, directory: str, entry: os.DirEntry[str]) -> bool:
    """Whether this is a link to a directory outside of the storage, in which a part of its outputs is.

    A link into the storage gives outputs a second name, and one to a directory above would be followed without end.
    """
    if not entry.is_symlink() or not entry.is_dir():
        return False
    storage, target = os.path.realpath(base), os.path.realpath(entry.path)
    if os.path.commonpath([storage, target]) in (storage, target):
        return False
    steps = directory.split("/")
    above = (f"{base}/{'/'.join(steps[:count])}" for count in range(1, len(steps) + 1)) if directory else ()
    return target not in map(os.path.realpath, above)
